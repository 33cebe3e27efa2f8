#!lua flags=allow-oom
-- Mends waiting jobs that were found faulty, each as it is now: one that is sound meanwhile is left alone. Rather twice than
-- never: a job whose time is unknown is due now.
-- KEYS  retry, retry:jobs, held, dead
-- ARGV  ids…
-- Reply {ids without a job that were removed, jobs that will be sent again, jobs that can't be read and are dead letters now}
local retry, jobs, held, dead = unpack(KEYS)
local NEVER = 253402300799999 -- when a held job falls due that doesn't expire
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local removed, restored, buried = 0, 0, 0
local function parts_of(record)
  local _, head, origin, hook = string.find(record, '^1 ([%d-]+)@?(%S*) ')
  local fine, fields = pcall(cmsgpack.unpack, head and string.sub(record, head + 1) or '')
  if head and fine and type(fields) == 'table' and #fields > 0 then return origin, hook end
end
local function leave(job)
  redis.call('ZREM', retry, job)
  redis.call('HDEL', jobs, job)
end
local function bury(job, record)
  local letter = redis.call('XADD', dead, '*', 'record', record, '_id', job, '_reason', 'invalid', '_status', 0, '_error',
    'the record of this waiting job can not be read by this version', '_attempts', 0, '_diedAt', now)
  redis.pcall('HINCRBY', dead .. ':counts', 'invalid ', 1)
  redis.pcall('HSET', dead .. ':ids', job, letter)
  leave(job)
  buried = buried + 1
end
local function restore_held(job, origin, hook)
  local list = held .. ':' .. hook
  local is_listed = redis.call('ZSCORE', list, job) and redis.call('ZSCORE', held, hook)
  local score = redis.call('ZSCORE', retry, job)
  if is_listed and score and score ~= 'inf' then return end
  redis.call('ZADD', list, 'NX', string.match(origin, '^%d+'), job)
  redis.call('ZADD', held, 'NX', 0, hook)
  if not score or score == 'inf' then redis.call('ZADD', retry, NEVER, job) end
  restored = restored + 1
end
local function restore(job)
  local score = redis.call('ZSCORE', retry, job)
  if score and score ~= 'inf' then return end
  redis.call('ZADD', retry, now, job)
  restored = restored + 1
end
for _, job in ipairs(ARGV) do
  local record = redis.call('HGET', jobs, job)
  local origin, hook = parts_of(record or '')
  if not record then
    removed = removed + redis.call('ZREM', retry, job)
  elseif (tonumber(string.match(record, '^(%d+) ')) or 0) > 1 then
    -- Of a version to come: its own doctor's.
  elseif not origin then
    bury(job, record)
  elseif hook ~= '' then
    restore_held(job, origin, hook)
  else
    restore(job)
  end
end
return { removed, restored, buried }
