#!lua flags=allow-oom
-- Fetches entries that are pending for this consumer but never reached it (a lost reply), without raising their delivery
-- counts, which a second XREADGROUP would do. Ids whose entry is gone leave the pending list.
-- KEYS  stream
-- ARGV  group, consumer, most bytes, entry ids…
-- Reply entries {id, deliveries, fields}…
local group, consumer = ARGV[1], ARGV[2]
local bytes_left = tonumber(ARGV[3])
local reply = {}
for i = 4, #ARGV do
  if bytes_left < 0 then break end
  local pending = redis.call('XPENDING', KEYS[1], group, ARGV[i], ARGV[i], 1, consumer)
  local entry = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])
  if #pending == 1 and #entry == 0 then
    redis.call('XACK', KEYS[1], group, ARGV[i])
  elseif #pending == 1 then
    reply[#reply + 1] = { ARGV[i], pending[1][4], entry[1][2] }
    for _, text in ipairs(entry[1][2]) do bytes_left = bytes_left - #text end
  end
end
return reply
