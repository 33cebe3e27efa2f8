#!lua flags=allow-oom
-- Moves waiting jobs that are due to the end of the stream. Any number of workers may run it at once.
-- KEYS  stream, retry, retry:jobs
-- ARGV  most jobs, most bytes
-- Reply {now, next due or -1, promoted, ids without a job}
local stream, retry, jobs = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bytes_left = tonumber(ARGV[2])
local promoted, orphans = 0, 0
for _, job in ipairs(redis.call('ZRANGEBYSCORE', retry, '-inf', now, 'LIMIT', 0, ARGV[1])) do
  if bytes_left < 0 then break end
  local record = redis.call('HGET', jobs, job)
  if record then
    local _, head = string.find(record, '^1 %S+ ')
    redis.call('XADD', stream, '*', unpack(cmsgpack.unpack(string.sub(record, head + 1))))
    bytes_left = bytes_left - #record
    promoted = promoted + 1
  else
    orphans = orphans + 1
  end
  redis.call('ZREM', retry, job)
  redis.call('HDEL', jobs, job)
end
local head = redis.call('ZRANGE', retry, 0, 0, 'WITHSCORES')
return { now, head[2] or -1, promoted, orphans }
