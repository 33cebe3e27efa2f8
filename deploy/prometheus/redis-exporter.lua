-- Figures that only Redis has, for redis_exporter (REDIS_EXPORTER_SCRIPT or --script), which tells each as
-- redis_script_values{key="…"}. Reads only. A worker needs none of this.
--
-- Keys of its figures: postrider:<what>:<which>:<queue>
--   due        jobs that wait, by when they fall due: now, 1m, 10m, 1h, 8h, later, never (held until a hook is active again)
--   breaker    destinations by what their breakers let through, of all workers: flowing, tripped, probing; of those only that
--              have jobs, or have failed of late, at most 200 of each worker
--   limited    destinations that get less than they might
local queues = { 'postrider:deliveries' } -- queue.names

local spans = { { 'now', 0 }, { '1m', 60 }, { '10m', 600 }, { '1h', 3600 }, { '8h', 28800 }, { 'later', 31536000 }, { 'never' } }
local states = { 'flowing', 'tripped', 'probing' }
local figures = {}

local function tell(what, which, queue, figure)
  figures[#figures + 1] = 'postrider:' .. what .. ':' .. which .. ':' .. queue
  figures[#figures + 1] = tostring(figure)
end

-- Another key of a queue: docs/keys.md.
local function key(queue, name)
  if string.find(queue, '{', 1, true) then return queue .. ':' .. name end
  return '{' .. queue .. '}:' .. name
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

for _, queue in ipairs(queues) do
  local after = '-inf'
  for _, span in ipairs(spans) do
    local last = span[2] and string.format('%.0f', now + span[2] * 1000)
    tell('due', span[1], queue, redis.call('ZCOUNT', key(queue, 'retry'), after, last or '+inf'))
    after = last and '(' .. last
  end
  local counts, limited = { flowing = 0, tripped = 0, probing = 0 }, 0
  for _, worker in ipairs(redis.call('HKEYS', key(queue, 'workers'))) do
    local told = redis.call('HGET', key(queue, 'destinations:' .. worker), 'destinations')
    for _, one in ipairs(told and cjson.decode(told) or {}) do
      counts[one.state] = (counts[one.state] or 0) + 1
      if one.limit < one.maxInFlight then limited = limited + 1 end
    end
  end
  for _, state in ipairs(states) do tell('breaker', state, queue, counts[state]) end
  tell('limited', 'all', queue, limited)
end
return figures
