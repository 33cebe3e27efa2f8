#!lua flags=allow-oom
-- Adds notices for owners and operators.
-- KEYS  notices
-- ARGV  most entries (about), then for each: kind, userId, hookId, job, reason
local time = redis.call('TIME')
local at = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
for i = 2, #ARGV, 5 do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'kind', ARGV[i], 'userId', ARGV[i + 1], 'hookId', ARGV[i + 2],
    'job', ARGV[i + 3], 'reason', ARGV[i + 4], 'at', at)
end
