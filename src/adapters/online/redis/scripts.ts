/**
 * What Redis does by itself, so that nobody comes between. A record is a hash of its revision `r` and its bytes `b`; a set names the
 * keys of each view.
 *
 * Revisions are the server's microseconds, or one more than the last where it is quicker: after a crash that lost the last
 * writings none of theirs comes again.
 */

/** KEYS: records. ARGV: the revision that the asker has of each, empty for none. A record is {revision, bytes}, or {revision} where it has it. */
export const readScript = `
local found = {}
for i, key in ipairs(KEYS) do
  local revision = redis.call('HGET', key, 'r')
  if not revision then found[i] = false
  elseif revision == ARGV[i] then found[i] = { revision }
  else found[i] = { revision, redis.call('HGET', key, 'b') } end
end
return found
`

/**
 * KEYS: the last revision, the keys of the view, records. ARGV: for each its key, the revision that it follows, milliseconds that it is kept
 * (empty: for ever), 1 to write or 0 to take away, bytes. Gives new revisions, 0 for what was taken away, false for what was not done.
 */
export const writeScript = `
local time = redis.call('TIME')
local last = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(time[1]) * 1000000 + tonumber(time[2]))
local done = {}
local wrote = false
for i = 3, #KEYS do
  local at = (i - 3) * 5
  local key, after, keep, writes, bytes = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]
  if (redis.call('HGET', KEYS[i], 'r') or '0') ~= after then
    done[i - 2] = false
  elseif writes == '0' then
    redis.call('DEL', KEYS[i])
    redis.call('SREM', KEYS[2], key)
    done[i - 2] = '0'
  else
    last = last + 1
    wrote = true
    local revision = string.format('%.0f', last)
    redis.call('HSET', KEYS[i], 'r', revision, 'b', bytes)
    redis.call('PERSIST', KEYS[i])
    if keep ~= '' then redis.call('PEXPIRE', KEYS[i], keep) end
    redis.call('SADD', KEYS[2], key)
    done[i - 2] = revision
  end
end
if wrote then redis.call('SET', KEYS[1], string.format('%.0f', last)) end
return done
`

/** KEYS: the keys of the view, records. ARGV: their keys. Gives those that are there, and forgets those whose time was over. */
export const liveScript = `
local live = {}
for i = 2, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then live[#live + 1] = ARGV[i - 1] else redis.call('SREM', KEYS[1], ARGV[i - 1]) end
end
return live
`

/** KEYS: the keys of the view, records. ARGV: their keys. */
export const dropScript = `
for i = 2, #KEYS do
  redis.call('DEL', KEYS[i])
  redis.call('SREM', KEYS[1], ARGV[i - 1])
end
`
