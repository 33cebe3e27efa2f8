#!lua flags=allow-oom
-- Notes a bulk operation that begins, and whether it is the workers' to carry on: in one step, so that none is left to nobody.
-- KEYS  bulk, bulk operations of the workers
-- ARGV  seconds for which its record is kept, its id where it is the workers' or '', name, value, …
-- Reply 1, or 0 where there is one of this id
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
redis.call('EXPIRE', KEYS[1], ARGV[1])
if ARGV[2] ~= '' then redis.call('HSET', KEYS[2], ARGV[2], redis.call('HGET', KEYS[1], 'startedAt')) end
return 1
