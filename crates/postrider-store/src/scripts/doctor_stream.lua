#!lua flags=no-writes
-- Compares a page of what was handed out of the stream with what is pending: an entry that is pending for nobody was skipped,
-- a pending id without an entry is one whose job is gone.
-- KEYS  stream
-- ARGV  group, last id that was handed out, id after which to look, entries a page
-- Reply {id after which to look next or '' at the end, entries looked at, their bytes, 'skipped' or 'gone', id, …}
local stream, group, last, after, most = KEYS[1], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
-- Ids are too large for Lua's numbers.
local function is_before(one, other)
  local ms, seq = string.match(one, '(%d+)-(%d+)')
  local other_ms, other_seq = string.match(other, '(%d+)-(%d+)')
  if #ms ~= #other_ms then return #ms < #other_ms end
  if ms ~= other_ms then return ms < other_ms end
  if #seq ~= #other_seq then return #seq < #other_seq end
  return seq < other_seq
end
local entries = redis.call('XRANGE', stream, '(' .. after, last, 'COUNT', most)
local pending = redis.call('XPENDING', stream, group, '(' .. after, '+', most)
-- Both lists are whole up to here only.
local ends = {}
if #entries == most then ends[1] = entries[most][1] end
if #pending == most then ends[#ends + 1] = pending[most][1] end
local upto = ends[1]
if ends[2] and is_before(ends[2], upto) then upto = ends[2] end
local reply = { upto or '', 0, 0 }
local function is_on_page(item) return item and not (upto and is_before(upto, item[1])) end
local function note(what, id) reply[#reply + 1], reply[#reply + 2] = what, id end
local e, p = 1, 1
while is_on_page(entries[e]) or is_on_page(pending[p]) do
  local entry, lease = entries[e], pending[p]
  if not is_on_page(lease) or is_on_page(entry) and is_before(entry[1], lease[1]) then
    note('skipped', entry[1])
    e = e + 1
  elseif not is_on_page(entry) or is_before(lease[1], entry[1]) then
    -- An id beyond the last one that was handed out can be pending too, where the group was set back by hand.
    if #redis.call('XRANGE', stream, lease[1], lease[1]) == 0 then note('gone', lease[1]) end
    p = p + 1
  else
    e, p = e + 1, p + 1
  end
end
reply[2] = e - 1
for i = 1, #entries do
  for _, text in ipairs(entries[i][2]) do reply[3] = reply[3] + #text end
end
return reply
