#!lua flags=allow-oom
-- One heartbeat, and what every worker needs to hear each second. Redis remembers its newest heartbeat, and a name that was
-- given to its data when it began: a worker that remembers another name, or a newer heartbeat, knows that data was lost.
-- KEYS  workers:seen, workers, retry, control, epoch
-- ARGV  consumer, what it says about itself (JSON), the name that it remembers or '', the last heartbeat that it remembers or ''
-- Reply {now, next due or -1, 1 where paused, name of the data, 'emptied', 'older' or '', newest heartbeat before this one}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch = KEYS[5]
local function is_text(reply) return type(reply) == 'string' end
local function write(...) redis.pcall('HSET', epoch, ...) end
local name, newest = redis.pcall('HGET', epoch, 'name'), redis.pcall('HGET', epoch, 'beat')
newest = is_text(newest) and tonumber(newest) or 0
if name == false then
  -- To the microsecond: data that began in the same millisecond, after another loss, must have another name.
  name = ARGV[1] .. '@' .. time[1] .. '.' .. time[2]
  write('name', name, 'began', string.format('%.0f', now))
end
local loss = ''
if is_text(name) and ARGV[3] ~= '' then
  if name ~= ARGV[3] then loss = 'emptied' elseif newest < tonumber(ARGV[4]) then loss = 'older' end
end
if loss ~= '' then write('lost', string.format('%.0f', now), 'how', loss) end
-- Where the clock was set back, it stays: no loss is told rather than one that wasn't.
if now > newest then write('beat', string.format('%.0f', now)) end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
local head = redis.pcall('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
local paused = redis.pcall('HGET', KEYS[4], 'paused')
return { now, head[2] or -1, paused == '1' and 1 or 0, is_text(name) and name or '', loss, newest }
