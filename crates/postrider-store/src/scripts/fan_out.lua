#!lua
-- Makes one job of an event for each hook, and ends the event, in one step: wholly or not at all, and once.
-- Without allow-oom: events wait while Redis is out of memory, where jobs go on being settled.
-- KEYS  events, deliveries
-- ARGV  group, consumer, entry id, the event's id, its time (epoch ms), ids of the hooks…
-- Reply jobs made, -1 refused: another worker has it, -2 gone: fanned out before, or deleted
local events, deliveries = KEYS[1], KEYS[2]
local group, consumer, id, event, created_at = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local pending = redis.pcall('XPENDING', events, group, id, id, 1)
if pending.err and not string.find(pending.err, 'NOGROUP', 1, true) then return pending end
if not pending.err and #pending > 0 and pending[1][2] ~= consumer then return -1 end
local entry = redis.call('XRANGE', events, id, id)
if #entry == 0 then
  redis.pcall('XACK', events, group, id)
  return -2
end
local inherited = { userId = 1, type = 1, content = 1, notBefore = 1, expiresAt = 1, traceparent = 1 }
local job = {}
for i = 1, #entry[1][2], 2 do
  local name = entry[1][2][i]
  if inherited[name] or string.sub(name, 1, 7) == 'header:' then
    job[#job + 1] = name
    job[#job + 1] = entry[1][2][i + 1]
  end
end
local n = #job
job[n + 1], job[n + 2] = 'createdAt', created_at
for i = 6, #ARGV do
  local job_id = event .. ':' .. ARGV[i]
  job[n + 3], job[n + 4], job[n + 5], job[n + 6], job[n + 7], job[n + 8] = 'hookId', ARGV[i], 'id', job_id, 'eventId', job_id
  redis.call('XADD', deliveries, '*', unpack(job))
end
redis.pcall('XACK', events, group, id)
redis.call('XDEL', events, id)
return #ARGV - 5
