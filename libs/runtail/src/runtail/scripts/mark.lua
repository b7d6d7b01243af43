-- Change fields of a record only while the run is in the state that the caller saw.
--
-- ask: run, state, fields {field: value}, once (set only fields that are not set yet), changed (ring the list's bell)
local state = redis.call('HGET', RUN, 'state')
if not state then return {'gone'} end
if state ~= ask.state then return {'state', state} end
for name, value in pairs(ask.fields) do
  redis.call(ask.once and 'HSETNX' or 'HSET', RUN, name, value)
end
ring(ask.run, ask.changed)
return {'ok'}
