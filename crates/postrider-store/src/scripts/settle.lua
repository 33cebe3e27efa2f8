#!lua flags=allow-oom
-- Settles a batch: each job leaves the stream for done, waiting, dead, or back to the stream's end.
-- The new home is written before the old one is left; a job whose new home can't be written stays where it is.
-- KEYS  stream, retry, retry:jobs, dead, attempts, stats, held
-- ARGV  group, consumer, lowest and highest entry id of the jobs that were not delivered, most pending ids to ask for, cap of
--       the attempt log, 1 where this call is a repeat; number of templates of attempts, then each: hook id, user id,
--       destination, attempt, status, ms, error, response, what event ids have behind job ids; number of delivered jobs, values of
--       each, then these; then each other job: kind, its four values, and more by kind. Values of a job: entry id, its attempt's
--       template (0: none), job id ('': the entry's), event id ('': made of the job's); the last two are left out for
--       delivered jobs where they are empty for all.
--       X discarded: nothing | R retried, W deferred: 'after' or 'at', ms, state, status, attempts
--       H held: the same, and the hook (<user id>/<hook id>) and the job's age (epoch ms)
--       K dead: reason, status, error, attempts | G given back: state
-- Reply {now, next due or -1, a letter for each job, error texts}: 1 settled, 2 settled as dead duplicate, 0 refused: it is
--       another's now, 3 gone: settled before, E: the next of the error texts says why it is where it was
local stream, retry, jobs, dead, attempts, stats, held = unpack(KEYS)
local v, group, consumer = ARGV, ARGV[1], ARGV[2]
local most, cap, is_repeat = tonumber(v[5]), tonumber(v[6]), v[7] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Rounded up, so that no retry is early.
local now_up = time[1] * 1000 + math.ceil(time[2] / 1000)
local died_at = string.format('%.0f', now)
local function failure(reply) return type(reply) == 'table' and reply.err or nil end

-- 1. What is asked for. Attempts are alike: what most of them share comes once.
local templates, cursor = {}, 8
for i = 1, tonumber(v[8]) do
  templates[tostring(i)] = {
    'job', '', 'eventId', '', 'hookId', v[cursor + 1], 'userId', v[cursor + 2], 'destination', v[cursor + 3],
    'attempt', v[cursor + 4], 'outcome', '', 'status', v[cursor + 5], 'ms', v[cursor + 6], 'error', v[cursor + 7],
    'response', v[cursor + 8], 'at', died_at, 'worker', consumer, suffix = v[cursor + 9],
  }
  cursor = cursor + 9
end
local delivered, width = tonumber(v[cursor + 1]), tonumber(v[cursor + 2])
local first = cursor + 3
cursor = cursor + 2 + delivered * width
local function take()
  cursor = cursor + 1
  return v[cursor]
