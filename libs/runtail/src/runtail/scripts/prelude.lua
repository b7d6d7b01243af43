-- Shared by all scripts. Every script gets the same keys (runtail/scripts/__init__.py):
local RUN, LOG, RUNS, RUNNING, QUEUED, FINISHED, SIZES, TOTAL, STORE, BELL, BELLS, DELETED, INDEX =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12],
  KEYS[13] -- what stands before the names of the index's keys
local ask = cjson.decode(ARGV[1])

-- The cost of an entry in addition to its payload (design: counted + 64 B).
local ENTRY_OVERHEAD_BYTES = 64
local GENESIS = string.rep('\0', 32)

-- Lua prints large numbers as 1.7e+12; Redis must get all digits.
local function int(n) return string.format('%.0f', n) end

local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function is_terminal(state) return state ~= 'queued' and state ~= 'running' end

local function read(...)
  local names, values, record = {...}, redis.call('HMGET', RUN, ...), {}
  for i, name in ipairs(names) do record[name] = values[i] or nil end
  return record
end

local function number(value) return tonumber(value or '0') or 0 end

-- '12-7' -> 12, 7
local function split_id(id)
  local a, s = string.match(id, '^(%d+)%-(%d+)$')
  return tonumber(a), tonumber(s)
end

-- id a <= id b
local function not_after(a, b)
  local aa, as = split_id(a)
  local ba, bs = split_id(b)
  return aa < ba or (aa == ba and as <= bs)
end

-- A field of one stream entry, whose fields Redis returns as a flat list.
local function field(entry, name)
  for i = 1, #entry[2], 2 do
    if entry[2][i] == name then return entry[2][i + 1] end
  end
end

-- '1 o <from> <n> <t> <flags>' -> type, from, n
local function header(entry)
  local type_, from, n = string.match(field(entry, 'h'), '^%d+ (%a) (%d+) (%d+)')
  return type_, tonumber(from), tonumber(n)
end

-- The output bytes that an entry counts for, and the first line: a store-lost event reports the lost ones.
local function covers(type_, from, payload)
  if type_ == 'o' then return #payload, from end
  if not string.find(payload, '"kind":"store-lost"', 1, true) then return 0, from end
  local lost = cjson.decode(payload)
  return lost.bytes or 0, lost.from or from
end

-- The master's history: a different value means that a failover or a restart came between two writes,
-- and may have rolled back entries that readers have already seen.
local function master_id()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''
end

-- An epoch never repeats, not even in an emptied store, because it is the store's clock.
local function next_epoch(floor) return math.max(now_ms(), floor + 1) end

-- The index of the list may now be wrong about a run (docs/decisions/0080). If nobody keeps it, there is nothing to note.
local function is_kept() return redis.call('EXISTS', INDEX .. 'kept') == 1 end
local function note_changed(run_id)
  if is_kept() then redis.call('SADD', INDEX .. 'changed', run_id) end
end

local function ring(run_id, state_changed)
  redis.call('PUBLISH', BELL, '1')
  if not state_changed then return end
  note_changed(run_id)
  redis.call('PUBLISH', BELLS, run_id)
end

