#!lua flags=allow-oom
-- Makes stream and group where they are missing. At 0, never at the end: rather twice than never.
-- KEYS  stream
-- ARGV  group
-- Reply 1 made, 0 there already
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if not made.err then return 1 end
if string.find(made.err, 'BUSYGROUP', 1, true) then return 0 end
return made
