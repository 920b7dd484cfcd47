/** Milliseconds that a server asks to wait by `Retry-After`: seconds, or a date. Undefined where it does not ask. */
export function waitBetween(header: string | null, now: number = Date.now()): number | undefined {
  if (header === null) return undefined
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000
  const until = Date.parse(header)
  return Number.isNaN(until) ? undefined : Math.max(0, until - now)
}