end
local ops, waiters = {}, {}
while cursor < #v do
  local op = { kind = take(), id = take(), template = take(), job = take(), event = take() }
  if op.job == '' then op.job = op.id end
  local kind = op.kind
  if kind == 'K' then
    op.reason, op.status, op.error, op.made = take(), take(), take(), take()
  elseif kind == 'G' then
    op.state = take()
  elseif kind ~= 'X' then
    op.mode, op.ms, op.state, op.status, op.made = take(), take(), take(), take(), take()
    if kind == 'H' then op.hook, op.age = take(), take() end
    waiters[#waiters + 1] = op.job
  end
  ops[#ops + 1] = op
end

-- 2. Delivered jobs: whose they are doesn't matter, the receiver has them.
local ids, names, results, errors = {}, {}, {}, {}
for i = 1, delivered do
  local at = first + (i - 1) * width
  local id, name = v[at], width > 2 and v[at + 2] or ''
  ids[i], names[i] = id, name ~= '' and name or id
end
-- Not pending any more: consumer or group were removed, or it was settled before.
local function deliver_unleased(id, job)
  if redis.pcall('XDEL', stream, id) == 1 then return '1' end
  -- The job may have passed to another worker and wait for a retry, which it needn't.
  local waiting = redis.pcall('HGET', jobs, job)
  if failure(waiting) then return waiting end
  if not waiting or string.match(waiting, '^1 ([%d-]+)') ~= id then return '3' end
  -- Both or none: an id without its job may never fall due, and would bar others of its name from waiting.
  local listed_still = redis.pcall('ZREM', retry, job)
  if failure(listed_still) then return listed_still end
  redis.pcall('HDEL', jobs, job)
  return '1'
end
if delivered > 0 then
  local acknowledged = redis.pcall('XACK', stream, group, unpack(ids))
  if failure(acknowledged) then return acknowledged end
  if acknowledged == delivered then
    redis.pcall('XDEL', stream, unpack(ids))
    for i = 1, delivered do results[i] = '1' end
  else
    for i = 1, delivered do
      local result = deliver_unleased(ids[i], names[i])
      if failure(result) then
        errors[#errors + 1] = result.err
        result = 'E'
      end
      results[i] = result
    end
  end
end

-- 3. Whose the others are, and which ids are taken among the waiting.
local function group_is_gone(reply) return reply.err and string.find(reply.err, 'NOGROUP', 1, true) end
local mine, leaving = {}, {}
if #ops > 0 then
  local pending = redis.pcall('XPENDING', stream, group, v[3], v[4], most, consumer)
  if pending.err and not group_is_gone(pending) then return pending end
  if not pending.err then
    for _, item in ipairs(pending) do mine[item[1]] = true end
  end
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

-- 4. New homes. Nothing here may raise: what is written before would not be known to be.
local kept, listed, planned = {}, {}, {}
local byte = string.byte
-- The fields without the workers' own, whose names start with '_'; and what workers knew of the job.
local function own_fields(fields)
  local own, n, state = {}, 0, nil
  for i = 1, #fields, 2 do
    if byte(fields[i]) ~= 95 then
      own[n + 1], own[n + 2] = fields[i], fields[i + 1]
      n = n + 2
    elseif fields[i] == '_job' then
      state = fields[i + 1]
    end
  end
  return own, state
end
local function with(fields, name, value)
  local n = #fields
  fields[n + 1], fields[n + 2] = name, value
  return fields
end
-- Of whom a dead letter is, as `dead:counts` and `dead:ids` keep it; and when the job was first added, where nothing else tells.
local function about(op, fields, state)
  local given = {}
  for i = 1, #fields, 2 do given[fields[i]] = given[fields[i]] or fields[i + 1] end
  local hook = given.hookId and (given.userId or '') .. '/' .. given.hookId or ''
  local first = given.id and not given.createdAt and string.match(string.match(state or '', ' first=(%S+)') or op.id, '^%d+')
  return #hook <= 257 and hook or '', first
end
local function bury(op, fields, reason, error, state)
  local hook, first = about(op, fields, state)
  if first then with(fields, '_createdAt', first) end
  with(with(with(fields, '_id', op.job), '_reason', reason), '_status', op.status)
  with(with(with(fields, '_error', error), '_attempts', op.made), '_diedAt', died_at)
  local letter = redis.pcall('XADD', dead, '*', unpack(fields))
  if failure(letter) then return letter.err end
  redis.pcall('HINCRBY', dead .. ':counts', reason .. ' ' .. hook, 1)
  redis.pcall('HSET', dead .. ':ids', op.job, letter)
end
local moves = {}
function moves.K(op, fields, state) return bury(op, fields, op.reason, op.error, state) or 1 end
function moves.G(op, fields) return failure(redis.pcall('XADD', stream, '*', unpack(with(fields, '_job', op.state)))) or 1 end
function moves.R(op, fields)
  if no_waiting then return no_waiting end
  if taken[op.job] then return bury(op, fields, 'duplicate', 'another job of this id is waiting already', op.state) or 2 end
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
for _, op in ipairs(ops) do op.result = move(op) end
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

-- 5. The old home.
for _, op in ipairs(ops) do
  if op.result == 1 or op.result == 2 then leaving[#leaving + 1] = op.id end
end
if #leaving > 0 then
  redis.pcall('XACK', stream, group, unpack(leaving))
  redis.pcall('XDEL', stream, unpack(leaving))
end

-- 6. What is remembered of it.
local counts, is_first = {}, true
local function record(job, template, event, outcome)
  local attempt = templates[template]
  if not attempt or cap == 0 then return end
  attempt[2], attempt[4], attempt[14] = job, event ~= '' and event or job .. attempt.suffix, outcome
  -- The first of a batch makes room for all.
  if is_first then
    redis.pcall('XADD', attempts, 'MAXLEN', '~', cap, '*', unpack(attempt))
    is_first = false
  else
    redis.pcall('XADD', attempts, '*', unpack(attempt))
  end
end
local function count(outcome, number) counts[outcome] = (counts[outcome] or 0) + number end
-- A result that came too late was an attempt all the same, but a repeat may have been recorded before.
local function is_new(result) return result == '1' or result == '2' or not is_repeat and result ~= 'E' end
for i = 1, delivered do
  local at = first + (i - 1) * width
  if results[i] == '1' then count('delivered', 1) end
  if is_new(results[i]) then record(names[i], v[at + 1], width > 2 and v[at + 3] or '', 'delivered') end
end
local outcomes = { X = 'discarded', R = 'retried', W = 'deferred', H = 'deferred', K = 'dead' }
for i, op in ipairs(ops) do
  local result = op.result
  if type(result) == 'string' then
    errors[#errors + 1] = result
    result = 'E'
  end
  result = tostring(result)
  results[delivered + i] = result
  local outcome = result == '2' and 'dead' or outcomes[op.kind]
  if outcome and (result == '1' or result == '2') then count(outcome, 1) end
  if outcome and is_new(result) then record(op.job, op.template, op.event, outcome) end
end
local hour = stats .. ':' .. math.floor(now / 3600000)
for outcome, count in pairs(counts) do
  redis.pcall('HINCRBY', hour, math.floor(now / 60000) % 60 .. ':' .. outcome, count)
  redis.pcall('EXPIRE', hour, 691200)
end
local head = redis.pcall('ZRANGE', retry, 0, 0, 'WITHSCORES')
return { now, head[2] or -1, table.concat(results), unpack(errors) }
