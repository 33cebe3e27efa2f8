#!lua flags=allow-oom
-- Names hooks with held jobs whose turn it is to be looked at, and puts each off, so that one worker looks at it at a time.
-- KEYS  held
-- ARGV  most hooks, pause until the next look at each (ms)
-- Reply hooks (<user id>/<hook id>)…
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local hooks = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, hook in ipairs(hooks) do redis.call('ZADD', KEYS[1], now + ARGV[2], hook) end
return hooks
