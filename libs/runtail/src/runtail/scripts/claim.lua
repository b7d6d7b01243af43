-- A worker asks to run a task for a message. The record decides, by docs/decisions/0015; the delivery is only a hint.
--
-- ask: run, owner, token (one per delivered execution), worker, redelivers,
--      message (its publication; '=' and the token if the broker has none), redelivered, nesting, retries,
--      announced (it has our header), attempt, execution and store of that header,
--      takeover {attempt, beat} (unchanged for a whole lease) or false,
--      overlaps (true: do not record this execution while another one lives),
--      joins (true: record it only if a run waits for it),
--      create {field: value} for a run nobody announced, hold (key of the exclusive hold or false), record_prefix,
--      declared {field: value} (the task's labels and title, the run's family: set if the record does not have them)
-- returns refused reason detail lone | unrecorded | held attempt beat kind
--         | claimed attempt, previous state, the record, ms that the run was queued and due; -1 if unknown.
-- lone: '1' if no other message will store a result for the id, '2' if the run waited for this one.
-- kind: same (this message, or another of its attempt), next (it continues the run), other (it does not),
--       doubt (a redelivery, or another use of the id).
local r = read('state', 'attempt', 'token', 'beat', 'hold', 'epoch', 'master', 'claimant', 'worker', 'beat_ms',
  'execution', 'messages', 'header_attempt', 'nesting', 'retries', 'awaits', 'given_up', 'announced', 'since_ms',
  'eta_ms')
local MAX_MESSAGES = 16
local now = now_ms()
local announced, created = ask.announced, false

-- The place of the message among those that have claimed the run: 1 is the newest.
local function place_of(message)
  local place = 0
  for known in string.gmatch(r.messages or '', '%S+') do
    place = place + 1
    if known == message then return place end
  end
end

-- The list of these messages with this one first; a few are enough, because a late message comes within a visibility
-- timeout or two.
local function with_newest(message)
  local kept = {message}
  for known in string.gmatch(r.messages or '', '%S+') do
    if known ~= message and #kept < MAX_MESSAGES then kept[#kept + 1] = known end
  end
  return table.concat(kept, ' ')
end

-- Two messages are certain to differ only if both have a publication.
local function another_publication()
  local newest = string.match(r.messages or '', '%S+')
  return string.sub(ask.message, 1, 1) ~= '=' and newest and string.sub(newest, 1, 1) ~= '='
end

-- The message continues the run: it was published after the message of the newest attempt.
local function is_newer()
  local header = number(r.header_attempt)
  if announced and ask.attempt ~= header then
    return ask.attempt > header and ask.attempt > number(r.attempt)
  end
  local nesting = number(r.nesting)
  return ask.nesting > nesting or (ask.nesting == nesting and ask.retries > number(r.retries))
end

local function held_by_another()
  local holder = ask.hold and holder_of(ask.hold, ask.record_prefix)
  return holder and holder ~= ask.run and holder
end

local function create(execution, earlier, epoch, messages)
  redis.call('DEL', DELETED)
  for name, value in pairs(ask.create) do redis.call('HSET', RUN, name, value) end
  redis.call('HSET', RUN, 'created_ms', int(now), 'epoch', int(next_epoch(epoch)), 'last', '0-0', 'line', '1',
    'chain', GENESIS, 'attempt', '0', 'beat', '0', 'execution', int(execution))
  if earlier then redis.call('HSET', RUN, 'earlier_execution', earlier) end
  redis.call('ZADD', RUNS, int(now), ask.run)
  r = {state = 'queued', attempt = '0', beat = '0', messages = messages}
  created = true
end

-- A message of an earlier execution that the API started; a retry of it counts as an ordinary message.
if r.state and announced and ask.execution < number(r.execution or '1') then
  if ask.nesting == 0 and ask.retries == 0 then return {'refused', 'ended', '', ''} end
  announced = false
end

if not r.state then
  if ask.joins then return {'unrecorded'} end
  local deleted = redis.call('GET', DELETED)
  if announced and deleted and ask.store == (redis.call('GET', STORE) or '') then
    return {'refused', 'deleted', '', ''}
  end
  local holder = held_by_another()
  if holder then return {'refused', 'exclusive', holder, '1'} end
  local execution = free_number(math.max(number(deleted) + 1, ask.execution))
  create(execution, existing_execution(execution - 1), 0, '')
