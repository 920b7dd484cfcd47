import type { Workspace } from '../../config/workspace.ts'
import type { Decision } from '../../define/decision.ts'
import { catalogue, isMillraceError } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { ContestState } from '../../stages/deploy/contest/index.ts'
import type { RolloutState } from '../../stages/deploy/rollout/index.ts'
import type { StableDocument } from '../../stages/serve/stable-record.ts'
import { see, serverOf } from './running.ts'

/** What is known of a deployment now: by the server where one runs, else by the store. */
export interface DeploymentNow {
  readonly name: string
  readonly model: string | null
  readonly stable: StableDocument | null
  readonly rollout: RolloutState | null
  /** Several challengers that are compared, or were last. */
  readonly contest: ContestState | null
  /** Newest first. */
  readonly decisions: readonly Decision[]
}

const maxDecisions = 50

/** The store has the rollout as of its last decision; the server that leads has what came since. */
export async function deploymentNow(workspace: Workspace, name: string): Promise<DeploymentNow> {
  const { store, project } = workspace
  const stable = (await store.getDocument<never>('deployment', name))?.value as StableDocument | undefined
  const model = stable?.model ?? project.deployments.get(name)?.model.name ?? null
  const told = await fromServer(workspace, name)
  if (told) return { name, model, stable: stable ?? null, ...told }
  const rollout = (await store.getDocument<Json>('rollout', name))?.value as unknown as RolloutState | undefined
  const contest = (await store.getDocument<Json>('contest', name))?.value as unknown as ContestState | undefined
  const decisions = await store.listDecisions({ subject: `deployment ${name}`, limit: maxDecisions })
  return { name, model, stable: stable ?? null, rollout: rollout ?? null, contest: contest ?? null, decisions }
}

/** Undefined where no server answers: one that is just ending or beginning must end no look at it. */
async function fromServer(
  workspace: Workspace,
  name: string,
): Promise<Pick<DeploymentNow, 'rollout' | 'contest' | 'decisions'> | undefined> {
  const server = await serverOf(workspace)
  if (!server) return undefined
  try {
    const { rollout, decisions, status } = (await see(
      workspace,
      server,
      `/v1/deployments/${encodeURIComponent(name)}`,
    )) as Pick<DeploymentNow, 'rollout' | 'decisions'> & { readonly status: Pick<DeploymentNow, 'contest'> | null }
    return { rollout, contest: status?.contest ?? null, decisions }
  } catch (error) {
    const silent = [catalogue.serverSilent.code, catalogue.noLeader.code].some(
      code => isMillraceError(error) && error.code === code,
    )
    if (silent) return undefined
    throw error
  }
}
