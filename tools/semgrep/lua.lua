-- Examples of the rules in lua.yaml: what each must find (ruleid) and must not (ok).

-- # ruleid: lua-from-text
loadstring('return ' .. ARGV[1])()
-- # ruleid: lua-from-text
local run = load(ARGV[1])
-- # ruleid: lua-from-text
redis.call('EVAL', ARGV[1], 0)
-- # ok: lua-from-text
redis.call('SET', KEYS[1], 'load ' .. ARGV[1])
-- # ok: lua-from-text
local reloaded = cjson.decode(ARGV[1])
