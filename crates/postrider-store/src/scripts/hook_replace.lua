#!lua flags=allow-oom
-- Replaces a hook's record, unless someone has changed or removed it meanwhile. Lua never edits the JSON: cjson turns [] into {}.
-- KEYS  the owner's hooks
-- ARGV  hook id, record as it was read, record as it shall be
-- Reply 1 replaced, 0 changed meanwhile
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
