import { nameForm } from '../../../internal/ids.ts'

/** A name of another tool as one that a dataset can have; `imported` where nothing is left of it. */
export function datasetName(name: string, taken: ReadonlySet<string>): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+|[._-]+$/g, '')
    .slice(0, 100)
  const base = nameForm.test(plain) ? plain : 'imported'
  for (let n = 1; ; n++) {
    const one = n === 1 ? base : `${base}-${n}`
    if (!taken.has(one)) return one
  }
}

/** Words that cannot be the name of a constant, and names that the module uses. */
const reserved = new Set(
  'arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for function if implements import in instanceof interface let new null package private protected public return static super switch this throw true try typeof undefined var void while with yield c t expect dataset parquet csv json arrow postgres sqlite duckdb Date RegExp Infinity NaN'.split(
    ' ',
  ),
)

/** The constant of a dataset: `flight-delays` is `flightDelays`. */
export function constantName(dataset: string, taken: ReadonlySet<string>): string {
  const camel = dataset.replace(/[._-]+(.?)/g, (_, next: string) => next.toUpperCase()).replace(/^(?=\d)/, '_')
  const base = reserved.has(camel) ? `${camel}_` : camel
  for (let n = 1; ; n++) {
    const one = n === 1 ? base : `${base}_${n}`
    if (!taken.has(one)) return one
  }
}
