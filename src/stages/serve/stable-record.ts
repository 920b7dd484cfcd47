import type { Decision } from '../../define/decision.ts'
import { ulid } from '../../internal/ids.ts'
import type { Micros } from '../../internal/time.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import type { StageServices } from '../pipeline/services.ts'

/** What the store says of a deployment: the version that is stable. */
export interface StableDocument {
  readonly model: string
  readonly version: number
  readonly since: Micros
}

/** Why a version becomes stable, and who says so. */
export interface Promotion {
  readonly deployment: string
  readonly before: ModelVersion | undefined
  readonly actor: string
  readonly reason: string
}

/** Records that a version is stable from now on: decision, pointer, alias `champion`, lineage. Gives the moment. */
export async function recordStable(
  { store, clock }: Pick<StageServices, 'store' | 'clock'>,
  { model, version, digest }: ModelVersion,
  { deployment, before, actor, reason }: Promotion,
): Promise<Micros> {
  const at = clock.now()
  const node = `model:${model}@${version}`
  const decision: Decision = {
    id: ulid(),
    kind: 'promotion',
    subject: `deployment ${deployment}`,
    at,
    verdict: 'promoted',
    reason,
    rule: { name: 'stable version' },
    inputs: { before: before?.version ?? null, after: version, digest },
    evidence: [node],
    actor,
  }
  await store.addDecision(decision)
  await store.putDocument('deployment', deployment, { model, version, since: at }, at)
  await store.setAlias(model, 'champion', version)
  await store.addEdges([{ from: node, to: `deployment:${deployment}`, relation: 'serves' }])
  return at
}
