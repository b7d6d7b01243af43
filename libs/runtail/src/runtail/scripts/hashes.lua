-- Read many hashes in one command. It needs no prelude: its keys are the hashes, and there is no ARGV.
--
-- returns for each key its names and values in turn; an empty list if there is no such hash
local found = {}
for i, key in ipairs(KEYS) do found[i] = redis.call('HGETALL', key) end
return found
