import type { Workspace } from '../config/workspace.ts'
import { fail } from '../errors/index.ts'
import { appliedDocument, appliedKind, planFeatures, type FeaturesPlan } from './features-plan.ts'

/** Makes the planned definitions current. Throws `planChanged` where the plan is not the one of that digest any more. */
export async function applyFeatures(
  { store, project, clock }: Pick<Workspace, 'store' | 'project' | 'clock'>,
  input: { readonly plan?: string | undefined },
): Promise<FeaturesPlan> {
  const plan = await planFeatures(store, project)
  if (input.plan !== undefined && !plan.digest.slice(7).startsWith(input.plan.replace(/^sha256:/, '')))
    throw fail('planChanged', { given: input.plan, found: plan.digest.slice(7, 19) })
  for (const change of plan.changes) {
    const view = project.views.get(change.view)
    if (view) await store.putDocument(appliedKind, view.name, appliedDocument(view), clock.now())
    else await store.removeDocument(appliedKind, change.view)
  }
  return plan
}
