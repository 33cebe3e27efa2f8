#!lua
-- Registers a hook, unless its owner has one of this id or as many as are allowed. Refused while Redis is out of memory.
-- KEYS  the owner's hooks
-- ARGV  hook id, record, most hooks of one owner
-- Reply 1 registered, 0 there is one of this id, -1 too many
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 0 end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return -1 end
return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
