-- Change fields of a record only while the run is in the state that the caller saw.
--
-- ask: run, state, execution (its number, or false for the newest), fields {field: value},
--      once (set only fields that are not set yet), changed (notify the list)
local r = read('state', 'execution')
if not r.state then return {'gone'} end
if r.state ~= ask.state then return {'state', r.state} end
if ask.execution and ask.execution ~= number(r.execution or '1') then return {'execution', r.execution or '1'} end
for name, value in pairs(ask.fields) do
  redis.call(ask.once and 'HSETNX' or 'HSET', RUN, name, value)
end
ring(ask.run, ask.changed)
return {'ok'}
