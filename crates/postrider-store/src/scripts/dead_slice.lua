#!lua flags=allow-oom
-- Replays or removes dead letters: each leaves for the end of the stream, or for good, and the counters follow it.
-- With allow-oom: a replay takes no more room than its letter did, and who removes letters may do so for want of it.
-- KEYS  stream, dead, retry:jobs, and where it is part of a bulk operation, that
-- ARGV  replay or purge, most cost (a byte costs 1, a field 100), where the bulk operation stands, where it stands after these
--       letters, 1 where they are the last, seconds for which its record is kept, entry ids…
-- Reply {1, or 0 where the bulk operation stands elsewhere or was stopped; letters that left; letters looked at of these; job id
--       and why it stays…}
local stream, dead, jobs, bulk = unpack(KEYS)
local action, cost_left = ARGV[1], tonumber(ARGV[2])
local counters, index = dead .. ':counts', dead .. ':ids'
local MOST_FIELDS = 7800 -- names and values that unpack can carry
local FIELD = 100
if bulk then
  local known = redis.call('HMGET', bulk, 'cursor', 'state')
  if known[1] ~= ARGV[3] or known[2] ~= 'running' then return { 0, 0, 0 } end
end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
-- The job's own fields, and what the letter says; of a name that is given twice, the job's first and the letter's last.
local function taken_apart(fields)
  local own, said, given, cost = {}, {}, {}, 0
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    cost = cost + #name + #value + FIELD
    if string.byte(name) == 95 then
      said[name] = value
    else
      own[#own + 1], own[#own + 2] = name, value
      given[name] = given[name] or value
    end
  end
  return own, said, given, cost
end
local function forget(id, said, given)
  local hook = given.hookId and (given.userId or '') .. '/' .. given.hookId or ''
  local field = (said._reason or '') .. ' ' .. (#hook <= 257 and hook or '')
  local count = redis.pcall('HGET', counters, field)
  if type(count) == 'string' then
    if (tonumber(count) or 0) > 1 then redis.pcall('HINCRBY', counters, field, -1) else redis.pcall('HDEL', counters, field) end
  end
  if said._id and redis.pcall('HGET', index, said._id) == id then redis.pcall('HDEL', index, said._id) end
end
-- What keeps id, event id and time, which come from the first entry where the job brought none.
local function state(said, given)
  local first = not given.id and string.match(said._id or '', '^%d+%-%d+$')
    or string.match(said._createdAt or '', '^%d+$') and said._createdAt .. '-0'
  return '1 ' .. (first and 'first=' .. first .. ' ' or '') .. 'attempts=0 due=' .. now
end
-- Not one that comes from an entry, nor one that no job may bear.
local function is_own_id(id) return #id <= 128 and string.match(id, '^[%w_:-]+$') and not string.match(id, '^%d+%-%d+$') end
local function replay(own, said, given)
  if #own == 0 then return 'it holds no job' end
  if #own > MOST_FIELDS then return 'it has too many fields' end
  if said._id and redis.call('HEXISTS', jobs, said._id) == 1 then return 'a job of this id is waiting' end
  if not given.id and is_own_id(said._id or '') then own[#own + 1], own[#own + 2] = 'id', said._id end
  own[#own + 1], own[#own + 2] = '_job', state(said, given)
  local added = redis.pcall('XADD', stream, '*', unpack(own))
  return type(added) == 'table' and added.err or nil
end
local left, found, looked, reply = 0, 0, 0, { 1, 0, 0 }
for i = 7, #ARGV do
  if cost_left < 0 then break end
  local id = ARGV[i]
  local entry = redis.call('XRANGE', dead, id, id)[1]
  if entry then
    local own, said, given, cost = taken_apart(entry[2])
    found = found + 1
    local why = action == 'replay' and replay(own, said, given) or nil
    if why then
      reply[#reply + 1], reply[#reply + 2] = string.sub(said._id or id, 1, 128), why
    else
      redis.call('XDEL', dead, id)
      forget(id, said, given)
      left = left + 1
    end
    cost_left = cost_left - cost
  end
  looked = looked + 1
end
reply[2], reply[3] = left, looked
if bulk then
  local is_whole = looked == #ARGV - 6
  local cursor = is_whole and ARGV[4] or ARGV[6 + looked]
  redis.call('HSET', bulk, 'cursor', cursor, 'updatedAt', now)
  redis.call('HINCRBY', bulk, 'matched', found)
  redis.call('HINCRBY', bulk, 'done', left)
  redis.call('HINCRBY', bulk, 'failed', (#reply - 3) / 2)
  if is_whole and ARGV[5] == '1' then redis.call('HSET', bulk, 'state', 'finished') end
  redis.call('EXPIRE', bulk, ARGV[6])
end
return reply
