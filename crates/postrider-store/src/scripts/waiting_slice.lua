#!lua flags=allow-oom
-- Makes waiting jobs due now, or ends them. Each is judged as it is now: one that waits for something else by now keeps its time.
-- KEYS  retry, retry:jobs, held, stats, and where it is part of a bulk operation, that
-- ARGV  promote or cancel, most bytes of records to read (where it is part of a bulk operation, its jobs are so few), where the bulk
--       operation stands, where it stands after these jobs, 1 where they are the last, seconds for which its record is kept, then
--       job id and the entry that it was (or '' for any)…
-- Reply {1, or 0 where the bulk operation stands elsewhere or was stopped; jobs done; jobs looked at; job id and why it stays…}
local retry, jobs, held, stats, bulk = unpack(KEYS)
if bulk then
  local known = redis.call('HMGET', bulk, 'cursor', 'state')
  if known[1] ~= ARGV[3] or known[2] ~= 'running' then return { 0, 0, 0 } end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local acts = {}
-- A job whose time hasn't come would be put back by whoever reads it.
local function is_too_early(record)
  local _, head = string.find(record, '^1 [%d-]+@?%S* ')
  local fine, fields = pcall(cmsgpack.unpack, head and string.sub(record, head + 1) or '')
  if not (head and fine and type(fields) == 'table') then return false end
  for i = 1, #fields, 2 do
    if fields[i] == 'notBefore' then return (tonumber(fields[i + 1]) or 0) > now end
  end
  return false
end
function acts.promote(job, hook, record)
  if hook ~= '' then return 'it is held until its hook is active' end
  if is_too_early(record) then return 'its notBefore lies ahead' end
  redis.call('ZADD', retry, 'XX', 'LT', now, job)
end
function acts.cancel(job, hook)
  redis.call('ZREM', retry, job)
  redis.call('HDEL', jobs, job)
  if hook == '' then return end
  -- The list is an index, and so is the list of lists: neither may keep a job from ending.
  redis.pcall('ZREM', held .. ':' .. hook, job)
  if redis.pcall('ZCARD', held .. ':' .. hook) == 0 then redis.pcall('ZREM', held, hook) end
end
local done, looked, bytes_left, reply = 0, 0, tonumber(ARGV[2]), { 1, 0, 0 }
for i = 7, #ARGV, 2 do
  if bytes_left < 0 and not bulk then break end
  local job, expected = ARGV[i], ARGV[i + 1]
  local record = redis.call('HGET', jobs, job)
  local entry, hook = string.match(record or '', '^1 ([%d-]+)@?(%S*) ')
  local why
  if not record then
    why = 'it does not wait'
  elseif expected ~= '' and entry ~= expected then
    why = 'it has been tried meanwhile'
  else
    why = acts[ARGV[1]](job, hook or '', record)
  end
  looked, bytes_left = looked + 1, bytes_left - #(record or '')
  if why then reply[#reply + 1], reply[#reply + 2] = job, why else done = done + 1 end
end
reply[2], reply[3] = done, looked
if ARGV[1] == 'cancel' and done > 0 then
  local hour = stats .. ':' .. math.floor(now / 3600000)
  redis.pcall('HINCRBY', hour, math.floor(now / 60000) % 60 .. ':cancelled', done)
  redis.pcall('EXPIRE', hour, 691200)
end
if bulk then
  redis.call('HSET', bulk, 'cursor', ARGV[4], 'updatedAt', string.format('%.0f', now))
  redis.call('HINCRBY', bulk, 'matched', looked)
  redis.call('HINCRBY', bulk, 'done', done)
  redis.call('HINCRBY', bulk, 'failed', (#reply - 3) / 2)
  if ARGV[5] == '1' then redis.call('HSET', bulk, 'state', 'finished') end
  redis.call('EXPIRE', bulk, ARGV[6])
end
return reply
