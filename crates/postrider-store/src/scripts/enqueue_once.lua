#!lua
-- Adds a job, once for a key for a while. Any program may call it; refused while Redis is out of memory.
-- KEYS  stream, the key's own: {Q}:once:<key>, in the same slot
-- ARGV  how long the key stands for this job in ms, then names and values of the job's fields
-- Reply {1, entry id} added; {0, entry id} the same job was added before; {-1, entry id} the key stands for another job
local parts = {}
for i = 2, #ARGV do parts[#parts + 1] = #ARGV[i] .. ':' .. ARGV[i] end
local fingerprint = redis.sha1hex(table.concat(parts))
local before = redis.call('GET', KEYS[2])
if before then
  local id, known = string.match(before, '^(%S+) (%S+)$')
  return { known == fingerprint and 0 or -1, id }
end
local add = { 'XADD', KEYS[1], '*' }
for i = 2, #ARGV do add[#add + 1] = ARGV[i] end
local id = redis.call(unpack(add))
redis.call('SET', KEYS[2], id .. ' ' .. fingerprint, 'PX', ARGV[1])
return { 1, id }
