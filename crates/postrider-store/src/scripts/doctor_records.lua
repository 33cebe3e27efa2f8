#!lua flags=no-writes
-- Looks at a page of the waiting jobs for those that are not in the waiting set: nothing would ever send them.
-- KEYS  retry, retry:jobs
-- ARGV  cursor, jobs a page (about)
-- Reply {next cursor, jobs looked at, id of a job that is not in the set, …}
-- From Redis 7.4 the jobs themselves needn't be read for it.
local page, step = redis.pcall('HSCAN', KEYS[2], ARGV[1], 'COUNT', ARGV[2], 'NOVALUES'), 1
if page.err then page, step = redis.call('HSCAN', KEYS[2], ARGV[1], 'COUNT', ARGV[2]), 2 end
local reply = { page[1], #page[2] / step }
for i = 1, #page[2], step do
  if not redis.call('ZSCORE', KEYS[1], page[2][i]) then reply[#reply + 1] = page[2][i] end
end
return reply
