-- Find where a reader that asks for a line must begin: always at the start of an entry.
--
-- ask: run, line; ARGV[2]: the chain before the line, or '' if the reader has none.
-- returns 'gone' | 'at' last line chain matched(1|0), or 'beyond' (the line is not written yet)
local r = read('line', 'last', 'chain', 'attempt', 'cut_from', 'cut_to', 'cut_last', 'cut_chain')
if not r.line then return {'gone'} end
local line, given = ask.line, ARGV[2]
if line > number(r.line) then return {'beyond', r.last, r.line, r.chain} end

-- Find the last entry that begins before the line: first the attempt, then a binary search over its
-- seq numbers. If an entry was cut, use the next one that exists.
local function first_from(id)
  local found = redis.call('XRANGE', LOG, id, '+', 'COUNT', 1)
  if #found == 0 then return nil end
  local _, from = header(found[1])
  return from, found[1]
end
local before
for a = number(r.attempt), 0, -1 do
  local marks = redis.call('HMGET', RUN, 'a:' .. a .. ':line', 'a:' .. a .. ':seq')
  if marks[1] and tonumber(marks[1]) < line then
    local low, high = 1, tonumber(marks[2])
    while low <= high do
      local middle = math.floor((low + high) / 2)
      local from, entry = first_from(int(a) .. '-' .. int(middle))
      if from and from < line then
        before, low = entry, middle + 1
      else
        high = middle - 1
      end
    end
    if before then break end
  end
end

local last, at, chain = '0-0', 1, GENESIS
local function stand_after(entry)
  local _, from, n = header(entry)
  last, at, chain = entry[1], from + n, field(entry, 'c')
end
if before then
  local _, from, n = header(before)
  if from + n > line then -- this entry holds the line: begin with it
    local previous = redis.call('XREVRANGE', LOG, '(' .. before[1], '-', 'COUNT', 1)[1]
    if r.cut_last and not_after(r.cut_last, before[1]) and (not previous or not_after(previous[1], r.cut_last)) then
      last, at, chain = r.cut_last, from, r.cut_chain
    elseif previous then
      stand_after(previous)
      at = from
    end
  else
    stand_after(before)
  end
end
-- Inside the cut: for this reader the missing lines begin at the requested line.
local in_cut = r.cut_last and line >= number(r.cut_from) and line <= number(r.cut_to)
if in_cut then at = line end
-- Right after the cut: this reader misses nothing.
if r.cut_last and line == number(r.cut_to) + 1 and not_after(last, r.cut_last) then
  last, at, chain = r.cut_last, line, r.cut_chain
end
if given == '' then return {'at', last, int(at), chain, '1'} end

-- An exact resume: events have the number of the next line, and one that reports lost lines jumps to
-- it, so look for the digest among the events that follow.
local function found() return at == line and chain == given end
local function search()
  local scanned = 0
  while not found() and scanned < 20000 do
    local following = redis.call('XRANGE', LOG, '(' .. last, '+', 'COUNT', 100)
    if #following == 0 then return end
    for _, entry in ipairs(following) do
      local _, from, n = header(entry)
      if from > line or n ~= 0 then return end
      stand_after(entry)
      scanned = scanned + 1
      if found() then return end
    end
  end
end
if not in_cut or line == number(r.cut_from) then search() end
if found() then return {'at', last, int(at), chain, '1'} end
-- The reader's position is now in the cut: it continues from there, and the cut contains the chain that it needs.
if r.cut_last and line >= number(r.cut_from) and line <= number(r.cut_to) + 1 then
  local before_cut = redis.call('XREVRANGE', LOG, r.cut_last, '-', 'COUNT', 1)[1]
  return {'at', before_cut and before_cut[1] or '0-0', int(line), given, '1'}
end
return {'at', last, int(at), chain, '0'}
