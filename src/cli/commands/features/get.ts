import { entitiesIn, getFeatures, onlineViewNamed } from '../../../app/get-features.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import { fail } from '../../../errors/index.ts'
import { formatTime, parseTime } from '../../../internal/time.ts'
import type { Command } from '../../command.ts'
import { listenerOf } from '../../listener.ts'

function momentOption(given: unknown): number | undefined {
  if (given === undefined) return undefined
  const at = parseTime(String(given))
  if (at === undefined)
    throw fail('usageWrong', {
      reason: `--at takes a time such as 2026-03-31T00:00:00Z, not "${String(given)}".`,
      verb: 'features get',
    })
  return at
}

const shownNumbers = 4

/** The first numbers of a vector; the others are in `--json`. */
function vectorShown(vector: readonly number[] | null): string | null {
  if (vector === null) return null
  const more = vector.length > shownNumbers ? `, … ${vector.length} numbers` : ''
  return `[${vector.slice(0, shownNumbers).join(', ')}${more}]`
}

export const command: Command = {
  summary: 'features of entities as predictions read them',
  details: `An entity is named by its key columns; where one comes again the next entity begins.

  millrace features get departures origin=JFK origin=LGA --at 2001-03-01T12:00:00Z`,
  arguments: [
    { name: 'view', description: 'a view that is kept online', required: true },
    { name: 'key=value', description: 'the key columns of one entity or several', variadic: true },
  ],
  options: [{ flags: '--at <time>', description: 'as known then (default: now)' }],
  async run({ args, options, cwd, out }) {
    const [name = '', ...words] = args
    const at = momentOption(options.at)
    await withWorkspace(cwd, async workspace => {
      const { listener, end } = listenerOf(out)
      const view = await onlineViewNamed(workspace, name)
      const rows = entitiesIn(view, words)
      const answer = await getFeatures(workspace, { view: name, entities: rows, at }, listener).finally(end)
      out.data(answer)
      const keys = Object.keys(view.entity.keys)
      const keyText = (value: unknown, key: string): string =>
        view.entity.keys[key]?.type === 'timestamp' ? formatTime(Number(value)) : String(value)
      out.table(
        [...keys, 'status', 'newest event', ...answer.features],
        answer.entities.map(({ status, event, values }, i) => [
          ...keys.map(key => keyText(rows[i]?.[key], key)),
          status,
          event === null ? null : formatTime(event),
          ...values.map(value =>
            typeof value === 'object' ? vectorShown(value) : typeof value === 'boolean' ? String(value) : value,
          ),
        ]),
      )
      out.line()
      out.line(`as of ${formatTime(answer.asOf)}`)
    })
  },
}
