#!lua flags=no-writes
-- How many jobs some of the hooks hold, of those that have held jobs.
-- KEYS  held
-- ARGV  the first hook's rank, the last one's
-- Reply {hooks looked at, jobs}
local hooks = redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[2])
local jobs = 0
for _, hook in ipairs(hooks) do jobs = jobs + redis.call('ZCARD', KEYS[1] .. ':' .. hook) end
return { #hooks, jobs }
