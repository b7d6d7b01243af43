-- Append entries to a run's log and update its record, renew a lease (no entries), or end or
-- release the run: in one call, all or nothing, safe to repeat.
--
-- ask: run, as ('writer' | 'reaper' | 'queued'), attempt, owner, token, claims, beat (reaper: as seen),
--      execution (writer: the number of the id's execution it writes), store (writer: the uuid at its claim),
--      epoch, last, line (as the caller knows them), silent (writer: no answer for a whole lease), quota, head,
--      live (JSON text or false), counters {name: value}, named {field: value} (labels and title),
--      cancel (JSON text, sent again each time),
--      reclaim {field: value} (after a rollback), create {field: value} (after an emptied store),
--      raise (the last known epoch: history was lost, a higher epoch begins), next {state, ...} (end or release)
-- Returns ok cancel epoch cut overlaps | fenced reason | gone store deleted | mismatch, and where the log ends.
-- ARGV[2]: the chain as the caller knows it; then id, header, payload, chain, lines per entry.
local FIRST, PER = 3, 5
local count = (#ARGV - FIRST + 1) / PER

local r = read('state', 'attempt', 'owner', 'token', 'beat', 'epoch', 'last', 'line', 'chain', 'cancel', 'bytes',
  'stored_bytes', 'entries', 'head_last', 'hold', 'cut_from', 'cut_to', 'cut_bytes', 'cut_entries', 'cut_last', 'claims',
  'master', 'execution', 'overlaps')

if r.state and ask.execution then
  local execution = number(r.execution or '1')
  local uuid = redis.call('GET', STORE) or ''
  if execution > ask.execution or (execution < ask.execution and uuid ~= ask.store) then
    return {'fenced', 'superseded'}
  end
  -- The store rolled back to before this execution was claimed: the id now belongs to the previous execution.
  if execution < ask.execution then
    set_aside()
    return {'gone', uuid, ''}
  end
end

local created = false
if not r.state then
  -- The mark holds the number of the deleted execution: a later execution may have begun since.
  local mark = redis.call('GET', DELETED)
  local deleted = mark and number(mark) >= (ask.execution or 1)
  if deleted or not ask.create then return {'gone', redis.call('GET', STORE) or '', deleted and '1' or ''} end
  r = {state = 'queued', attempt = '0', epoch = '0', last = '0-0', line = '1', chain = GENESIS}
  created = true
end

-- The current cut: from to bytes entries (all empty if there is no cut).
local function the_cut()
  if not r.cut_last then return '', '', '', '' end
  return unpack(redis.call('HMGET', RUN, 'cut_from', 'cut_to', 'cut_bytes', 'cut_entries'))
end
local function done(epoch)
  local from, to, bytes, entries = the_cut()
  return {'ok', r.cancel or '', epoch, from, to, bytes, entries, r.overlaps or '0'}
end

-- A writer's digest proves that none of its entries was rolled back, and nobody else writes while its lease holds.
-- All other callers cannot know that, so a new history begins.
local master = master_id()
local may_hide = (ask.as ~= 'writer' or ask.silent) and r.master and r.master ~= master

-- The reply to the same call was lost: the request has been carried out already.
if count > 0 and r.last == ARGV[FIRST + (count - 1) * PER] and r.chain == ARGV[FIRST + (count - 1) * PER + 3] then
  if may_hide then
    r.epoch = int(next_epoch(number(r.epoch)))
    redis.call('HSET', RUN, 'epoch', r.epoch, 'master', master)
    ring(ask.run, false)
  end
  return done(r.epoch)
end
-- A repeated call after the end or the release: it is still stored.
if count == 0 and ask.next and r.state == ask.next.fields.state and r.last == ask.last and r.chain == ARGV[2] then
  return done(r.epoch)
end

local attempt = number(r.attempt)
if is_terminal(r.state) then return {'fenced', 'ended'} end
if ask.as == 'writer' then
  if attempt > ask.attempt then return {'fenced', 'superseded'} end
  if attempt == ask.attempt and (r.token ~= ask.token or number(r.claims) > ask.claims) then
    return {'fenced', 'owner'}
  end
elseif ask.as == 'reaper' then
  if r.state ~= 'running' or attempt ~= ask.attempt or number(r.beat) ~= ask.beat then return {'fenced', 'alive'} end
elseif r.state ~= 'queued' then
  return {'fenced', 'claimed'}
end

local rolled_back = ask.as == 'writer' and (attempt < ask.attempt or number(r.claims) < ask.claims)
if (rolled_back and not ask.reclaim) or r.epoch ~= int(ask.epoch) or r.last ~= ask.last
    or r.line ~= int(ask.line) or r.chain ~= ARGV[2] then
  return {'mismatch', r.epoch, r.last, r.line, r.chain, r.attempt or '0', r.bytes or '0', the_cut()}
end

-- The writes. The first one decides whether a full store refuses them all.
local new_bytes, stored_delta, line, last, chain = 0, 0, number(r.line), r.last, r.chain
local firsts = {}
for i = 0, count - 1 do
  local at = FIRST + i * PER
  local id, head, payload = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  redis.call('XADD', LOG, id, 'h', head, 'd', payload, 'c', ARGV[at + 3])
  local type_, from = string.match(head, '^%d+ (%a) (%d+)')
  new_bytes = new_bytes + covers(type_, tonumber(from), payload)
  stored_delta = stored_delta + #payload + ENTRY_OVERHEAD_BYTES
  line, last, chain = tonumber(from) + tonumber(ARGV[at + 4]), id, ARGV[at + 3]
  local a = string.match(id, '^(%d+)')
  if not firsts[a] then firsts[a] = from end
end

local now = now_ms()
if created then
  for name, value in pairs(ask.create) do redis.call('HSET', RUN, name, value) end
  redis.call('ZADD', RUNS, ask.create.created_ms, ask.run)
  if (ask.create.hold or '') ~= '' then redis.call('SET', ask.create.hold, ask.run, 'NX') end
end
if ask.reclaim and (created or rolled_back) then
  for name, value in pairs(ask.reclaim) do redis.call('HSET', RUN, name, value) end
  redis.call('ZREM', QUEUED, ask.run)
  redis.call('SADD', RUNNING, ask.run)
  note_changed(ask.run)
end
if ask.cancel and not r.cancel then
  redis.call('HSET', RUN, 'cancel', ask.cancel)
  r.cancel = ask.cancel
end

local epoch = number(r.epoch)
if may_hide then ask.raise = math.max(ask.raise or 0, epoch) end
if ask.raise then epoch = next_epoch(math.max(epoch, ask.raise)) end
local stored = number(r.stored_bytes) + stored_delta
local total_bytes = number(r.bytes) + new_bytes
redis.call('HSET', RUN, 'epoch', int(epoch), 'last', last, 'line', int(line), 'chain', chain,
  'bytes', int(total_bytes), 'entries', int(number(r.entries) + count), 'master', master)
for a, from in pairs(firsts) do redis.call('HSETNX', RUN, 'a:' .. a .. ':line', from) end
if count > 0 then
  local a, s = split_id(last)
  redis.call('HSET', RUN, 'a:' .. int(a) .. ':seq', int(s))
end
if ask.as == 'writer' then
  redis.call('HINCRBY', RUN, 'beat', 1)
  redis.call('HSET', RUN, 'beat_ms', int(now))
end
for name, value in pairs(ask.counters or {}) do redis.call('HSET', RUN, name, int(value)) end
for name, value in pairs(ask.named or {}) do
  -- (All of them come each time.)
  if redis.call('HGET', RUN, name) ~= value then
    redis.call('HSET', RUN, name, value)
    note_changed(ask.run)
  end
end
if ask.live then redis.call('HSET', RUN, 'live', ask.live) end

-- The quota: head and tail stay, and the oldest entries between them are deleted.
if not r.head_last and stored > ask.head then
  r.head_last = last
  redis.call('HSET', RUN, 'head_last', last)
end
-- (Not together with an end: the terminal entry already says how much was cut.)
if stored > ask.quota and r.head_last and not ask.next then
  local behind = r.cut_last or r.head_last
  local cut_from, cut_to, cut_bytes, cut_entries = r.cut_from and number(r.cut_from), number(r.cut_to),
    number(r.cut_bytes), number(r.cut_entries)
  local cut_chain
  while stored > ask.quota do
    local batch = redis.call('XRANGE', LOG, '(' .. behind, '+', 'COUNT', 2)
    if #batch < 2 then break end -- the newest entry always stays
    local entry = batch[1]
    local type_, from, n = header(entry)
    local payload = field(entry, 'd')
    local bytes, first = covers(type_, from, payload)
    redis.call('XDEL', LOG, entry[1])
    stored = stored - #payload - ENTRY_OVERHEAD_BYTES
    cut_from = cut_from or first
    cut_to = math.max(cut_to, from + n - 1)
    cut_bytes, cut_entries, behind, cut_chain = cut_bytes + bytes, cut_entries + 1, entry[1], field(entry, 'c')
  end
  if cut_chain then
    redis.call('HSET', RUN, 'cut_from', int(cut_from), 'cut_to', int(cut_to), 'cut_bytes', int(cut_bytes),
      'cut_entries', int(cut_entries), 'cut_last', behind, 'cut_chain', cut_chain)
    r.cut_last = behind
  end
end
redis.call('HSET', RUN, 'stored_bytes', int(stored))

local next = ask.next
if next then
  redis.call('HSET', RUN, 'since_ms', int(now))
  for name, value in pairs(next.fields) do redis.call('HSET', RUN, name, value) end
  redis.call('HDEL', RUN, 'live')
  redis.call('SREM', RUNNING, ask.run)
  if is_terminal(next.fields.state) then
    redis.call('HSET', RUN, 'finished_ms', int(now))
    -- The run was given up while it waited: a message that still arrives must not be executed.
    if ask.as == 'queued' then redis.call('HSET', RUN, 'given_up', '1') end
    redis.call('ZREM', QUEUED, ask.run)
    redis.call('ZADD', FINISHED, int(now), ask.run)
    -- Delete the fields that only a writer needs.
    redis.call('HDEL', RUN, 'owner', 'journal', 'consumed')
    if stored <= SHRUNK_BYTES then shrink(LOG) end
    forget_size(ask.run)
    local taken = memory_of_run(ask.run, stored)
    redis.call('HSET', SIZES, ask.run, int(taken))
    redis.call('INCRBY', TOTAL, int(taken))
    free_hold(r.hold, ask.run)
    if next.forget_idempotency then redis.call('DEL', next.forget_idempotency) end
    redis.call('EXPIRE', RUN, next.ttl_seconds)
    redis.call('EXPIRE', LOG, next.ttl_seconds)
  else
    redis.call('ZADD', QUEUED, int(now), ask.run)
  end
end
if count > 0 or ask.live or ask.raise or next then ring(ask.run, next or created) end
return done(int(epoch))
