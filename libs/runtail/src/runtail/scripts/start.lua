-- Make the record of a run that somebody starts, with its idempotency key and its exclusive hold.
--
-- ask: run, fields {field: value}, digest, idempotency_seconds, record_prefix, none (the name of an absent key)
-- KEYS[14]: idempotency key, KEYS[15]: exclusive hold; either may be absent
-- Returns created run execution | exists | conflict | taken | held, each with a run.
local function given(key) return key == ask.none and '' or key end
local IDEMPOTENCY, HOLD = given(KEYS[14]), given(KEYS[15])
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
  local holder = holder_of(HOLD, ask.record_prefix)
  if holder then return {'held', holder} end
end
local now = now_ms()
local execution = free_number(number(redis.call('GET', DELETED) or '0') + 1)
local earlier = existing_execution(execution - 1)
for name, value in pairs(ask.fields) do redis.call('HSET', RUN, name, value) end
redis.call('HSET', RUN, 'created_ms', int(now), 'since_ms', int(now), 'epoch', int(next_epoch(0)), 'last', '0-0',
  'line', '1', 'chain', GENESIS, 'attempt', '0', 'beat', '0', 'hold', HOLD, 'idempotency', IDEMPOTENCY,
  'master', master_id(), 'execution', int(execution))
if earlier then redis.call('HSET', RUN, 'earlier_execution', earlier) end
redis.call('ZADD', RUNS, int(now), ask.run)
redis.call('ZADD', QUEUED, int(now), ask.run)
if IDEMPOTENCY ~= '' then
  redis.call('SET', IDEMPOTENCY, ask.run .. ' ' .. ask.digest, 'EX', ask.idempotency_seconds)
end
if HOLD ~= '' then redis.call('SET', HOLD, ask.run) end
redis.call('DEL', DELETED)
ring(ask.run, true)
return {'created', ask.run, int(execution)}
