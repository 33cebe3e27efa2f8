// Adds jobs: in bulk, or one by one at an even rate.

import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { JOB_OPTIONS, PREFIX, QUEUE, connection } from './bullmq-queue.mjs';

const JOBS_PER_TRIP = 500;

export async function run(args) {
	const job = JSON.parse(readFileSync(args['job'], 'utf8'));
	const queue = new Queue(QUEUE, { connection: connection(args['redis']), prefix: PREFIX });
	const jobs = Number(args['jobs']);
	if (args['per-second'] === undefined) {
		for (let added = 0; added < jobs; added += JOBS_PER_TRIP) {
			const count = Math.min(JOBS_PER_TRIP, jobs - added);
			await queue.addBulk(Array.from({ length: count }, (_, index) => entry(job, added + index, args['to'])));
		}
	} else {
		await addSteadily(queue, job, jobs, Number(args['per-second']), args['to']);
	}
	await queue.close();
}

async function addSteadily(queue, job, jobs, perSecond, to) {
	const start = performance.now();
	for (let number = 0; number < jobs; number++) {
		const early = start + number * 1000 / perSecond - performance.now();
		if (early > 0) await pause(early);
		const { name, data, opts } = entry(job, number, to);
		await queue.add(name, data, opts);
	}
}

function entry(job, number, to) {
	const now = Math.round((performance.timeOrigin + performance.now()) * 1000);
	const url = to[number % to.length].replace('{now}', now).replace('{number}', number);
	return { name: job.webhookId, data: { ...job, to: url, eventId: `${job.eventId}-${number}` }, opts: JOB_OPTIONS };
}
