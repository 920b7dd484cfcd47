import type { FeaturesPlan } from '../feature-types.ts'
import { duration, number, shortDigest } from '../format.ts'
import { Mark, Panel, Table } from '../parts.tsx'

type Change = FeaturesPlan['changes'][number]

function backfillOf({ backfill }: Change): string {
  if (!backfill) return '–'
  const { rows, entities, seconds } = backfill
  const parts = [
    rows === null ? 'no snapshot yet' : `${number(rows)} rows`,
    ...(entities === null ? [] : [`${number(entities)} entities`]),
    ...(seconds === null ? [] : [`about ${duration(Math.max(1, seconds) * 1e6)}`]),
  ]
  return parts.join(', ')
}

function featureWords({ feature, change, before, after, readers }: Change['features'][number]): string {
  const how = change === 'changed' || change === 'retyped' ? ` from ${before ?? '–'} to ${after ?? '–'}` : ''
  return `${feature} ${change}${how}${readers.length === 0 ? '' : `, read by ${readers.join(', ')}`}`
}

/** What the project file would change of what is served, and the command that does just that. */
export function Plan({ plan: { digest, environment, applied, changes, breaking } }: { plan: FeaturesPlan }) {
  const open = changes.filter(one => one.change !== 'none')
  if (open.length === 0)
    return (
      <p class="quiet pad">
        The project file is what was applied{applied !== null && ` with change ${applied}`}: nothing to plan.
      </p>
    )
  const command = `millrace features apply --plan ${shortDigest(digest)}`
  return (
    <Panel
      title="Plan"
      aside={
        <small>{applied === null ? `nothing was applied to ${environment} yet` : `against change ${applied}`}</small>
      }
    >
      {breaking && <p class="trouble">A feature that somebody reads goes, or becomes another type.</p>}
      <Table caption="What applying the project file changes" heads={['View', 'Change', 'Why', 'To be written']}>
        {open.map(one => (
          <tr key={one.view}>
            <th scope="row">{one.view}</th>
            <td>
              <Mark state={one.change} />
            </td>
            <td>
              {one.why}
              {one.features
                .filter(() => one.change !== 'new')
                .map(feature => (
                  <small key={feature.feature}>
                    <br />
                    {featureWords(feature)}
                  </small>
                ))}
            </td>
            <td>{backfillOf(one)}</td>
          </tr>
        ))}
      </Table>
      <p class="pad">
        <code>{command}</code>
      </p>
    </Panel>
  )
}
