#!lua flags=no-writes
-- Everything that the queues and the registry hold, taken apart. A satellite of another type than it should be stands for
-- the one that was put aside under saved:<key>.
-- ARGV  queues…
-- Reply {seconds, microseconds, {queue…}, {hooks, latest, health}, all keys}
local function at(key) return redis.call('TYPE', key).ok == 'string' and 'saved:' .. key or key end
local function record(job, text)
  local _, stop = string.find(text, '^1 %S+ ')
  local fine, fields = pcall(cmsgpack.unpack, stop and string.sub(text, stop + 1) or '')
  if stop and fine and type(fields) == 'table' and #fields > 0 then return { job, string.sub(text, 3, stop - 1), fields } end
  return { job, text, {} }
end
local function group_of(stream)
  local group, pending, consumers = {}, {}, {}
  for _, facts in ipairs(redis.call('EXISTS', stream) == 1 and redis.call('XINFO', 'GROUPS', stream) or {}) do
    group[1] = facts[8]
    pending = redis.call('XPENDING', stream, 'postrider', '-', '+', 100000)
    for i, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', stream, 'postrider')) do consumers[i] = consumer[2] end
  end
  return group, pending, consumers
end
local function look(q)
  local function key(name) return '{' .. q .. '}:' .. name end
  local records, lists, counts, broken = {}, {}, {}, {}
  local flat = redis.call('HGETALL', at(key('retry:jobs')))
  for i = 1, #flat, 2 do records[#records + 1] = record(flat[i], flat[i + 1]) end
  for _, list in ipairs(redis.call('KEYS', key('held:*'))) do
    lists[#lists + 1] = { string.sub(list, #key('held:') + 1), redis.call('ZRANGE', list, 0, -1, 'WITHSCORES') }
  end
  for _, hour in ipairs(redis.call('KEYS', key('stats:*'))) do
    for _, text in ipairs(redis.call('HGETALL', hour)) do counts[#counts + 1] = text end
  end
  for _, name in ipairs({ 'retry', 'retry:jobs', 'held', 'dead', 'attempts' }) do
    if at(key(name)) ~= key(name) then broken[#broken + 1] = name end
  end
  -- Counters that say something else than the letters are as wrong as a key of another type.
  local counted = 0
  for _, count in ipairs(redis.call('HVALS', key('dead:counts'))) do counted = counted + count end
  if counted ~= redis.call('XLEN', at(key('dead'))) then broken[#broken + 1] = 'dead:counts' end
  local group, pending, consumers = group_of(q)
  return {
    { redis.call('EXISTS', q), redis.call('XRANGE', q, '-', '+'), group, pending, consumers },
    { redis.call('ZRANGE', at(key('retry')), 0, -1, 'WITHSCORES'), records,
      redis.call('ZRANGE', at(key('held')), 0, -1, 'WITHSCORES'), lists },
    { redis.call('XRANGE', at(key('dead')), '-', '+'), redis.call('XRANGE', at(key('attempts')), '-', '+'), counts },
    { redis.call('ZRANGE', key('workers:seen'), 0, -1, 'WITHSCORES'), redis.call('HKEYS', key('workers')) },
    broken,
  }
end
local queues, hooks = {}, {}
for i, q in ipairs(ARGV) do queues[i] = look(q) end
for i, suffix in ipairs({ '', ':latest', ':health' }) do hooks[i] = redis.call('HGETALL', 'postrider:hooks:{u}' .. suffix) end
local time = redis.call('TIME')
return { time[1], time[2], queues, hooks, redis.call('KEYS', '*') }
