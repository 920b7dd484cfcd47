/** A cell of SQLite, whatever its own type, as text that reads back the same. Integers come as bigint. */
export function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8')
  if (typeof value === 'number' && Number.isInteger(value)) return value.toFixed(1)
  return String(value)
}

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`