elseif is_terminal(r.state) then
  local newer = is_newer()
  if place_of(ask.message) or r.token == ask.token or r.claimant == ask.token
      or (announced and (not newer or r.given_up)) or (newer and r.state == 'cancelled') then
    return {'refused', 'ended', r.state, ''}
  end
  if ask.joins then return {'unrecorded'} end
  local holder = held_by_another()
  if holder then return {'refused', 'exclusive', holder, ''} end
  local epoch, messages = number(r.epoch), r.messages or ''
  local earlier, execution = set_aside()
  create(execution + 1, earlier, epoch, messages)
end

local mine = r.state == 'running' and r.token == ask.token
if not (created or mine) then
  -- This execution had the last attempt, which was released meanwhile: a new shipper must not begin another attempt.
  if r.state == 'queued' and r.claimant == ask.token then return {'refused', 'superseded', '', ''} end
  local place, newer, kind = place_of(ask.message), is_newer(), nil
  if r.state == 'queued' then
    if place then
      if place > 1 or r.awaits ~= 'redelivery' then return {'refused', 'duplicate', '', ''} end
    elseif announced then
      local again = r.awaits == 'redelivery' and not another_publication()
      if not newer and not again then return {'refused', 'duplicate', '', ''} end
    elseif number(r.attempt) == 0 then
      kind = 'other'
    elseif not newer and (ask.joins or another_publication()) then
      kind = 'other'
    end
  elseif place then
    if place > 1 then return {'refused', 'duplicate', '', ''} end
    kind = 'same'
  elseif newer then
    kind = 'next'
  elseif announced then
    if another_publication() then return {'refused', 'duplicate', '', ''} end
    kind = 'same'
  else
    kind = ask.redelivered and not another_publication() and 'doubt' or 'other'
  end
  if kind then
    if kind == 'other' and ask.joins then return {'unrecorded'} end
    if ask.overlaps and kind ~= 'same' then
      if ask.hold then return {'refused', 'exclusive', ask.run, ''} end
      redis.call('HINCRBY', RUN, 'overlaps', 1)
      return {'unrecorded'}
    end
    local seen = ask.takeover
    local still = r.state == 'running' and seen and seen.attempt == number(r.attempt) and seen.beat == number(r.beat)
    if not still then return {'held', int(number(r.attempt)), r.beat or '0', kind} end
  end
end

local attempt, waited = number(r.attempt), -1
if not mine then
  if r.state == 'queued' and not created then
    waited = math.max(0, now - math.max(number(r.since_ms), number(r.eta_ms)))
  end
  if ask.hold and r.hold ~= ask.hold then
    local holder = held_by_another()
    if holder then return {'refused', 'exclusive', holder, r.awaits == 'replacement' and '2' or ''} end
    free_hold(r.hold, ask.run)
    redis.call('SET', ask.hold, ask.run)
    redis.call('HSET', RUN, 'hold', ask.hold)
  end
  attempt = attempt + 1
  redis.call('HSET', RUN, 'state', 'running', 'why', '', 'since_ms', int(now), 'started_ms', int(now),
    'attempt', int(attempt), 'owner', ask.owner, 'token', ask.token, 'claimant', ask.token, 'worker', ask.worker,
    'nesting', int(ask.nesting), 'retries', int(ask.retries), 'messages', with_newest(ask.message),
    'awaits', '', 'published', '1', 'redelivers', ask.redelivers, 'consumed', '0')
  redis.call('HSETNX', RUN, 'first_started_ms', int(now))
  for name, value in pairs(ask.declared) do redis.call('HSETNX', RUN, name, value) end
  if announced then redis.call('HSET', RUN, 'header_attempt', int(ask.attempt)) end
  redis.call('HDEL', RUN, 'eta_ms', 'live', 'taken_from', 'taken_beat_ms')
  -- A silent worker had the run: the log must say what may be missing.
  if r.state == 'running' then
    redis.call('HSET', RUN, 'taken_from', r.worker or '', 'taken_beat_ms', r.beat_ms or '0')
  end
  redis.call('ZREM', QUEUED, ask.run)
  redis.call('SADD', RUNNING, ask.run)
  redis.call('PERSIST', RUN)
  redis.call('PERSIST', LOG)
end
-- The previous writer cannot say whether a failover rolled entries back: begin a new history.
local master = master_id()
if r.master and r.master ~= master then
  redis.call('HSET', RUN, 'epoch', int(next_epoch(number(r.epoch))))
end
redis.call('HSET', RUN, 'master', master, 'beat_ms', int(now))
redis.call('HINCRBY', RUN, 'beat', 1)
-- Of two shippers of one execution the later one has the run: the last calls of the dead one may still arrive.
redis.call('HINCRBY', RUN, 'claims', 1)
ring(ask.run, true)
return {'claimed', int(attempt), r.state, redis.call('HGETALL', RUN), int(waited)}
