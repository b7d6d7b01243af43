-- Read how the output of many runs ends, in one command. Its keys are the record and the log of each run in turn. It
-- needs no prelude.
--
-- ARGV[1]: how many bytes of output to return of each run; ARGV[2..]: the names of fields of the record
-- returns for each run: the values of the fields, and the output of its last attempt: the last lines that fit, or the
-- beginning of the last line if that alone does not; blank lines at the end are left out

-- The server does nothing else meanwhile. So no more than these are looked at: entries, since there may be events behind
-- the output; and blank bytes at the end of one.
local ENTRIES, BLANK_BYTES = 4, 1024

local function field(entry, name)
  for i = 1, #entry[2], 2 do
    if entry[2][i] == name then return entry[2][i + 1] end
  end
  return ''
end

-- The first byte of the line that a byte is in. A search for a plain text is many times as fast as any pattern.
local function line_begin(payload, at)
  local low = at
  while low > 1 do
    low = math.max(1, low - 1024)
    local newline = string.find(payload, '\n', low, true)
    if newline and newline < at then
      local following = newline
      while following and following < at do
        newline, following = following, string.find(payload, '\n', following + 1, true)
      end
      return newline + 1
    end
  end
  return 1
end

local function is_blank(byte) return byte == 32 or (byte >= 9 and byte <= 13) end

local function ending(payload, bytes)
  local last, lowest = #payload, math.max(0, #payload - BLANK_BYTES)
  while last > lowest and is_blank(string.byte(payload, last)) do last = last - 1 end
  if last == lowest then return '' end
  local first, begin = math.max(1, last - bytes + 1), line_begin(payload, last)
  if begin <= first then return string.sub(payload, begin, math.min(last, begin + bytes - 1)) end
  if first > 1 and string.byte(payload, first - 1) ~= 10 then
    first = string.find(payload, '\n', first, true) + 1
  end
  return string.sub(payload, first, last)
end

local function tail(log, attempt, bytes)
  local top = '+'
  for _ = 1, ENTRIES do
    -- One at a time: an entry may be large.
    local entry = redis.pcall('XREVRANGE', log, top, attempt .. '-0', 'COUNT', 1)[1]
    if not entry then return '' end
    local text = string.find(field(entry, 'h'), '^1 o ') and ending(field(entry, 'd'), bytes) or ''
    if text ~= '' then return text end
    top = '(' .. entry[1]
  end
  return ''
end

local bytes, fields, found = tonumber(ARGV[1]), {unpack(ARGV, 2)}, {}
for i = 1, #KEYS, 2 do
  -- Any client of the store may have written anything: what is no record and no log counts as none.
  local record = redis.pcall('HMGET', KEYS[i], 'attempt', unpack(fields))
  local attempt = not record.err and table.remove(record, 1)
  found[#found + 1] = {record.err and {} or record, attempt and tail(KEYS[i + 1], attempt, bytes) or ''}
end
return found
