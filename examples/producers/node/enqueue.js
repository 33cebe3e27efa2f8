// Adds COUNT jobs for the URL in TO, prints their ids, and adds one more that isn't sent before a second has passed.
//
//   npm install && REDIS_URL=redis://127.0.0.1:6379 TO=https://hooks.example/in COUNT=10 node enqueue.js

import { Redis } from "ioredis";

const QUEUE = "postrider:deliveries";

// Jobs that go to Redis in one round trip: bounds the memory of both sides.
const BATCH = 500;

const to = process.env.TO;
const count = Number(process.env.COUNT ?? 10);
if (!to || !Number.isSafeInteger(count) || count < 0) {
  console.error("enqueue: TO must hold the URL of a receiver, and COUNT a number of jobs");
  process.exit(2);
}

const redis = new Redis(process.env.REDIS_URL ?? "redis://127.0.0.1:6379", {
  // A user who may do nothing but XADD has no INFO to check readiness with.
  enableReadyCheck: false,
  // An XADD whose answer was lost is not sent again by itself: it could make two jobs of one.
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
});
redis.on("error", (error) => {
  console.error(`enqueue: ${error.message}`);
  process.exit(3);
});

// Names and values of one job, flat. The content is sent byte for byte as it is here.
function job(number, more = {}) {
  const content = JSON.stringify({ note: { id: `node-${number}`, text: "héllo ✓" } });
  const fields = { to, type: "note", content, hookId: "node", userId: "example", secret: "s3cret", ...more };
  return Object.entries(fields).flat();
}

for (let first = 1; first <= count; first += BATCH) {
  const pipeline = redis.pipeline();
  for (let number = first; number < Math.min(first + BATCH, count + 1); number += 1) {
    pipeline.xadd(QUEUE, "*", ...job(number));
  }
  for (const [error, id] of await pipeline.exec()) {
    if (error) throw error;
    console.log(id);
  }
}

console.log(await redis.xadd(QUEUE, "*", ...job(count + 1, { notBefore: Date.now() + 1000 })));
redis.disconnect();
