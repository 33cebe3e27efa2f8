// Webhook deliveries through BullMQ, set up as Misskey sets it up (attempts, backoff, removal, metrics), but without its
// limit of 64 jobs a second.
//
//   node bullmq.mjs add  --kind fetch|agent --redis URL --job FILE --jobs N [--per-second R] --to URL [--to URL ...]
//   node bullmq.mjs work --kind fetch|agent --redis URL --name NAME --concurrency C --timeout-ms T
//
// `fetch` sends with node-fetch, as Misskey does; `agent` with node's own http client and its keep-alive agent.

import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		'kind': { type: 'string' },
		'name': { type: 'string' },
		'redis': { type: 'string' },
		'job': { type: 'string' },
		'jobs': { type: 'string' },
		'per-second': { type: 'string' },
		'to': { type: 'string', multiple: true },
		'concurrency': { type: 'string' },
		'timeout-ms': { type: 'string' },
	},
});

const roles = { add: './bullmq-add.mjs', work: './bullmq-work.mjs' };
const module = roles[positionals[0]];
if (module === undefined) {
	console.error('either add or work');
	process.exit(2);
}
const { run } = await import(module);
await run(values);
