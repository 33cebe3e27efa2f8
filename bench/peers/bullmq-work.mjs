// Delivers until it is killed.

import http from 'node:http';
import { MetricsTime, UnrecoverableError, Worker } from 'bullmq';
import fetch from 'node-fetch';
import { PREFIX, QUEUE, backoff, connection } from './bullmq-queue.mjs';

const SERVER = 'http://localhost';

const agent = new http.Agent({ keepAlive: true, keepAliveMsecs: 30_000, maxSockets: 256, maxFreeSockets: 256 });

export async function run(args) {
	const send = { fetch: sendByFetch, agent: sendByAgent }[args['kind']];
	const timeout = Number(args['timeout-ms']);
	const worker = new Worker(QUEUE, job => deliver(job.data, send, timeout), {
		connection: connection(args['redis']),
		prefix: PREFIX,
		name: args['name'],
		concurrency: Number(args['concurrency']),
		settings: { backoffStrategy: backoff },
		metrics: { maxDataPoints: MetricsTime.ONE_WEEK },
	});
	worker.on('error', error => console.error(error));
	await worker.waitUntilReady();
	console.log('ready');
}

async function deliver(job, send, timeout) {
	const status = await send(job.to, request(job), timeout);
	if (status >= 200 && status < 300) return 'Success';
	if (status >= 400 && status < 500 && status !== 429) throw new UnrecoverableError(`${status}`);
	throw new Error(`${status}`);
}

function request(job) {
	return {
		method: 'POST',
		headers: {
			'User-Agent': 'Misskey-Hooks',
			'X-Misskey-Host': 'localhost',
			'X-Misskey-Hook-Id': job.webhookId,
			'X-Misskey-Hook-Secret': job.secret,
			'Content-Type': 'application/json',
		},
		body: JSON.stringify({
			server: SERVER,
			hookId: job.webhookId,
			userId: job.userId,
			eventId: job.eventId,
			createdAt: job.createdAt,
			type: job.type,
			body: job.content,
		}),
	};
}

async function sendByFetch(url, request, timeout) {
	const controller = new AbortController();
	const timer = setTimeout(() => controller.abort(), timeout);
	try {
		const answer = await fetch(url, { ...request, agent, signal: controller.signal, size: 10 * 1024 * 1024 });
		return answer.status;
	} finally {
		clearTimeout(timer);
	}
}

function sendByAgent(url, { method, headers, body }, timeout) {
	return new Promise((resolve, reject) => {
		const length = { 'Content-Length': Buffer.byteLength(body) };
		const outgoing = http.request(url, { method, headers: { ...headers, ...length }, agent, timeout }, answer => {
			answer.resume();
			answer.on('end', () => resolve(answer.statusCode));
			answer.on('error', reject);
		});
		outgoing.on('timeout', () => outgoing.destroy(new Error('timeout')));
		outgoing.on('error', reject);
		outgoing.end(body);
	});
}
