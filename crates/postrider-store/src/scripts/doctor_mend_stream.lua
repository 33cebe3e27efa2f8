#!lua flags=allow-oom
-- Gives entries that were skipped to a consumer without a heartbeat, so that a worker takes them over as it does those of a lost
-- one: they keep their ids. Takes ids whose job is gone off the pending list. Each is judged as it is now.
-- KEYS  stream
-- ARGV  group, the consumer, ids…
-- Reply {entries that will be sent, ids that were acknowledged}
local stream, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local returned, acknowledged = 0, 0
for i = 3, #ARGV do
  local id = ARGV[i]
  local is_there = #redis.call('XRANGE', stream, id, id) == 1
  local is_pending = #redis.call('XPENDING', stream, group, id, id, 1) == 1
  if is_there and not is_pending then
    -- No delivery is counted: nobody was lost with it.
    returned = returned + #redis.call('XCLAIM', stream, group, consumer, 0, id, 'FORCE', 'RETRYCOUNT', 0, 'JUSTID')
  elseif is_pending and not is_there then
    acknowledged = acknowledged + redis.call('XACK', stream, group, id)
  end
end
return { returned, acknowledged }
