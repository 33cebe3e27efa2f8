#!lua flags=allow-oom
-- Ends a job that is ready: nobody has read it.
-- KEYS  stream, stats
-- ARGV  group, entry id
-- Reply 1 ended, 0 it is being sent, -1 it isn't there
local stream, stats = KEYS[1], KEYS[2]
local pending = redis.pcall('XPENDING', stream, ARGV[1], ARGV[2], ARGV[2], 1)
if pending.err and not string.find(pending.err, 'NOGROUP', 1, true) then return pending end
if not pending.err and #pending > 0 then return 0 end
if redis.call('XDEL', stream, ARGV[2]) == 0 then return -1 end
local time = redis.call('TIME')
local hour = stats .. ':' .. math.floor(time[1] / 3600)
redis.pcall('HINCRBY', hour, math.floor(time[1] / 60) % 60 .. ':cancelled', 1)
redis.pcall('EXPIRE', hour, 691200)
return 1
