-- Delete a run with everything that belongs to it. ask: run, ttl_seconds (how long the store
-- remembers the deletion for the run's writers and messages). Returns 1 if there was such a run.
local r = read('state', 'hold', 'idempotency', 'execution', 'earlier_execution', 'newer_execution')
local existed = redis.call('DEL', RUN)
-- The mark keeps the execution's number, because the id may be used again.
if existed == 1 then redis.call('SET', DELETED, r.execution or '1', 'EX', ask.ttl_seconds) end

-- The earlier and the newer execution of the id now refer to each other.
local function link(run_id, name, other)
  if not run_id or redis.call('EXISTS', record_of(run_id)) == 0 then return end
  if other then redis.call('HSET', record_of(run_id), name, other) else redis.call('HDEL', record_of(run_id), name) end
end
link(r.earlier_execution, 'newer_execution', r.newer_execution)
link(r.newer_execution, 'earlier_execution', r.earlier_execution)
redis.call('UNLINK', LOG)
redis.call('ZREM', RUNS, ask.run)
redis.call('SREM', RUNNING, ask.run)
redis.call('ZREM', QUEUED, ask.run)
redis.call('ZREM', FINISHED, ask.run)
forget_size(ask.run)
if r.state and is_terminal(r.state) then free_hold(r.hold, ask.run) end
if r.idempotency and r.idempotency ~= '' then redis.call('DEL', r.idempotency) end
ring(ask.run, true)
return existed
