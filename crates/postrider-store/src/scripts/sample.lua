#!lua flags=no-writes
-- How many jobs are in which state.
-- KEYS  stream, retry, dead, workers:seen
-- ARGV  group
-- Reply {now, in the stream, leased, waiting, dead, workers, id of the oldest unread entry or ''}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local leased, read = 0, '0-0'
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if groups.err and not string.find(groups.err, 'no such key', 1, true) then return groups end
for _, group in ipairs(groups.err and {} or groups) do
  local facts = {}
  for i = 1, #group, 2 do facts[group[i]] = group[i + 1] end
  if facts['name'] == ARGV[1] then leased, read = facts['pending'], facts['last-delivered-id'] end
end
local unread = redis.call('XRANGE', KEYS[1], '(' .. read, '+', 'COUNT', 1)
return {
  now, redis.call('XLEN', KEYS[1]), leased, redis.call('ZCARD', KEYS[2]), redis.call('XLEN', KEYS[3]),
  redis.call('ZCARD', KEYS[4]), unread[1] and unread[1][1] or '',
}
