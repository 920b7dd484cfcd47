/** A number with separators, as `toLocaleString('en-US')` writes it; for whole ones without what takes 20 ms to load. */
export function grouped(value: number): string {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return value.toLocaleString('en-US')
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ',')
}