-- The labels that were added to a run, as key:value.
local function added_labels(record)
  local found, cursor = {}, '0'
  repeat
    local reply = redis.call('HSCAN', record, cursor, 'MATCH', 'label:*', 'COUNT', 1000)
    cursor = reply[1]
    for i = 1, #reply[2], 2 do
      found[#found + 1] = string.sub(reply[2][i], 7) .. ':' .. reply[2][i + 1]
    end
  until cursor == '0'
  table.sort(found)
  return found
end

-- Only the run that has the exclusive hold frees it.
local function free_hold(hold, run_id)
  if hold and hold ~= '' and redis.call('GET', hold) == run_id then redis.call('DEL', hold) end
end

-- A hold whose run is gone or over (a finish that was rolled back, a deleted run) counts as free.
local function holder_of(hold, record_prefix)
  local holder = redis.call('GET', hold)
  local state = holder and redis.call('HGET', record_prefix .. holder, 'state')
  return state and not is_terminal(state) and holder
end

-- The newest node of a stream has spare room (4 KiB for a few lines); a copy has none. If an access list forbids COPY,
-- the stream stays as it is.
local SHRUNK_BYTES = 65536
local function shrink(log)
  local copied = redis.pcall('COPY', log, log .. ':copy', 'REPLACE')
  if copied == 1 then redis.call('RENAME', log .. ':copy', log) end
end

-- The memory that a run takes, as the server counts it: record, log, its share of the indexes, two expiry times.
-- If an access list forbids the question: the known size of the log, and the least that the rest takes.
local EXPIRY_BYTES, REST_BYTES = 28, 2048
local function memory_of_run(run_id, stored)
  local function memory(key, samples)
    local bytes = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', samples)
    return type(bytes) == 'number' and bytes
  end
  local record = memory(RUN, 0)
  if not record then return stored + REST_BYTES end
  redis.call('HSET', SIZES, run_id, int(stored))
  local function share(key, count) return (memory(key, 5) or 0) / math.max(redis.call(count, key), 1) end
  -- In the index: a row, and id, state, thing, person and each label as in the list of all.
  local sets, rows = 1, 0
  if is_kept() then sets, rows = 5 + #added_labels(RUN), share(INDEX .. 'rows', 'HLEN') end
  return math.ceil(record + (memory(LOG, 0) or 0) + 2 * EXPIRY_BYTES + sets * share(RUNS, 'ZCARD') + rows
    + share(FINISHED, 'ZCARD') + share(SIZES, 'HLEN'))
end

local function forget_size(run_id)
  local size = redis.call('HGET', SIZES, run_id)
  if size then
    redis.call('HDEL', SIZES, run_id)
    redis.call('DECRBY', TOTAL, size)
  end
end

-- Executions of one id (docs/decisions/0016): the newest has the id; the n-th becomes '<id>~n' when the id is reused.

-- The key of another run's record: RUN ends in the run's own id.
local function record_of(run_id) return string.sub(RUN, 1, #RUN - #ask.run) .. run_id end

local function existing_execution(n)
  return redis.call('EXISTS', RUN .. '~' .. int(n)) == 1 and ask.run .. '~' .. int(n)
end

-- The first number from n on that no earlier execution uses.
local function free_number(n)
  while existing_execution(n) do n = n + 1 end
  return n
end

-- Rename the run, with everything that belongs to it, to an earlier execution's id. Returns that id and its number.
local function set_aside()
  local r = read('execution', 'earlier_execution', 'idempotency', 'hold')
  local n = free_number(number(r.execution or '1'))
  local suffix = '~' .. int(n)
  local id = ask.run .. suffix
  redis.call('RENAME', RUN, RUN .. suffix)
  if redis.call('EXISTS', LOG) == 1 then redis.call('RENAME', LOG, LOG .. suffix) end
  redis.call('HSET', RUN .. suffix, 'execution', int(n), 'newer_execution', ask.run)
  if r.earlier_execution and redis.call('EXISTS', record_of(r.earlier_execution)) == 1 then
    redis.call('HSET', record_of(r.earlier_execution), 'newer_execution', id)
  end
  for _, index in ipairs({RUNS, FINISHED, QUEUED}) do
    local score = redis.call('ZSCORE', index, ask.run)
    if score then
      redis.call('ZREM', index, ask.run)
      redis.call('ZADD', index, score, id)
    end
  end
  if redis.call('SREM', RUNNING, ask.run) == 1 then redis.call('SADD', RUNNING, id) end
  local size = redis.call('HGET', SIZES, ask.run)
  if size then
    redis.call('HDEL', SIZES, ask.run)
    redis.call('HSET', SIZES, id, size)
  end
  local key = r.idempotency or ''
  local digest = key ~= '' and string.match(redis.call('GET', key) or '', '^.* (%x+)$')
  if digest then redis.call('SET', key, id .. ' ' .. digest, 'KEEPTTL') end
  if r.hold and r.hold ~= '' and redis.call('GET', r.hold) == ask.run then redis.call('SET', r.hold, id) end
  note_changed(id)
  note_changed(ask.run)
  redis.call('PUBLISH', BELL .. suffix, '1')
  redis.call('PUBLISH', BELLS, id)
  return id, n
end
