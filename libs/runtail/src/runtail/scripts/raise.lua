-- A reader saw history that the store no longer holds: begin a new epoch, unless the store agrees
-- with the reader after all or the epoch has been raised already.
--
-- ask: run, epoch, last; ARGV[2]: the reader's chain. Returns the current epoch, 0 if the run is gone.
local r = read('epoch', 'last', 'cut_last', 'chain')
if not r.epoch then return '0' end
if r.epoch ~= int(ask.epoch) then return r.epoch end
if ask.last ~= '0-0' then
  if r.last == ask.last and r.chain == ARGV[2] then return r.epoch end
  if r.cut_last and not_after(ask.last, r.cut_last) then
    if not ask.certain then return r.epoch end
  else
    local found = redis.call('XRANGE', LOG, ask.last, ask.last)
    if #found == 1 and field(found[1], 'c') == ARGV[2] and not ask.certain then return r.epoch end
  end
end
local epoch = int(next_epoch(number(r.epoch)))
redis.call('HSET', RUN, 'epoch', epoch)
ring(ask.run, false)
return epoch
