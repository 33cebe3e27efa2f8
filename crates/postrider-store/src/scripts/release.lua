#!lua flags=allow-oom
-- Moves held jobs of one hook to the end of the stream, the oldest first, a slice at a time.
-- KEYS  stream, retry, retry:jobs, held
-- ARGV  hook (<user id>/<hook id>), most jobs, most bytes, pause until the hook's next turn (ms)
-- Reply {jobs moved, jobs still held}
local stream, retry, jobs, held = unpack(KEYS)
local hook, most, bytes_left, pause = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local list = held .. ':' .. hook
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local moved = 0
-- Raises where the waiting set is another type: before a job moves, since one that can't leave it would be added each time.
redis.call('ZCARD', retry)
for _, job in ipairs(redis.call('ZRANGE', list, 0, most - 1)) do
  if bytes_left < 0 then break end
  local record = redis.call('HGET', jobs, job)
  local _, head, of = string.find(record or '', '^1 [%d-]+@?(%S*) ')
  -- An id whose job waits for something else by now, or is gone, only leaves the list.
  local fine, fields = pcall(cmsgpack.unpack, head and string.sub(record, head + 1) or '')
  local readable = head and fine and type(fields) == 'table' and #fields > 0
  if readable and of == hook then
    -- Since now it could be sent; before, it could not.
    fields[#fields] = string.gsub(fields[#fields], ' due=%d+', ' due=' .. string.format('%.0f', now))
    redis.call('XADD', stream, '*', unpack(fields))
    redis.call('ZREM', retry, job)
    redis.call('HDEL', jobs, job)
    bytes_left = bytes_left - #record
    moved = moved + 1
  elseif record and not readable then
    -- Written by a version to come, or damaged. Off the list, it would never fall due; now it does, and `promote.lua` judges it.
    redis.call('ZADD', retry, 'XX', 'LT', now, job)
  end
  redis.call('ZREM', list, job)
end
local left = redis.call('ZCARD', list)
if left == 0 then redis.call('ZREM', held, hook) else redis.call('ZADD', held, now + pause, hook) end
return { moved, left }
