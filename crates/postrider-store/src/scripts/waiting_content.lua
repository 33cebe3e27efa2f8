#!lua flags=no-writes
-- What a waiting job carries.
-- KEYS  retry:jobs
-- ARGV  job id
-- Reply its content; nil where there is no such job, or it can't be read
local record = redis.call('HGET', KEYS[1], ARGV[1]) or ''
local _, head = string.find(record, '^1 %S+ ')
local fine, fields = pcall(cmsgpack.unpack, head and string.sub(record, head + 1) or '')
if not (head and fine and type(fields) == 'table') then return false end
for i = 1, #fields, 2 do
  if fields[i] == 'content' then return fields[i + 1] end
end
return false
