#!lua flags=allow-oom
-- Stops a bulk operation, or lets it go on without its limit: one that has finished stays so.
-- KEYS  bulk
-- ARGV  running or stopped, seconds for which its record is kept
-- Reply its state now, or '' where there is none
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return '' end
if state == 'finished' then return state end
redis.call('HSET', KEYS[1], 'state', ARGV[1])
if ARGV[1] == 'running' then redis.call('HDEL', KEYS[1], 'limit') end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return ARGV[1]
