// What producer and worker share: where the queue is, and the options of its jobs.

export const QUEUE = 'userWebhookDeliver';
export const PREFIX = 'localhost:queue:userWebhookDeliver';

const WEEK = 7 * 24 * 3600;

export const JOB_OPTIONS = {
	attempts: 4,
	backoff: { type: 'custom' },
	removeOnComplete: { age: WEEK, count: 30 },
	removeOnFail: { age: WEEK, count: 100 },
};

// One more minute, three, seven, ..., at most eight hours, and up to a fifth more by chance.
export function backoff(attemptsMade) {
	const base = Math.min((2 ** attemptsMade - 1) * 60_000, 8 * 3600_000);
	return base + Math.round(base * Math.random() * 0.2);
}

export function connection(redis) {
	const { hostname, port } = new URL(redis);
	return { host: hostname, port: Number(port), maxRetriesPerRequest: null };
}
