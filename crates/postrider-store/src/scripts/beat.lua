#!lua flags=allow-oom
-- One heartbeat, and what every worker needs to hear each second.
-- KEYS  workers:seen, workers, retry, control
-- ARGV  consumer, what it says about itself (JSON)
-- Reply {now, next due or -1, 1 where paused}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
local head = redis.pcall('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
local paused = redis.pcall('HGET', KEYS[4], 'paused')
return { now, head[2] or -1, paused == '1' and 1 or 0 }
