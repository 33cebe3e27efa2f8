#!lua flags=allow-oom
-- Settles a batch: each job leaves the stream for done, waiting, dead, or back to the stream's end.
-- The new home is written before the old one is left; a job whose new home can't be written stays where it is.
-- KEYS  stream, retry, retry:jobs, dead, attempts, stats, held
-- ARGV  group, consumer, lowest entry id, highest entry id, most pending ids to ask for, cap of the attempt log, 1 where
--       this call is a repeat, then for each job: kind, entry id, job id, 1 and ten values where there is an attempt to record (else 0), and by kind:
--       D delivered, X discarded: nothing | R retried, W deferred: 'after' or 'at', ms, state, status, attempts
--       H held: the same, and the hook (<user id>/<hook id>) and the job's age (epoch ms)
--       K dead: reason, status, error, attempts | G given back: state
-- Reply {now, next due or -1, result of each job…}: 1 settled, 2 settled as dead duplicate, 0 refused: it is another's
--       now, 3 gone: settled before, or an error's text: it is where it was
local stream, retry, jobs, dead, attempts, stats, held = unpack(KEYS)
local group, consumer = ARGV[1], ARGV[2]
local most, cap, is_repeat = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Rounded up, so that no retry is early.
local now_up = time[1] * 1000 + math.ceil(time[2] / 1000)
local died_at = string.format('%.0f', now)

-- 1. What is asked for.
local OUTCOME = 14 -- where the value of `outcome` stands in a record
local cursor = 7
local function take()
  cursor = cursor + 1
  return ARGV[cursor]
end
local function take_record(job)
  local v, i = ARGV, cursor
  cursor = cursor + 10
  return {
    'job', job, 'eventId', v[i + 1], 'hookId', v[i + 2], 'userId', v[i + 3], 'destination', v[i + 4], 'attempt', v[i + 5],
    'outcome', v[i + 6], 'status', v[i + 7], 'ms', v[i + 8], 'error', v[i + 9], 'response', v[i + 10],
    'at', died_at, 'worker', consumer,
  }
