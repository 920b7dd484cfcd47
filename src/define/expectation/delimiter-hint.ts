/** Delimiters that are tried, with what they are called. */
const delimiters = { ',': "','", ';': "';'", '\t': 'a tab', '|': "'|'" } as const

/** Characters of a header that are shown. */
const maxShown = 200

/**
 * What to say of a CSV header in which no declared column stands: how it was read, and the delimiter with which all of them
 * would. Undefined where some column is there.
 */
export function delimiterHint(
  present: readonly string[],
  declared: readonly string[],
  delimiter: string,
): string | undefined {
  if (declared.length === 0 || declared.some(name => present.includes(name))) return undefined
  const text = present.join(delimiter)
  const shown = text.length > maxShown ? `${text.slice(0, maxShown)}…` : text
  const read = `the header was read as ${present.length === 1 ? 'one column' : `${present.length} columns`}, ${shown}`
  const fitting = (Object.keys(delimiters) as (keyof typeof delimiters)[]).find(one => {
    const names = text.split(one).map(name => name.trim().replace(/^"(.*)"$/, '$1'))
    return one !== delimiter && declared.every(name => names.includes(name))
  })
  if (fitting === undefined) return read
  return `${read}; with ${delimiters[fitting]} as delimiter all are there: csv('…', { delimiter: ${JSON.stringify(fitting).replaceAll('"', "'")} })`
}
