#!lua flags=allow-oom
-- Takes pending entries of a lost worker over, and removes its consumer only when nothing is pending for it any more:
-- XGROUP DELCONSUMER destroys what is. Delivery counts stay as they are; the start of a job counts, not the claim.
-- KEYS  stream, workers, workers:seen
-- ARGV  group, this consumer, the lost consumer, most entries, most bytes, its last heartbeat as it was seen, or ''
-- Reply {1 where the lost consumer is removed now, entries {id, deliveries, fields}…}
local stream, workers, seen = unpack(KEYS)
local group, me, lost = ARGV[1], ARGV[2], ARGV[3]
local bytes_left = tonumber(ARGV[5])
local reply = { 0 }
-- It may have come back since it was found dead.
local beat = redis.call('ZSCORE', seen, lost)
if beat and tonumber(beat) ~= tonumber(ARGV[6]) then return reply end
for _, item in ipairs(redis.call('XPENDING', stream, group, '-', '+', ARGV[4], lost)) do
  if bytes_left < 0 then break end
  local id, deliveries = item[1], item[4]
  local entry = redis.call('XRANGE', stream, id, id)
  if #entry == 0 then
    redis.call('XACK', stream, group, id)
  else
    redis.call('XCLAIM', stream, group, me, 0, id, 'JUSTID')
    reply[#reply + 1] = { id, deliveries, entry[1][2] }
    for _, text in ipairs(entry[1][2]) do bytes_left = bytes_left - #text end
  end
end
if #redis.call('XPENDING', stream, group, '-', '+', 1, lost) == 0 then
  redis.call('XGROUP', 'DELCONSUMER', stream, group, lost)
  redis.call('ZREM', seen, lost)
  redis.call('HDEL', workers, lost)
  reply[1] = 1
end
return reply
