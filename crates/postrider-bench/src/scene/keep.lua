-- Copies what a worker has put away: one waiting job, one dead letter, one record of an attempt.
-- KEYS  retry, retry:jobs, dead, dead:counts, dead:ids, attempts
-- ARGV  number of the first copy, number of the last, most records of attempts
local retry, jobs, dead, counts, ids, attempts = unpack(KEYS)
local first, last, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local due = redis.call('ZRANGE', retry, 0, 0, 'WITHSCORES')
local record = redis.call('HGET', jobs, due[1])
local letter = redis.call('XRANGE', dead, '-', '+', 'COUNT', 1)[1][2]
local attempt = redis.call('XRANGE', attempts, '-', '+', 'COUNT', 1)[1][2]
local group = redis.call('HKEYS', counts)[1]
for n = first, last do
  redis.call('HSET', jobs, 'w' .. n, record)
  redis.call('ZADD', retry, due[2] + n, 'w' .. n)
  for i = 1, #letter, 2 do
    if letter[i] == '_id' or letter[i] == 'id' then letter[i + 1] = 'd' .. n end
  end
  redis.call('HSET', ids, 'd' .. n, redis.call('XADD', dead, '*', unpack(letter)))
  if n <= most then redis.call('XADD', attempts, '*', unpack(attempt)) end
end
return redis.call('HINCRBY', counts, group, last - first + 1)
