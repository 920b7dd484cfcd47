import { fail } from '../../../errors/index.ts'
import { readCounterexamples, type Counterexample } from '../../../stages/evaluate/counterexamples.ts'
import { formatTime } from '../../../internal/time.ts'
import type { Command } from '../../command.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

const told = (values: Readonly<Record<string, unknown>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${value === null ? 'missing' : String(value)}`)
    .join(', ')

const scores = (list: readonly (number | null)[]): string =>
  list.map(one => (one === null ? 'no number' : one.toPrecision(4))).join(' ')

/** `monotone-km: km 4.9 → 5 moves the score from 0.61 to 0.31, at …`. */
function line({ test, before, after, scores: both, row, found, at }: Counterexample): string {
  return `  ${test}: ${told(before)} → ${told(after)}, score ${scores(both.before)} → ${scores(both.after)}\n    row: ${told(row)}\n    found in ${found} at ${formatTime(at)}`
}

export const command: Command = {
  summary: 'rows on which properties of models did not hold',
  details: 'They are kept, and every later run of the tests tries them first.',
  arguments: [{ name: 'model', description: 'only of this one' }],
  run: ({ args, cwd, out }) =>
    withWorkspace(cwd, async ({ store, project }) => {
      const [named] = args
      if (named !== undefined && !project.models.has(named) && (await store.listModelVersions(named)).length === 0)
        throw fail('notDefined', {
          kind: 'model',
          name: named,
          known: [...project.models.keys()].join(', ') || 'no models',
        })
      const models = named === undefined ? [...project.models.keys()] : [named]
      const found: Record<string, readonly Counterexample[]> = {}
      for (const model of models) {
        const kept = await readCounterexamples(store, model)
        if (kept.length > 0 || named !== undefined) found[model] = kept
      }
      out.data(found)
      for (const [model, kept] of Object.entries(found)) {
        out.line(kept.length === 0 ? `${model}: no counterexamples` : model)
        for (const one of kept) out.line(line(one))
      }
      if (Object.keys(found).length === 0) out.line('No counterexamples: no property was broken yet.')
      return 0
    }),
}
