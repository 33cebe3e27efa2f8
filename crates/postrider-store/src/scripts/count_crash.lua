#!lua flags=allow-oom
-- Notes, before a job that was taken over is started, that it was lost with a worker: the delivery count is the counter.
-- KEYS  stream
-- ARGV  group, consumer, entry id, new delivery count
-- Reply 1, or 0 where the entry is not this consumer's any more
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
if #pending == 0 then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'RETRYCOUNT', ARGV[4], 'JUSTID')
return 1
