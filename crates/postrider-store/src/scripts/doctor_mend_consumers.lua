#!lua flags=allow-oom
-- Removes consumers of workers that are gone and left nothing pending: XGROUP DELCONSUMER would destroy what is.
-- KEYS  stream, workers, workers:seen
-- ARGV  group, then for each: consumer, its last heartbeat as it was seen, or ''
-- Reply consumers that were removed
local stream, workers, seen = unpack(KEYS)
local removed = 0
for i = 2, #ARGV, 2 do
  local name, beat = ARGV[i], redis.call('ZSCORE', seen, ARGV[i])
  local is_silent = tonumber(beat or '') == tonumber(ARGV[i + 1])
  if is_silent and #redis.call('XPENDING', stream, ARGV[1], '-', '+', 1, name) == 0 then
    redis.call('XGROUP', 'DELCONSUMER', stream, ARGV[1], name)
    redis.call('ZREM', seen, name)
    redis.call('HDEL', workers, name)
    removed = removed + 1
  end
end
return removed