end
local ops, waiters = {}, {}
while cursor < #ARGV do
  local kind, id, job = take(), take(), take()
  local op = { kind = kind, id = id, job = job, record = take() == '1' and take_record(job) }
  if kind == 'K' then
    op.reason, op.status, op.error, op.made = take(), take(), take(), take()
  elseif kind == 'G' then
    op.state = take()
  elseif kind ~= 'D' and kind ~= 'X' then
    op.mode, op.ms, op.state, op.status, op.made = take(), take(), take(), take(), take()
    if kind == 'H' then op.hook, op.age = take(), take() end
    waiters[#waiters + 1] = job
  end
  ops[#ops + 1] = op
end

-- 2. Whose they are, and which ids are taken among the waiting.
local function group_is_gone(reply) return reply.err and string.find(reply.err, 'NOGROUP', 1, true) end
local mine, leaving = {}, {}
local pending = redis.pcall('XPENDING', stream, group, ARGV[3], ARGV[4], most, consumer)
if pending.err and not group_is_gone(pending) then return pending end
if not pending.err then
  for _, item in ipairs(pending) do mine[item[1]] = true end
end
-- 'me', 'other', or 'nobody': consumer or group were removed, or the entry is gone.
local function holder(id)
  if mine[id] then return 'me' end
  local one = redis.pcall('XPENDING', stream, group, id, id, 1)
  if one.err or #one == 0 then return 'nobody' end
  return one[1][2] == consumer and 'me' or 'other'
end
local taken, no_waiting = {}, nil
if #waiters > 0 then
  local scores = redis.pcall('ZMSCORE', retry, unpack(waiters))
  no_waiting = scores.err
  for i, score in ipairs(no_waiting and {} or scores) do taken[waiters[i]] = score and true or nil end
end

-- 3. New homes. Nothing here may raise: what is written before would not be known to be.
local function failure(reply) return type(reply) == 'table' and reply.err or nil end
local kept, listed, planned = {}, {}, {}
local byte = string.byte
-- The fields without the workers' own, whose names start with '_'.
local function own_fields(fields)
  local own, n = {}, 0
  for i = 1, #fields, 2 do
    if byte(fields[i]) ~= 95 then
      own[n + 1], own[n + 2] = fields[i], fields[i + 1]
      n = n + 2
    end
  end
  return own
end
local function with(fields, name, value)
  local n = #fields
  fields[n + 1], fields[n + 2] = name, value
  return fields
end
local function bury(op, fields, reason, error)
  with(with(with(fields, '_id', op.job), '_reason', reason), '_status', op.status)
  with(with(with(fields, '_error', error), '_attempts', op.made), '_diedAt', died_at)
  return failure(redis.pcall('XADD', dead, '*', unpack(fields)))
end
local moves = {}
function moves.K(op, fields) return bury(op, fields, op.reason, op.error) or 1 end
function moves.G(op, fields) return failure(redis.pcall('XADD', stream, '*', unpack(with(fields, '_job', op.state)))) or 1 end
function moves.R(op, fields)
  if no_waiting then return no_waiting end
  if taken[op.job] then return bury(op, fields, 'duplicate', 'another job of this id is waiting already') or 2 end
  taken[op.job] = true
  local due = string.format('%.0f', tonumber(op.ms) + (op.mode == 'after' and now_up or 0))
  local origin = op.hook and op.id .. '@' .. op.hook or op.id
  with(kept, op.job, '1 ' .. origin .. ' ' .. cmsgpack.pack(with(fields, '_job', op.state .. ' due=' .. due)))
  with(listed, due, op.job)
  planned[#planned + 1] = op
end
moves.W, moves.H = moves.R, moves.R
function moves.X() return 1 end
local function move(op)
  if holder(op.id) == 'other' then return 0 end
  local entry = redis.pcall('XRANGE', stream, op.id, op.id)
  if entry.err then return entry.err end
  if #entry == 0 then
    leaving[#leaving + 1] = op.id
    return 3
  end
  return moves[op.kind](op, own_fields(entry[1][2]))
end
local function deliver(op)
  if holder(op.id) ~= 'nobody' or redis.pcall('XDEL', stream, op.id) == 1 then return 1 end
  -- The job may have passed to another worker and wait for a retry: the receiver has it, so it needn't.
  local waiting = redis.pcall('HGET', jobs, op.job)
  if failure(waiting) then return waiting.err end
  if not waiting or string.match(waiting, '^1 ([%d-]+)') ~= op.id then return 3 end
  -- Both or none: an id without its job may never fall due, and would bar others of its name from waiting.
  local listed_still = failure(redis.pcall('ZREM', retry, op.job))
  if listed_still then return listed_still end
  redis.pcall('HDEL', jobs, op.job)
  return 1
end
for _, op in ipairs(ops) do
  op.result = moves[op.kind] and move(op) or not moves[op.kind] and deliver(op) or nil
end
if #planned > 0 then
  local failed = failure(redis.pcall('HSET', jobs, unpack(kept)))
  if not failed then
    failed = failure(redis.pcall('ZADD', retry, unpack(listed)))
    if failed then
      for _, op in ipairs(planned) do redis.pcall('HDEL', jobs, op.job) end
    end
  end
  for _, op in ipairs(planned) do
    op.result = failed or 1
    if op.hook and not failed then
      -- The list by hook is an index: without it, a job that is held is found by no one but its expiry.
      -- The hook comes first: a list whose hook is listed nowhere would stay for ever.
      local unlisted = failure(redis.pcall('ZADD', held, 'NX', 0, op.hook))
        or failure(redis.pcall('ZADD', held .. ':' .. op.hook, op.age, op.job))
      if unlisted then
        op.result = unlisted
        redis.pcall('ZREM', retry, op.job)
        redis.pcall('HDEL', jobs, op.job)
      end
    end
  end
end

-- 4. The old home.
for _, op in ipairs(ops) do
  if op.result == 1 or op.result == 2 then leaving[#leaving + 1] = op.id end
end
if #leaving > 0 then
  redis.pcall('XACK', stream, group, unpack(leaving))
  redis.pcall('XDEL', stream, unpack(leaving))
end

-- 5. What is remembered of it.
local outcomes = { D = 'delivered', X = 'discarded', R = 'retried', W = 'deferred', H = 'deferred', K = 'dead' }
local counts = {}
local reply = { now, -1 }
for _, op in ipairs(ops) do
  local outcome = op.result == 2 and 'dead' or outcomes[op.kind]
  if outcome and (op.result == 1 or op.result == 2) then counts[outcome] = (counts[outcome] or 0) + 1 end
  -- A result that came too late was an attempt all the same, but a repeat may have been recorded before.
  local is_new = op.result == 1 or op.result == 2 or not is_repeat and (op.result == 0 or op.result == 3)
  if op.record and cap > 0 and is_new then
    op.record[OUTCOME] = outcome
    redis.pcall('XADD', attempts, 'MAXLEN', '~', cap, '*', unpack(op.record))
  end
  reply[#reply + 1] = op.result
end
local hour = stats .. ':' .. math.floor(now / 3600000)
for outcome, count in pairs(counts) do
  redis.pcall('HINCRBY', hour, math.floor(now / 60000) % 60 .. ':' .. outcome, count)
  redis.pcall('EXPIRE', hour, 691200)
end
local head = redis.pcall('ZRANGE', retry, 0, 0, 'WITHSCORES')
if head[2] then reply[2] = head[2] end
return reply
