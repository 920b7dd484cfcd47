import type { Json } from '../../internal/canonical-json.ts'
import type { Micros } from '../../internal/time.ts'
import type { Value } from '../../ports/data-engine.ts'
import type { StageServices } from '../services.ts'
import { inEnvironment } from './applied.ts'
import type { Verification } from './verify.ts'
import type { VerifiedReads } from './verify-reads.ts'

/** Documents of what the last comparison of a view's online with its offline values found. */
export const verificationKind = 'feature-verification'

/** What the last comparison of a view's online with its offline values found. */
export interface NotedVerification extends Omit<Verification, 'view'> {
  readonly at: Micros
}

/** Infinities have no JSON. */
const written = (value: Value): Json =>
  typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value)) ? String(value) : value

export async function noteVerification(
  { store, project, clock }: Pick<StageServices, 'store' | 'project' | 'clock'>,
  view: string,
  found: Verification,
): Promise<void> {
  await store.putDocument(verificationKind, inEnvironment(project, view), asJson(found), clock.now())
}

function asJson({ view: _, examples, ...found }: Verification | VerifiedReads): Json {
  const shown = examples.map(one => ({ ...one, online: written(one.online), offline: written(one.offline) }))
  return { ...found, examples: shown } as unknown as Json
}

const readsKind = 'feature-read-verification'

/** What comparing a sample of what servers read with the offline values last found. */
export interface NotedReadVerification extends Omit<VerifiedReads, 'view'> {
  readonly at: Micros
}

export async function noteReadVerification(
  { store, project, clock }: Pick<StageServices, 'store' | 'project' | 'clock'>,
  view: string,
  found: VerifiedReads,
): Promise<void> {
  await store.putDocument(readsKind, inEnvironment(project, view), asJson(found), clock.now())
}

export async function readVerificationOf(
  { store, project }: Pick<StageServices, 'store' | 'project'>,
  view: string,
): Promise<NotedReadVerification | undefined> {
  const found = await store.getDocument(readsKind, inEnvironment(project, view))
  return found && { ...(found.value as unknown as NotedReadVerification), at: found.at }
}

export async function verificationOf(
  { store, project }: Pick<StageServices, 'store' | 'project'>,
  view: string,
): Promise<NotedVerification | undefined> {
  const found = await store.getDocument(verificationKind, inEnvironment(project, view))
  // Those of before features were told apart have the counts alone
  const counts = { compared: 0, mismatches: 0, uncovered: 0, features: [], examples: [] }
  return found && { ...counts, ...(found.value as Partial<NotedVerification>), at: found.at }
}
