"""What Redis does at once for the queue: each script is one atomic step.

What belongs here: the scripts (https://redis.io/docs/latest/develop/interact/programmability/eval-intro/). What does
not: calling them (`redis_queue`).

KEYS of all of them: the list; then, of jobs' identities, the set of those that we know to be in the list, the sorted
set of those that are claimed (by the time at which the claim runs out, milliseconds of the server's clock), that of
those that wait for a later time; the hash of their payloads, the hash of their marks (claims, token, holder, a line
each), the list of what could not be read.
ARGV begins with the commands of the list's ends: adding, taking, putting back to where is taken, the sign of that end.
"""

_BEGIN = """
local list, known, claimed, delayed, payloads, marks, unreadable =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local add, take, back, sign = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function mark(id)
  local text = redis.call('HGET', marks, id)
  if not text then return 0, '', '' end
  local count, token, holder = string.match(text, '^(%d+)\\n([^\\n]*)\\n(.*)$')
  return tonumber(count), token, holder
end

local function keep(id, count, token, holder)
  redis.call('HSET', marks, id, count .. '\\n' .. token .. '\\n' .. holder)
end

local function forget(id)
  redis.call('ZREM', claimed, id)
  redis.call('ZREM', delayed, id)
  redis.call('HDEL', payloads, id)
  redis.call('HDEL', marks, id)
end

local function enlist(command, id)
  local payload = redis.call('HGET', payloads, id)
  if payload then
    redis.call('SADD', known, id)
    redis.call(command, list, payload)
  end
end

local function refuse(raw, reason)
  redis.call('RPUSH', unreadable, now .. '\\n' .. reason .. '\\n' .. raw)
  redis.call('LTRIM', unreadable, -10000, -1)
end
"""

PUSH = (
    _BEGIN
    + """
local id, payload = ARGV[5], ARGV[6]
-- Whoever deletes the list does not know of the set.
if redis.call('LLEN', list) == 0 then redis.call('DEL', known) end
if redis.call('SISMEMBER', known, id) == 1 or redis.call('ZSCORE', claimed, id) or redis.call('ZSCORE', delayed, id)
then return 0 end
redis.call('SADD', known, id)
redis.call(add, list, payload)
return 1
"""
)
"""ARGV: job, payload. 1 if it was added, 0 if it is there."""

CLAIM = (
    _BEGIN
    + """
local lasting, token, holder = tonumber(ARGV[5]), ARGV[6], ARGV[7]
local due = {}
for _, place in ipairs({claimed, delayed}) do
  local found = redis.call('ZRANGEBYSCORE', place, '-inf', now, 'WITHSCORES', 'LIMIT', 0, 100)
  for at = 1, #found, 2 do
    table.insert(due, {found[at], tonumber(found[at + 1])})
    redis.call('ZREM', place, found[at])
  end
end
table.sort(due, function(one, other) return one[2] > other[2] end)
for _, one in ipairs(due) do enlist(back, one[1]) end
for _ = 1, 100 do
  local raw = redis.call(take, list)
  if not raw then
    redis.call('DEL', known)
    return {}
  end
  local good, job = pcall(cjson.decode, raw)
  local id = good and type(job) == 'table' and job.job_id
  if not good then
    refuse(raw, 'not JSON')
  elseif type(id) ~= 'string' or id == '' then
    refuse(raw, 'no job_id, or not a text')
  else
    redis.call('SREM', known, id)
    if not (redis.call('ZSCORE', claimed, id) or redis.call('ZSCORE', delayed, id)) then
      local count = mark(id) + 1
      redis.call('ZADD', claimed, now + lasting, id)
      redis.call('HSET', payloads, id, raw)
      keep(id, count, token, holder)
      return {id, raw, count, now + lasting}
    end
  end
end
return {''}
"""
)
"""ARGV: milliseconds, token, holder. Job, payload, claims and the claim's end; [] if none is there, [""]: ask again."""

EXTEND = (
    _BEGIN
    + """
local id, token, lasting = ARGV[5], ARGV[6], tonumber(ARGV[7])
local _, has = mark(id)
if has ~= token or not redis.call('ZSCORE', claimed, id) then return 0 end
redis.call('ZADD', claimed, now + lasting, id)
return 1
"""
)
"""ARGV: job, token, milliseconds."""

ACKNOWLEDGE = (
    _BEGIN
    + """
local id, token, reason = ARGV[5], ARGV[6], ARGV[7]
local _, has = mark(id)
if has ~= token then return 0 end
local payload = redis.call('HGET', payloads, id)
if payload and redis.call('SISMEMBER', known, id) == 1 then
  redis.call('LREM', list, sign, payload)
  redis.call('SREM', known, id)
end
if reason ~= '' and payload then refuse(payload, reason) end
forget(id)
return 1
"""
)
"""ARGV: job, token, why it could not be read (empty: it was done)."""

HAND_BACK = (
    _BEGIN
    + """
local id, token, delay = ARGV[5], ARGV[6], tonumber(ARGV[7])
local count, has = mark(id)
if has ~= token or not redis.call('ZSCORE', claimed, id) then return 0 end
redis.call('ZREM', claimed, id)
keep(id, count, '', '')
if delay > 0 then redis.call('ZADD', delayed, now + delay, id) else enlist(add, id) end
return 1
"""
)
"""ARGV: job, token, milliseconds from which on it can be claimed again."""

RELEASE = (
    _BEGIN
    + """
local freed = 0
for at = 5, #ARGV, 2 do
  local id, token = ARGV[at], ARGV[at + 1]
  local count, has = mark(id)
  if has == token and redis.call('ZSCORE', claimed, id) then
    redis.call('ZREM', claimed, id)
    keep(id, count, '', '')
    enlist(back, id)
    freed = freed + 1
  end
end
return freed
"""
)
"""ARGV: job and token of each claim that is to end."""

CLEAR = (
    _BEGIN
    + """
local count = redis.call('LLEN', list) + redis.call('ZCARD', claimed) + redis.call('ZCARD', delayed)
redis.call('DEL', list, known, claimed, delayed, payloads, marks)
return count
"""
)
"""How many jobs were removed."""
