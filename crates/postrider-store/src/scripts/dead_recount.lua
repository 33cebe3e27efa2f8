#!lua flags=allow-oom
-- Counts a page of dead letters anew and lists their ids, from the newest to the oldest. The first page begins with empty counters:
-- what dies from then on is counted as it does.
-- KEYS  dead
-- ARGV  the last letter of the page before, or '' for the first page; most letters; most cost: a byte costs 1, a field 100
-- Reply {the last letter of this page, or '' at the end; letters}
local dead, behind = KEYS[1], ARGV[1]
local left, cost_left = tonumber(ARGV[2]), tonumber(ARGV[3])
local counters, index = dead .. ':counts', dead .. ':ids'
local STEP, FIELD = 2, 100
local from, counted = '+', 0
if behind ~= '' then
  from = '(' .. behind
else
  redis.call('XLEN', dead) -- raises where it is another type, before anything is lost
  redis.call('UNLINK', counters, index)
end
local function count(entry)
  local said, given, cost = {}, {}, 0
  for i = 1, #entry[2], 2 do
    local name, value = entry[2][i], entry[2][i + 1]
    if string.byte(name) == 95 then said[name] = value else given[name] = given[name] or value end
    cost = cost + #name + #value + FIELD
  end
  local hook = given.hookId and (given.userId or '') .. '/' .. given.hookId or ''
  redis.call('HINCRBY', counters, (said._reason or '') .. ' ' .. (#hook <= 257 and hook or ''), 1)
  -- The newest of a job comes first, be it in this walk or by the job's death meanwhile.
  if said._id then redis.call('HSETNX', index, said._id, entry[1]) end
  return cost
end
while left > 0 and cost_left > 0 do
  local asked = math.min(left, STEP)
  local entries = redis.call('XREVRANGE', dead, from, '-', 'COUNT', asked)
  for _, entry in ipairs(entries) do cost_left = cost_left - count(entry) end
  counted, left = counted + #entries, left - #entries
  if #entries < asked then return { '', counted } end
  from = '(' .. entries[#entries][1]
end
return { string.sub(from, 2), counted }
