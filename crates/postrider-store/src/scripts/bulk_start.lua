#!lua flags=allow-oom
-- Notes a bulk operation that begins.
-- KEYS  bulk
-- ARGV  seconds for which its record is kept, name, value, …
-- Reply 1, or 0 where there is one of this id
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
