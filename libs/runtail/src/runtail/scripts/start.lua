-- Make the record of a run somebody starts, with its idempotency key and its exclusive hold.
--
-- ask: run, fields {field: value}, digest, idempotency_seconds, record_prefix
-- KEYS[12]: idempotency key or '', KEYS[13]: exclusive hold or ''
local IDEMPOTENCY, HOLD = KEYS[12], KEYS[13]
if IDEMPOTENCY ~= '' then
  local known = redis.call('GET', IDEMPOTENCY)
  if known then
    local run_id, digest = string.match(known, '^(.*) (%x+)$')
    if digest ~= ask.digest then return {'conflict', run_id} end
    return {'exists', run_id}
  end
end
if redis.call('EXISTS', RUN) == 1 then return {'taken', ask.run} end
if HOLD ~= '' then
  local holder = redis.call('GET', HOLD)
  if holder then
    -- A hold whose run is gone or over (a rolled back finish, a deleted run) holds nothing.
    local state = redis.call('HGET', ask.record_prefix .. holder, 'state')
    if state and not is_terminal(state) then return {'held', holder} end
  end
end
local now = now_ms()
for name, value in pairs(ask.fields) do redis.call('HSET', RUN, name, value) end
redis.call('HSET', RUN, 'created_ms', int(now), 'since_ms', int(now), 'epoch', int(next_epoch(0)), 'last', '0-0',
  'line', '1', 'chain', GENESIS, 'attempt', '0', 'beat', '0', 'hold', HOLD, 'idempotency', IDEMPOTENCY)
redis.call('ZADD', RUNS, int(now), ask.run)
redis.call('ZADD', QUEUED, int(now), ask.run)
if IDEMPOTENCY ~= '' then
  redis.call('SET', IDEMPOTENCY, ask.run .. ' ' .. ask.digest, 'EX', ask.idempotency_seconds)
end
if HOLD ~= '' then redis.call('SET', HOLD, ask.run) end
ring(ask.run, true)
return {'created', ask.run}
