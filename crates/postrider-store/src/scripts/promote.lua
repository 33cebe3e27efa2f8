#!lua flags=allow-oom
-- Moves waiting jobs that are due to the end of the stream. Any number of workers may run it at once.
-- KEYS  stream, retry, retry:jobs, held, dead
-- ARGV  most jobs, most bytes
-- Reply {now, next due or -1, promoted, ids without a job, jobs that can't be read}
local stream, retry, jobs, held, dead = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bytes_left = tonumber(ARGV[2])
local promoted, orphans, unreadable = 0, 0, 0
local function fields_of(record)
  local _, head, hook = string.find(record, '^1 [%d-]+@?(%S*) ')
  local fine, fields = pcall(cmsgpack.unpack, head and string.sub(record, head + 1) or '')
  if head and fine and type(fields) == 'table' and #fields > 0 then return fields, hook end
end
for _, job in ipairs(redis.call('ZRANGEBYSCORE', retry, '-inf', now, 'LIMIT', 0, ARGV[1])) do
  if bytes_left < 0 then break end
  local record = redis.call('HGET', jobs, job)
  local fields, hook = fields_of(record or '')
  if fields then
    redis.call('XADD', stream, '*', unpack(fields))
    -- A held job falls due at its expiry.
    if hook ~= '' then redis.pcall('ZREM', held .. ':' .. hook, job) end
    promoted = promoted + 1
  elseif record then
    -- Written by a version to come, or damaged: kept as it is, and out of the way of those behind it.
    redis.call('XADD', dead, '*', 'record', record, '_id', job, '_reason', 'invalid', '_status', 0, '_error',
      'the record of this waiting job can not be read by this version', '_attempts', 0, '_diedAt', string.format('%.0f', now))
    unreadable = unreadable + 1
  else
    orphans = orphans + 1
  end
  bytes_left = bytes_left - #(record or '')
  redis.call('ZREM', retry, job)
  redis.call('HDEL', jobs, job)
end
local head = redis.call('ZRANGE', retry, 0, 0, 'WITHSCORES')
return { now, head[2] or -1, promoted, orphans, unreadable }
