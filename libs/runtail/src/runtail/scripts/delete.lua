-- Delete a run with everything that belongs to it. ask: run, ttl_seconds (how long
-- its writers and messages are told). Returns 1 if there was one.
local r = read('state', 'hold', 'idempotency')
local existed = redis.call('DEL', RUN)
if existed == 1 then redis.call('SET', DELETED, '1', 'EX', ask.ttl_seconds) end
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
