#!lua flags=no-writes
-- A page of waiting jobs by when they fall due, without what they carry: neither content nor secrets leave Redis.
-- KEYS  retry, retry:jobs
-- ARGV  due time and id behind which the page begins ('-inf' and '': at the first; 'at' and an id: with that job), most jobs, most
--       cost: a byte of a record costs 2, since it is copied twice, a field 100
-- Reply {now, 1 where the set ended, {id, due, entry, hook or '', bytes, name, value, …}…}; of a job that can't be read, entry is ''
local retry, jobs = KEYS[1], KEYS[2]
local score, id = tonumber(ARGV[1]) or -math.huge, ARGV[2]
local left, cost_left = tonumber(ARGV[3]), tonumber(ARGV[4])
local SHOWN = { to = 1, type = 1, hookId = 1, userId = 1, eventId = 1, createdAt = 1, maxAttempts = 1, expiresAt = 1, _job = 1 }
local LONGEST, STEP, FIELD = 2100, 50, 100
-- As Redis orders members: by their bytes. Lua's own order depends on the machine's language.
local function is_behind(one, other)
  for i = 1, math.min(#one, #other) do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then return a > b end
  end
  return #one > #other
end
local function first_rank()
  local low, high = 0, redis.call('ZCARD', retry)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local at = redis.call('ZRANGE', retry, middle, middle, 'WITHSCORES')
    local due = tonumber(at[2])
    if due > score or due == score and is_behind(at[1], id) then high = middle else low = middle + 1 end
  end
  return low
end
-- The row, and what it cost.
local function shown(job, due)
  local record = redis.call('HGET', jobs, job) or ''
  local _, head, entry, hook = string.find(record, '^1 ([%d-]+)@?(%S*) ')
  local fine, fields = pcall(cmsgpack.unpack, head and string.sub(record, head + 1) or '')
  local row = { job, due, '', '', #record }
  if not (head and fine and type(fields) == 'table') then return row, #record * 2 + FIELD end
  row[3], row[4] = entry, hook
  for i = 1, #fields, 2 do
    if SHOWN[fields[i]] then
      row[#row + 1] = fields[i]
      row[#row + 1] = string.sub(tostring(fields[i + 1]), 1, LONGEST)
    end
  end
  return row, #record * 2 + #fields / 2 * FIELD
end
local time = redis.call('TIME')
local reply = { time[1] * 1000 + math.floor(time[2] / 1000), 0 }
local rank
if ARGV[1] == '-inf' then
  rank = 0
elseif ARGV[1] == 'at' then
  rank = redis.call('ZRANK', retry, id)
  if not rank then return reply end
else
  rank = first_rank()
end
while left > 0 do
  local asked = math.min(left, STEP)
  local page = redis.call('ZRANGE', retry, rank, rank + asked - 1, 'WITHSCORES')
  for i = 1, #page, 2 do
    local row, cost = shown(page[i], page[i + 1])
    reply[#reply + 1] = row
    cost_left = cost_left - cost
    if cost_left <= 0 then return reply end
  end
  rank, left = rank + #page / 2, left - #page / 2
  if #page < asked * 2 then
    reply[2] = 1
    break
  end
end
return reply
