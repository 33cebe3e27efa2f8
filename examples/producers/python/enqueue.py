"""Adds COUNT jobs for the URL in TO, prints their ids, and adds one more that isn't sent before a second has passed.

    pip install -r requirements.txt
    REDIS_URL=redis://127.0.0.1:6379 TO=https://hooks.example/in COUNT=10 python3 enqueue.py
"""

import json
import os
import sys
import time
from itertools import islice

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

QUEUE = "postrider:deliveries"

# Jobs that go to Redis in one round trip: bounds the memory of both sides.
BATCH = 500


def job(to: str, number: int, **more) -> dict:
    """The fields of one job. The content is sent byte for byte as it is here."""
    content = json.dumps({"note": {"id": f"python-{number}", "text": "héllo ✓"}}, ensure_ascii=False)
    fields = {"to": to, "type": "note", "content": content}
    return fields | {"hookId": "python", "userId": "example", "secret": "s3cret"} | more


def add_all(client: redis.Redis, jobs) -> None:
    """Adds them in batches, each in one round trip, and prints their ids."""
    jobs = iter(jobs)
    while batch := list(islice(jobs, BATCH)):
        # Without a transaction: a user who may do nothing but XADD has no MULTI.
        pipeline = client.pipeline(transaction=False)
        for fields in batch:
            pipeline.xadd(QUEUE, fields)
        for entry_id in pipeline.execute():
            print(entry_id.decode())


def main() -> int:
    to, count = os.environ.get("TO"), os.environ.get("COUNT", "10")
    if not to or not count.isdigit():
        print("enqueue: TO must hold the URL of a receiver, and COUNT a number of jobs", file=sys.stderr)
        return 2
    # No retry: an XADD whose answer was lost is not sent again by itself, as it could make two jobs of one.
    no_retry = Retry(NoBackoff(), retries=0)
    client = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"), retry=no_retry)
    try:
        add_all(client, (job(to, number) for number in range(1, int(count) + 1)))
        later = job(to, int(count) + 1, notBefore=int(time.time() * 1000) + 1000)
        print(client.xadd(QUEUE, later).decode())
    except (redis.ConnectionError, redis.TimeoutError) as error:
        print(f"enqueue: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
