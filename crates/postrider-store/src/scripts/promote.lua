#!lua flags=allow-oom
-- Moves waiting jobs that are due to the end of the stream. Any number of workers may run it at once.
-- KEYS  stream, retry, retry:jobs, held, dead
-- ARGV  most jobs, most bytes, group, ready jobs from which on the stream is crowded, most jobs then
-- Reply {now, next due or -1, promoted, ids without a job, jobs that can't be read, 1 where the stream is crowded, jobs left to a
--       newer version}
local stream, retry, jobs, held, dead = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bytes_left = tonumber(ARGV[2])
-- Jobs that are added now shall not stand behind all that ever waited, nor those that waited behind all that is added.
local length, pending = redis.pcall('XLEN', stream), redis.pcall('XPENDING', stream, ARGV[3])
local ready = (tonumber(length) or 0) - (tonumber(pending[1]) or 0)
local most = ready < tonumber(ARGV[4]) and ARGV[1] or ARGV[5]
local promoted, orphans, unreadable, left = 0, 0, 0, 0
local STEP_ASIDE = 10000 -- for workers that can read what this one can't (ms)
local function fields_of(record)
  local _, head, hook = string.find(record, '^1 [%d-]+@?(%S*) ')
  local fine, fields = pcall(cmsgpack.unpack, head and string.sub(record, head + 1) or '')
  if head and fine and type(fields) == 'table' and #fields > 0 then return fields, hook end
end
local function is_newer(record) return (tonumber(string.match(record or '', '^(%d+) ')) or 0) > 1 end
for _, job in ipairs(redis.call('ZRANGEBYSCORE', retry, '-inf', now, 'LIMIT', 0, most)) do
  if bytes_left < 0 then break end
  local record = redis.call('HGET', jobs, job)
  local fields, hook = fields_of(record or '')
  if is_newer(record) then
    -- Not this version's to judge. Later, it is out of the way of those behind it.
    redis.call('ZADD', retry, now + STEP_ASIDE, job)
    left = left + 1
  elseif fields then
    redis.call('XADD', stream, '*', unpack(fields))
    -- A held job falls due at its expiry.
    if hook ~= '' then redis.pcall('ZREM', held .. ':' .. hook, job) end
    promoted = promoted + 1
  elseif record then
    -- Damaged: kept as it is, and out of the way of those behind it.
    local letter = redis.call('XADD', dead, '*', 'record', record, '_id', job, '_reason', 'invalid', '_status', 0, '_error',
      'the record of this waiting job can not be read by this version', '_attempts', 0, '_diedAt', string.format('%.0f', now))
    redis.pcall('HINCRBY', dead .. ':counts', 'invalid ', 1)
    redis.pcall('HSET', dead .. ':ids', job, letter)
    unreadable = unreadable + 1
  else
    orphans = orphans + 1
  end
  bytes_left = bytes_left - #(record or '')
  if not is_newer(record) then
    redis.call('ZREM', retry, job)
    redis.call('HDEL', jobs, job)
  end
end
local head = redis.call('ZRANGE', retry, 0, 0, 'WITHSCORES')
return { now, head[2] or -1, promoted, orphans, unreadable, ready + promoted >= tonumber(ARGV[4]) and 1 or 0, left }
