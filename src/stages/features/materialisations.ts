import type { FeatureView } from '../../define/features.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { Digest } from '../../internal/digest.ts'
import type { Micros } from '../../internal/time.ts'
import type { StageServices } from '../services.ts'
import { inEnvironment } from './applied.ts'
import { recordsOf } from './channels.ts'

/** What the online records of a view were last written from. */
export interface Materialisation {
  /** `zones@3f6c0a91b2d4`: which version of the view's definition. */
  readonly records: string
  readonly snapshot: Digest
  /** Rows of the snapshot, and entities that have a record. */
  readonly rows: number
  readonly entities: number
  /** Files as they were known then; the log up to that place. */
  readonly until: Micros
  readonly seq: number
  /** The newest event of the snapshot. */
  readonly newest?: Micros
  /** How long it took; absent where that tells nothing, of one that was gone on with. */
  readonly seconds?: number
  /** When it was done. */
  readonly at?: Micros
  /** Those before, newest first: what was read then was read from them. */
  readonly before?: readonly Pick<Materialisation, 'snapshot' | 'until' | 'at'>[]
}

/** Earlier ones of a definition that are remembered. */
const maxBefore = 20

const kind = 'materialisation'

type Services = Pick<StageServices, 'store' | 'project'>

/** The last one of a view of that name, whichever version of its definition it was. */
export async function materialisationNamed(
  { store, project }: Services,
  view: string,
): Promise<Materialisation | undefined> {
  const found = await store.getDocument(kind, inEnvironment(project, view))
  return found && ({ ...(found.value as object), at: found.at } as Materialisation)
}

/** The last one of just that definition. */
export async function materialisationOf(services: Services, view: FeatureView): Promise<Materialisation | undefined> {
  const own = await materialisationNamed(services, recordsOf(view))
  if (own) return own
  const named = await materialisationNamed(services, view.name)
  return named?.records === recordsOf(view) ? named : undefined
}

/** The last one of each definition of this environment. */
export async function materialisations({ store, project }: Services): Promise<readonly Materialisation[]> {
  const own = inEnvironment(project, '')
  return (await store.listDocuments(kind))
    .filter(({ id }) => id.includes('@') && (own === '' ? !id.includes('/') : id.startsWith(own)))
    .map(({ value, at }) => ({ ...(value as object), at }) as Materialisation)
    .toSorted((a, b) => (b.at ?? 0) - (a.at ?? 0))
}

/** Notes that records were written; `isCurrent`: of the definition that is meant by the view's name. */
export async function noteMaterialisation(
  { store, project }: Services,
  view: FeatureView,
  done: Omit<Materialisation, 'records' | 'at'>,
  at: Micros,
  isCurrent: boolean,
): Promise<void> {
  const last = await materialisationNamed({ store, project }, recordsOf(view))
  const before = last
    ? [{ snapshot: last.snapshot, until: last.until, at: last.at }, ...(last.before ?? [])].slice(0, maxBefore)
    : []
  const value = { ...done, records: recordsOf(view), before } as unknown as Json
  await store.putDocument(kind, inEnvironment(project, recordsOf(view)), value, at)
  if (isCurrent) await store.putDocument(kind, inEnvironment(project, view.name), value, at)
}

/** A materialisation that is under way: which parts of it are written. */
export interface MaterialisedParts {
  readonly snapshot: Digest
  readonly until: Micros
  readonly parts: number
  /** Place of the log when it began. */
  readonly seq: number
  readonly done: number
}

/** How entities are dealt to parts is in the name: what was begun in another way begins anew. */
const partsKind = 'materialising-2'

/** Where to begin: with the first part, or after those that were written of just this before it was cut off. */
export async function beginParts(
  { store, project }: Services,
  view: FeatureView,
  wanted: Omit<MaterialisedParts, 'done'>,
): Promise<MaterialisedParts> {
  const found = await store.getDocument(partsKind, inEnvironment(project, recordsOf(view)))
  const before = found?.value as unknown as MaterialisedParts | undefined
  const same = before?.snapshot === wanted.snapshot && before.until === wanted.until && before.done <= before.parts
  return same ? before : { ...wanted, done: 0 }
}

export async function notePart(
  { store, project, clock }: Services & Pick<StageServices, 'clock'>,
  view: FeatureView,
  parts: MaterialisedParts,
): Promise<void> {
  await store.putDocument(partsKind, inEnvironment(project, recordsOf(view)), { ...parts }, clock.now())
}

export async function endParts({ store, project }: Services, view: FeatureView): Promise<void> {
  await store.removeDocument(partsKind, inEnvironment(project, recordsOf(view)))
}
