import { exactMicros, formatTime } from '../../../internal/time.ts'
import type { ColumnProfile, Profile } from '../../../stages/profile/types.ts'

/** Times in a profile as RFC 3339, NaN and infinities as text: nothing that JSON would make a null. */
function plain(value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]))
}

function column(one: ColumnProfile): unknown {
  if (one.type !== 'timestamp') return one
  const time = (value: ColumnProfile['min']) => (value === null ? null : formatTime(exactMicros(value)))
  const { times } = one
  return {
    ...one,
    min: time(one.min),
    max: time(one.max),
    top: one.top.map(({ value, rows }) => ({ value: time(value), rows })),
    ...(times
      ? {
          times: {
            ...times,
            oldest: formatTime(times.oldest),
            newest: formatTime(times.newest),
            ...(times.longestGap
              ? { longestGap: { from: formatTime(times.longestGap.from), to: formatTime(times.longestGap.to) } }
              : {}),
          },
        }
      : {}),
  }
}

/** A profile for programs. */
export const profileJson = (profile: Profile): unknown => plain({ ...profile, columns: profile.columns.map(column) })
