#!lua flags=allow-oom
-- Settles a batch: each job leaves the stream for done, waiting, dead, or back to the stream's end.
-- The new home is written before the old one is left; a job whose new home can't be written stays where it is.
-- KEYS  stream, retry, retry:jobs, dead, attempts, stats
-- ARGV  group, consumer, lowest entry id, highest entry id, most pending ids to ask for, cap of the attempt log, then for
--       each job: kind, entry id, job id, 1 and ten values where there is an attempt to record (else 0), and by kind:
--       D delivered, X discarded: nothing | R retried, W deferred: 'after' or 'at', ms, state, status, attempts
--       K dead: reason, status, error, attempts | G given back: state
-- Reply {now, next due or -1, result of each job…}: 1 settled, 2 settled as dead duplicate, 0 refused: it is another's
--       now, 3 gone: settled before, or an error's text: still here
local stream, retry, jobs, dead, attempts, stats = unpack(KEYS)
local group, consumer = ARGV[1], ARGV[2]
local most, cap = tonumber(ARGV[5]), tonumber(ARGV[6])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function whole(number) return string.format('%.0f', number) end

local function group_is_gone(reply) return reply.err and string.find(reply.err, 'NOGROUP', 1, true) end
local mine, complete = {}, false
local pending = redis.pcall('XPENDING', stream, group, ARGV[3], ARGV[4], most, consumer)
if pending.err and not group_is_gone(pending) then return pending end
if not pending.err then
  complete = #pending < most
  for _, item in ipairs(pending) do mine[item[1]] = true end
end

-- Who holds the entry: 'me', 'other', or 'nobody' (consumer or group removed, or the entry is gone).
local function holder(id)
  if mine[id] then return 'me' end
  local one = redis.pcall('XPENDING', stream, group, id, id, 1)
  if one.err or #one == 0 then return 'nobody' end
  return one[1][2] == consumer and 'me' or 'other'
end

local function leave(id)
  redis.pcall('XACK', stream, group, id)
  return redis.call('XDEL', stream, id)
end

local function own_fields(entry)
  local fields, kept = entry[1][2], {}
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, 1) ~= '_' then
      kept[#kept + 1] = fields[i]
      kept[#kept + 1] = fields[i + 1]
    end
  end
  return kept
end

local function append(list, ...)
  for _, value in ipairs({ ... }) do list[#list + 1] = value end
  return list
end

local function deliver(id, job)
  if mine[id] or holder(id) ~= 'nobody' then
    leave(id)
    return 1
  end
  if redis.call('XDEL', stream, id) == 1 then return 1 end
  -- The job may have passed to another worker and wait for a retry: the receiver has it, so it needn't.
  local record = redis.call('HGET', jobs, job)
  if record and string.match(record, '^1 (%S+) ') == id then
    redis.call('ZREM', retry, job)
    redis.call('HDEL', jobs, job)
    return 1
  end
  return 3
end

-- Moves the entry by `move(fields)`, which gives nil or an error, where this worker may still decide about it.
local function move_away(id, move)
  if holder(id) == 'other' then return 0 end
  local entry = redis.call('XRANGE', stream, id, id)
  if #entry == 0 then
    leave(id)
    return 3
  end
  local failed = move(own_fields(entry))
  if failed then return failed end
  leave(id)
  return 1
end

local function bury(fields, job, reason, status, error, made)
  append(fields, '_id', job, '_reason', reason, '_status', status, '_error', error, '_attempts', made, '_diedAt', whole(now))
  return redis.pcall('XADD', dead, '*', unpack(fields)).err
end

local function wait(fields, id, job, due, state)
  append(fields, '_job', state .. ' due=' .. due)
  local kept = redis.pcall('HSET', jobs, job, '1 ' .. id .. ' ' .. cmsgpack.pack(fields))
  if type(kept) == 'table' then return kept.err end
  local listed = redis.pcall('ZADD', retry, due, job)
  if type(listed) == 'table' then
    redis.call('HDEL', jobs, job)
    return listed.err
  end
end

local cursor = 6
local function take()
  cursor = cursor + 1
  return ARGV[cursor]
end

local names = { 'eventId', 'hookId', 'userId', 'destination', 'attempt', 'outcome', 'status', 'ms', 'error', 'response' }
local function take_record(job)
  local record = { 'job', job }
  for _, name in ipairs(names) do append(record, name, take()) end
  return append(record, 'at', whole(now), 'worker', consumer)
end

local outcomes = { D = 'delivered', X = 'discarded', R = 'retried', W = 'deferred', K = 'dead' }
local counts = {}
local reply = { now, -1 }
while cursor < #ARGV do
  local kind, id, job = take(), take(), take()
  local record = take() == '1' and take_record(job)
  local outcome, result = outcomes[kind], nil
  if kind == 'D' or kind == 'X' then
    result = deliver(id, job)
  elseif kind == 'K' then
    local reason, status, error, made = take(), take(), take(), take()
    result = move_away(id, function(fields) return bury(fields, job, reason, status, error, made) end)
  elseif kind == 'G' then
    local state = take()
    result = move_away(id, function(fields)
      return redis.pcall('XADD', stream, '*', unpack(append(fields, '_job', state))).err
    end)
  else
    local mode, ms, state, status, made = take(), tonumber(take()), take(), take(), take()
    -- Rounded up, so that no retry is early.
    local due = mode == 'after' and time[1] * 1000 + math.ceil(time[2] / 1000) + ms or ms
    local twin = false
    result = move_away(id, function(fields)
      twin = redis.call('HEXISTS', jobs, job) == 1
      if twin then return bury(fields, job, 'duplicate', status, 'another job of this id is waiting already', made) end
      return wait(fields, id, job, whole(due), state)
    end)
    if twin and result == 1 then
      result, outcome = 2, 'dead'
      if record then record[14] = 'dead' end
    end
  end
  if record and cap > 0 and (result == 0 or result == 1 or result == 2) then
    redis.pcall('XADD', attempts, 'MAXLEN', '~', cap, '*', unpack(record))
  end
  if outcome and (result == 1 or result == 2) then counts[outcome] = (counts[outcome] or 0) + 1 end
  reply[#reply + 1] = result
end

local hour = math.floor(now / 3600000)
local minute = math.floor(now / 60000) % 60
for outcome, count in pairs(counts) do
  redis.pcall('HINCRBY', stats .. ':' .. hour, minute .. ':' .. outcome, count)
  redis.pcall('EXPIRE', stats .. ':' .. hour, 691200)
end
local head = redis.pcall('ZRANGE', retry, 0, 0, 'WITHSCORES')
if head[2] then reply[2] = head[2] end
return reply
