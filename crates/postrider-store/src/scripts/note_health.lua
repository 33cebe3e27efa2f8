#!lua flags=allow-oom
-- Notes how the last attempts of a registered hook went: its latest one for its owner, and whether it is failing.
-- KEYS  the owner's hooks, latest, health (hook id -> "<failures in a row> <since, epoch ms> <1 where told as failing>")
-- ARGV  hook id, latest attempt (JSON), 1 where one succeeded, failures after the last success, failures in a row that are
--       told as failing
-- Reply {'none' | 'failing' | 'recovered', failures in a row, for how long (ms)}
local hooks, latest, health = KEYS[1], KEYS[2], KEYS[3]
local hook, succeeded, failures, told_from = ARGV[1], ARGV[3] == '1', tonumber(ARGV[4]), tonumber(ARGV[5])
-- A hook that was deleted meanwhile leaves nothing behind.
if redis.call('HEXISTS', hooks, hook) == 0 then return { 'none', 0, 0 } end
redis.call('HSET', latest, hook, ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before, since, told = string.match(redis.call('HGET', health, hook) or '', '^(%d+) (%d+) (%d)$')
local was_told = told == '1'
if succeeded or not before then before, since = 0, now end
local change = succeeded and was_told and 'recovered' or 'none'
if succeeded then was_told = false end
local in_a_row = before + failures
if in_a_row == 0 then
  redis.call('HDEL', health, hook)
  return { change, 0, 0 }
end
if in_a_row >= told_from and not was_told then change, was_told = 'failing', true end
redis.call('HSET', health, hook, string.format('%.0f %.0f %d', in_a_row, since, was_told and 1 or 0))
return { change, in_a_row, now - since }
