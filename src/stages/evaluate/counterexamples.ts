import type { Json } from '../../internal/canonical-json.ts'
import type { Micros } from '../../internal/time.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'

/** A row on which a property did not hold: every later run tries it again. */
export interface Counterexample {
  /** Id of the test. */
  readonly test: string
  readonly kind: string
  /** The rule in words, as it was. */
  readonly rule: string
  /** Every input of the row; null for missing. */
  readonly row: Readonly<Record<string, number | string | null>>
  /** What moved, before and after. */
  readonly before: Readonly<Record<string, number | string | null>>
  readonly after: Readonly<Record<string, number | string | null>>
  /** The scores, of several classes one each. */
  readonly scores: { readonly before: readonly (number | null)[]; readonly after: readonly (number | null)[] }
  readonly seed: number
  /** The model that it was found in, and when. */
  readonly found: string
  readonly at: Micros
}

interface Kept {
  readonly schema: 1
  readonly counterexamples: readonly Counterexample[]
}

const document = 'counterexamples'
/** Most that are kept of a model: the newest. */
const maxKept = 200

export async function readCounterexamples(
  store: Pick<MetadataStore, 'getDocument'>,
  model: string,
): Promise<readonly Counterexample[]> {
  const found = await store.getDocument<Json>(document, model)
  const kept = found?.value as Partial<Kept> | null | undefined
  return kept?.schema === 1 ? (kept.counterexamples ?? []) : []
}

/** The same row and values are one, however often they are found. */
const nameOf = ({ test, row, before, after }: Counterexample): string => JSON.stringify([test, row, before, after])

/** Adds what a run found, while others do the same. */
export async function keepCounterexamples(
  store: Pick<MetadataStore, 'getDocument' | 'putDocument'>,
  model: string,
  found: readonly Counterexample[],
  at: Micros,
): Promise<void> {
  if (found.length === 0) return
  for (;;) {
    const document_ = await store.getDocument<Json>(document, model)
    const kept = await readCounterexamples({ getDocument: async () => document_ as never }, model)
    const known = new Set(kept.map(nameOf))
    const fresh = found.filter(one => !known.has(nameOf(one)) && known.add(nameOf(one)))
    if (fresh.length === 0) return
    const value: Kept = { schema: 1, counterexamples: [...kept, ...fresh].slice(-maxKept) }
    const written = await store.putDocument(document, model, value as unknown as Json, at, document_?.revision ?? 0)
    if (written !== undefined) return
  }
}
