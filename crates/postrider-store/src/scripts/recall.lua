#!lua flags=allow-oom
-- Makes waiting jobs due now that were only deferred. A job that waits for something else by now (its entry is another)
-- keeps its time.
-- KEYS  retry, retry:jobs
-- ARGV  job id, the entry that it was when it was deferred, …
-- Reply jobs that are due now
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local recalled = 0
for i = 1, #ARGV, 2 do
  local record = redis.call('HGET', KEYS[2], ARGV[i])
  if record and string.match(record, '^1 (%S+) ') == ARGV[i + 1] then
    recalled = recalled + redis.call('ZADD', KEYS[1], 'XX', 'LT', 'CH', now, ARGV[i])
  end
end
return recalled
