-- A worker asks to run a task for a run. The record decides; Celery's delivery is only a hint.
--
-- ask: run, owner, token (one per delivered execution), worker, retries, announced, store (the uuid in
--      the message's header or false), takeover {attempt, beat} (stood still for a whole lease) or false,
--      create {field: value} for a run nobody announced, hold (key of the exclusive hold or false),
--      record_prefix
-- returns claimed | refused reason | held attempt beat; claimed: attempt, previous state, then the record
local r = read('state', 'attempt', 'token', 'beat', 'hold', 'cancel', 'epoch', 'master', 'claimant',
  'worker', 'beat_ms')
local now = now_ms()

if not r.state then
  if ask.announced and ask.store and ask.store == (redis.call('GET', STORE) or '')
      and redis.call('EXISTS', DELETED) == 1 then
    return {'refused', 'deleted'}
  end
  local holder = ask.hold and holder_of(ask.hold, ask.record_prefix)
  if holder and holder ~= ask.run then return {'refused', 'exclusive', holder} end
  redis.call('DEL', DELETED)
  for name, value in pairs(ask.create) do redis.call('HSET', RUN, name, value) end
  redis.call('HSET', RUN, 'created_ms', int(now), 'epoch', int(next_epoch(0)), 'last', '0-0', 'line', '1',
    'chain', GENESIS, 'attempt', '0', 'beat', '0')
  if ask.hold then
    redis.call('SET', ask.hold, ask.run)
    redis.call('HSET', RUN, 'hold', ask.hold)
  end
  redis.call('ZADD', RUNS, int(now), ask.run)
  r = {state = 'queued', attempt = '0', beat = '0'}
end

if is_terminal(r.state) then return {'refused', 'ended', r.state} end
-- It had the last attempt, which was given back meanwhile: a new shipper must not make another of it.
if r.state == 'queued' and r.claimant == ask.token then return {'refused', 'superseded'} end
local attempt = number(r.attempt)
if r.state == 'running' and r.token ~= ask.token then
  local still = ask.takeover and ask.takeover.attempt == attempt and ask.takeover.beat == number(r.beat)
  if not still then return {'held', int(attempt), r.beat or '0'} end
end
if not (r.state == 'running' and r.token == ask.token) then
  attempt = attempt + 1
  redis.call('HSET', RUN, 'state', 'running', 'why', '', 'since_ms', int(now), 'started_ms', int(now),
    'attempt', int(attempt), 'owner', ask.owner, 'token', ask.token, 'claimant', ask.token, 'worker', ask.worker,
    'retries', int(ask.retries), 'published', '1', 'redelivers', ask.redelivers, 'consumed', '0')
  redis.call('HSETNX', RUN, 'first_started_ms', int(now))
  redis.call('HDEL', RUN, 'eta_ms', 'live', 'taken_from', 'taken_beat_ms')
  -- A silent worker had it: the log must say what may be missing.
  if r.state == 'running' then
    redis.call('HSET', RUN, 'taken_from', r.worker or '', 'taken_beat_ms', r.beat_ms or '0')
  end
  redis.call('ZREM', QUEUED, ask.run)
  redis.call('SADD', RUNNING, ask.run)
  redis.call('PERSIST', RUN)
  redis.call('PERSIST', LOG)
end
-- The one that wrote before cannot say whether a failover took entries back: begin a new history.
local master = master_id()
if r.master and r.master ~= master then
  redis.call('HSET', RUN, 'epoch', int(next_epoch(number(r.epoch))))
end
redis.call('HSET', RUN, 'master', master, 'beat_ms', int(now))
redis.call('HINCRBY', RUN, 'beat', 1)
-- Of two shippers of one execution the later has the run: what the dead one sent last may still arrive.
redis.call('HINCRBY', RUN, 'claims', 1)
ring(ask.run, true)
return {'claimed', int(attempt), r.state, redis.call('HGETALL', RUN)}
