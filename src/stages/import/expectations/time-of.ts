const form = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,6})?)?\s*(Z|[+-]\d{2}:?\d{2})?)?$/

/** A date or time as it is written in ISO 8601, without a zone taken as UTC; undefined where it is none. */
export function timeOf(text: string): Date | undefined {
  const parts = form.exec(text.trim())
  if (!parts) return undefined
  const [, day, minutes = '00:00', seconds = ':00', zone = 'Z'] = parts
  const time = new Date(`${day}T${minutes}${seconds}${zone.replace(/^([+-]\d{2})(\d{2})$/, '$1:$2')}`)
  // 2024-02-30 would roll over into March
  return Number.isNaN(time.getTime()) || new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) !== day
    ? undefined
    : time
}
