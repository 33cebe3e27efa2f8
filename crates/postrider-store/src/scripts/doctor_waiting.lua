#!lua flags=no-writes
-- Looks at a page of the waiting set: each id must have a job that can be read and a time at which it falls due, and a job
-- that is held must be on the list of its hook.
-- KEYS  retry, retry:jobs, held
-- ARGV  cursor, ids a page (about), most bytes to read of jobs: beyond it, only whether they are there is looked at
-- Reply {next cursor, ids looked at, bytes of jobs, ids with a job, what is wrong, id, …}: no_job, unreadable, never_due, unlisted
local retry, jobs, held = unpack(KEYS)
local most = tonumber(ARGV[3])
local bytes_left = most
local page = redis.call('ZSCAN', retry, ARGV[1], 'COUNT', ARGV[2])
local reply = { page[1], #page[2] / 2, 0, 0 }
local function is_listed(job, hook)
  return redis.call('ZSCORE', held .. ':' .. hook, job) and redis.call('ZSCORE', held, hook)
end
local function fault_of_record(job)
  local record = redis.call('HGET', jobs, job)
  bytes_left = bytes_left - #record
  local _, head, hook = string.find(record, '^1 [%d-]+@?(%S*) ')
  local fine, fields = pcall(cmsgpack.unpack, head and string.sub(record, head + 1) or '')
  if (tonumber(string.match(record, '^(%d+) ')) or 0) > 1 then return nil end -- of a version to come, which knows better
  if not (head and fine and type(fields) == 'table' and #fields > 0) then return 'unreadable' end
  if hook ~= '' and not is_listed(job, hook) then return 'unlisted' end
end
for i = 1, #page[2], 2 do
  local job, score, fault = page[2][i], page[2][i + 1], 'no_job'
  if redis.call('HEXISTS', jobs, job) == 1 then
    reply[4] = reply[4] + 1
    fault = bytes_left > 0 and fault_of_record(job) or score == 'inf' and 'never_due' or nil
  end
  if fault then reply[#reply + 1], reply[#reply + 2] = fault, job end
end
reply[3] = most - bytes_left
return reply
