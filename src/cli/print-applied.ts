import type { AppliedPlan } from '../app/apply.ts'
import type { Output } from './command.ts'

/** What became of each view, and which change it was. */
export function printApplied({ plan, applied }: AppliedPlan, out: Output): void {
  out.data({ ...plan, change: applied })
  for (const one of plan.changes) out.line(`${one.view}: ${one.change === 'none' ? 'unchanged' : 'applied'}`)
  if (applied) out.line(`Change ${applied.number} of ${plan.environment}. Back:  npx millrace features rollback`)
}
