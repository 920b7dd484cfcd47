import type { Decision } from '../../define/decision.ts'
import type { Canary } from '../../define/canary.ts'
import type { Deployment } from '../../define/deployment.ts'
import { compilePart } from '../../define/project.ts'
import { ulid } from '../../internal/ids.ts'
import type { Micros } from '../../internal/time.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import type { StageServices } from '../services.ts'

/** What the store says of a deployment: the version that is stable. */
export interface StableDocument {
  readonly model: string
  readonly version: number
  readonly since: Micros
  /** How the deployment was declared: it goes on by that where the project declares it no more. */
  readonly declared: Partial<Pick<Deployment, 'stickyBy' | 'segments'>> & {
    /** What is declared now may have been none of it when this was recorded. */
    readonly canary: Omit<Canary, 'maxContest'> & Partial<Pick<Canary, 'maxContest'>>
  }
}

/** The stable version of every deployment that there ever was. */
export async function stableDocuments(
  store: Pick<StageServices['store'], 'listDocuments'>,
): Promise<readonly { readonly id: string; readonly value: StableDocument }[]> {
  return (await store.listDocuments('deployment')).map(({ id, value }) => ({
    id,
    value: value as unknown as StableDocument,
  }))
}

/** Records that a name is served no more: decision, and no pointer any more. Its versions stay in the registry. */
export async function recordWithdrawn(
  { store, clock }: Pick<StageServices, 'store' | 'clock'>,
  deployment: string,
  stable: ModelVersion | undefined,
  actor: string,
): Promise<void> {
  const version = stable ? `${stable.model}@${stable.version}` : 'what could not be loaded'
  const decision: Decision = {
    id: ulid(),
    kind: 'promotion',
    subject: `deployment ${deployment}`,
    at: clock.now(),
    verdict: 'withdrawn',
    reason: `${actor} ended ${deployment}, which served ${version}`,
    rule: { name: 'stable version' },
    inputs: { before: stable?.version ?? null, after: null },
    evidence: stable ? [`model:${version}`] : [],
    actor,
  }
  await store.transaction(async one => {
    await one.addDecision(decision)
    await one.removeDocument('deployment', deployment)
    await one.removeDocument('rollout', deployment)
    await one.removeDocument('contest', deployment)
  })
}

/** Why a version becomes stable, and who says so. */
export interface Promotion {
  readonly deployment: Deployment
  readonly before: ModelVersion | undefined
  readonly actor: string
  readonly reason: string
}

/** Records in an open transaction that a version is stable from `at` on: decision, pointer, alias `champion`, lineage. */
export async function recordStable(
  store: StageServices['store'],
  { model, version, digest }: ModelVersion,
  { deployment, before, actor, reason }: Promotion,
  at: Micros,
): Promise<void> {
  const node = `model:${model}@${version}`
  const decision: Decision = {
    id: ulid(),
    kind: 'promotion',
    subject: `deployment ${deployment.name}`,
    at,
    verdict: 'promoted',
    reason,
    rule: { name: 'stable version' },
    inputs: { before: before?.version ?? null, after: version, digest },
    evidence: [node],
    actor,
  }
  await store.addDecision(decision)
  const { canary, stickyBy, segments } = deployment
  const stable = { model, version, since: at, declared: compilePart({ canary, stickyBy, segments }) }
  await store.putDocument('deployment', deployment.name, stable, at)
  await store.setAlias(model, 'champion', version)
  await store.addEdges([{ from: node, to: `deployment:${deployment.name}`, relation: 'serves' }])
}
