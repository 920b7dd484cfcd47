import type { Workspace } from '../config/workspace.ts'
import type { FeatureView } from '../define/features.ts'
import { fail } from '../errors/index.ts'
import {
  appliedHistory,
  appliedViews,
  environmentOf,
  serveViews,
  viewsOfSet,
  type AppliedChange,
} from '../stages/features/applied.ts'
import { materialisationOf } from '../stages/features/materialisations.ts'
import { planViews, type FeaturesPlan, type PlannedViews, type PlanServices } from './features-plan.ts'
import { materialiseView } from './materialise-view.ts'
import { newestSnapshot, snapshotsOf } from './snapshots.ts'
import type { Listener } from './use-case.ts'

/** What was planned, and the change that it became; null where there was nothing to change. */
export interface AppliedPlan {
  readonly plan: FeaturesPlan
  readonly applied: AppliedChange | null
}

const silent: Listener = { chapter: () => undefined, say: () => undefined, warn: () => undefined }

/** Shortest beginning of a digest that names a plan. */
const minDigits = 12

function requirePlan(given: string | undefined, { digest }: FeaturesPlan): void {
  if (given === undefined) return
  const start = given.replace(/^sha256:/, '')
  if (start.length < minDigits || !digest.slice(7).startsWith(start))
    throw fail('planChanged', { given, found: digest.slice(7, 7 + minDigits) })
}

/** Writes the records of a view that has none, or older ones than there is data: who is switched to it finds them whole. */
async function prepare(workspace: Workspace, view: FeatureView, listener: Listener): Promise<void> {
  const [newest] = await snapshotsOf(workspace, view.from)
  if (newest === undefined) return
  const done = await materialisationOf(workspace, view)
  if (done?.snapshot === newest) return
  listener.chapter(`records of ${view.name}`)
  const snapshot = await newestSnapshot(workspace, view.from, newest)
  await materialiseView(workspace, view, snapshot, snapshot.newest, { listener })
}

async function execute(
  workspace: Workspace,
  { plan, views, revision }: PlannedViews,
  change: Pick<AppliedChange, 'action' | 'from' | 'actor'>,
  listener: Listener,
): Promise<AppliedPlan> {
  const { store, clock } = workspace
  if (plan.changes.every(one => one.change === 'none')) return { plan, applied: null }
  const changed = new Set(plan.changes.filter(one => one.change !== 'none').map(one => one.view))
  for (const view of views) if (view.online && changed.has(view.name)) await prepare(workspace, view, listener)
  const applied = await serveViews(store, plan.environment, views, { ...change, at: clock.now() }, revision)
  if (!applied) throw fail('planChanged', { given: plan.digest.slice(7, 7 + minDigits), found: 'another one' })
  return { plan, applied }
}

/**
 * Makes the planned definitions those that are served: records are written first, then all names are switched at once. Throws
 * `planChanged` where the plan is not the one of that digest any more, or somebody else applied meanwhile.
 */
export async function applyFeatures(
  workspace: Workspace,
  input: { readonly plan?: string | undefined; readonly actor: string },
  listener: Listener = silent,
): Promise<AppliedPlan> {
  const planned = await planViews(workspace, workspace.project.views.values())
  requirePlan(input.plan, planned.plan)
  const { digest } = planned.plan
  return execute(
    workspace,
    planned,
    { action: 'apply', from: digest.slice(7, 7 + minDigits), actor: input.actor },
    listener,
  )
}

/** What was applied in this environment, newest first. */
export async function featuresHistory({
  store,
  project,
}: Pick<Workspace, 'store' | 'project'>): Promise<readonly AppliedChange[]> {
  return (await appliedHistory(store, environmentOf(project))).history.toReversed()
}

/** The change whose definitions are gone back to: the one of that number, or the newest before the current one that differs. */
function earlier(history: readonly AppliedChange[], to: number | undefined, environment: string): AppliedChange {
  const current = history.at(-1)
  const found =
    to === undefined
      ? history.findLast(one => one.set !== current?.set)
      : history.find(one => one.number === to && one !== current)
  if (found) return found
  throw fail('nothingToRollBack', {
    environment,
    reason:
      to === undefined
        ? 'nothing else was applied before'
        : `change ${to} is not among those before the current one: ${
            history
              .slice(0, -1)
              .map(one => one.number)
              .join(', ') || 'there are none'
          }`,
  })
}

/** Serves the definitions of an earlier change again. Throws `nothingToRollBack`. */
export async function rollBackFeatures(
  workspace: Workspace,
  input: { readonly to?: number | undefined; readonly actor: string },
  listener: Listener = silent,
): Promise<AppliedPlan> {
  const { store, project } = workspace
  const environment = environmentOf(project)
  const { history } = await appliedHistory(store, environment)
  const target = earlier(history, input.to, environment)
  const views = await viewsOfSet(store, target.set)
  const planned = await planViews(workspace, views.values())
  return execute(workspace, planned, { action: 'rollback', from: `#${target.number}`, actor: input.actor }, listener)
}

/**
 * Serves here what another environment serves: its definitions as they are, whatever the project declares by now. Throws
 * `nothingToPromote`, and `planChanged` as `applyFeatures` does.
 */
export async function promoteFeatures(
  workspace: Workspace,
  input: { readonly source: string; readonly plan?: string | undefined; readonly actor: string },
  listener: Listener = silent,
): Promise<AppliedPlan> {
  const { planned, from } = await promotion(workspace, input.source)
  requirePlan(input.plan, planned.plan)
  return execute(workspace, planned, { action: 'promote', from, actor: input.actor }, listener)
}

async function promotion(workspace: PlanServices, source: string): Promise<{ planned: PlannedViews; from: string }> {
  const { store, project } = workspace
  if (source === environmentOf(project))
    throw fail('nothingToPromote', { source, reason: 'it is the environment itself' })
  const applied = await appliedViews(store, source)
  if (!applied) throw fail('nothingToPromote', { source, reason: 'nothing was applied in it' })
  return { planned: await planViews(workspace, applied.views.values()), from: `${source}#${applied.current.number}` }
}

/** What promoting another environment's definitions means here. */
export async function planPromotion(workspace: PlanServices, source: string): Promise<FeaturesPlan> {
  return (await promotion(workspace, source)).planned.plan
}
