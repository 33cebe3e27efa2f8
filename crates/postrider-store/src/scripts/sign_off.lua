#!lua flags=allow-oom
-- A worker that has nothing pending takes its leave; one that has is left to be found dead, so that nothing is lost.
-- KEYS  stream, workers, workers:seen
-- ARGV  group, consumer
-- Reply 1 gone, 0 something is pending still
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
if not pending.err and #pending > 0 then return 0 end
redis.pcall('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('HDEL', KEYS[2], ARGV[2])
return 1
