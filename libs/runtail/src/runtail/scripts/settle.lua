-- Bring the index of the list up to date (docs/decisions/0080). Nothing else writes its sets and hashes.
--
-- ask: run (empty, so that RUN is what stands before the ids), most (settle at most this many runs),
--      back_ms (releases without an index note no changes: look for them, too, among the runs that were made or ended
--      in this time, and those that are queued or running) or false, always (look even if the numbers agree)
-- returns its mark ('' if nobody keeps it), how many are left, and 1 if the numbers agree with those of the lists.
local CHANGED, ROWS, IDS = INDEX .. 'changed', INDEX .. 'rows', INDEX .. 'ids'
local mark = redis.call('GET', INDEX .. 'kept')
if not mark then return {'', '0', 0} end

local function note(members)
  if #members == 0 then return end
  for i = 1, #members, 1000 do
    redis.call('SADD', CHANGED, unpack(members, i, math.min(i + 999, #members)))
  end
end

local function agree()
  return redis.call('SCARD', RUNNING) == redis.call('ZCARD', INDEX .. 'state:running')
    and redis.call('ZCARD', QUEUED) == redis.call('ZCARD', INDEX .. 'state:queued')
    and redis.call('ZCARD', RUNS) == redis.call('HLEN', ROWS)
    and redis.call('ZCARD', RUNS) == redis.call('ZCARD', IDS)
end

-- What a digest stands for is kept as long as a run has it.
local function digest_of(kind, ...)
  local text = cjson.encode({...})
  local digest = string.sub(redis.sha1hex(text), 1, 16)
  redis.call('HSETNX', INDEX .. kind, digest, text)
  return digest
end

-- Where a run should be listed: its state, thing, person, added labels, and the run with which its family began (after
-- a colon, with which no label begins); nowhere if its record has expired, and no answer if it is deleted.
local function row_of(run_id)
  local score = redis.call('ZSCORE', RUNS, run_id)
  if not score then return end
  local r = redis.call('HMGET', RUN .. run_id, 'state', 'task', 'queue', 'labels', 'who', 'who_id', 'root_id')
  if not r[1] then return {}, score end
  local row = {r[1], digest_of('things', r[2] or '', r[3] or '', r[4] or ''),
    digest_of('people', r[5] or '', r[6] or '')}
  for _, label in ipairs(added_labels(RUN .. run_id)) do row[#row + 1] = label end
  if (r[7] or '') ~= '' then row[#row + 1] = ':' .. r[7] end
  return row, score
end

local KINDS = {'state:', 'thing:', 'person:'}
local MEANINGS = {[2] = 'things', [3] = 'people'}
local function set_of(row, i) return INDEX .. (KINDS[i] or 'label:') .. row[i] end

local function count(row, difference)
  if #row == 0 then return end
  for key, group in pairs({totals = {row[1], row[2]}, groups = {row[1], row[2], row[3]}}) do
    local field = cjson.encode(group)
    if redis.call('HINCRBY', INDEX .. key, field, difference) <= 0 then redis.call('HDEL', INDEX .. key, field) end
  end
end

local function settle(run_id)
  local text = redis.call('HGET', ROWS, run_id)
  local old, row, score = text and cjson.decode(text), row_of(run_id)
  if row then
    local new = cjson.encode(row)
    redis.call('ZADD', IDS, 0, run_id)
    if new == text and (#row == 0 or redis.call('ZSCORE', set_of(row, 1), run_id) == score) then return end
    redis.call('HSET', ROWS, run_id, new)
    for i = 1, #row do redis.call('ZADD', set_of(row, i), score, run_id) end
    count(row, 1)
  end
  if not old then return end
  count(old, -1)
  if not row then
    redis.call('HDEL', ROWS, run_id)
    redis.call('ZREM', IDS, run_id)
  end
  local kept = {}
  for i = 1, #(row or {}) do kept[set_of(row, i)] = true end
  for i = 1, #old do
    local set = set_of(old, i)
    if not kept[set] then redis.call('ZREM', set, run_id) end
    if MEANINGS[i] and redis.call('EXISTS', set) == 0 then redis.call('HDEL', INDEX .. MEANINGS[i], old[i]) end
  end
end

if ask.back_ms and (ask.always or not agree()) then
  for live, set in pairs({[RUNNING] = 'state:running', [QUEUED] = 'state:queued'}) do
    note(redis.call('ZDIFF', 2, live, INDEX .. set))
    note(redis.call('ZDIFF', 2, INDEX .. set, live))
  end
  for _, list in ipairs({RUNS, FINISHED}) do
    note(redis.call('ZRANGE', list, int(now_ms() - ask.back_ms), '+inf', 'BYSCORE'))
  end
end
local changed = redis.call('SPOP', CHANGED, ask.most)
for _, run_id in ipairs(changed) do settle(run_id) end
return {mark, int(redis.call('SCARD', CHANGED)), agree() and 1 or 0}
