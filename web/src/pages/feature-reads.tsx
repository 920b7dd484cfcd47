import type { View } from '../feature-types.ts'
import { number, percent } from '../format.ts'
import { Mark, Table, Time } from '../parts.tsx'

/** What servers answered of late: how often each status was, by the hour, and what comparing a sample with training found. */
export function Reads({ view: { name, reads } }: { view: View }) {
  if (!reads) return null
  const { statuses, verification } = reads
  const names = [...new Set(statuses.flatMap(one => Object.keys(one.counts)))].toSorted()
  const reasons = Object.entries(verification?.reasons ?? {}).filter(([, count]) => count > 0)
  return (
    <details>
      <summary>What was read</summary>
      {verification && (
        <p class="pad">
          <Mark state={verification.mismatches > 0 ? 'fail' : 'pass'} word={false} /> {number(verification.mismatches)}{' '}
          wrong values in {number(verification.reads)} reads compared <Time at={verification.at} />
          {reasons.length > 0 &&
            `; differing reads: ${reasons.map(([reason, count]) => `${count} ${reason}`).join(', ')}`}
        </p>
      )}
      {statuses.length === 0 ? (
        <p class="quiet pad">Nothing was read of it yet.</p>
      ) : (
        <Table caption={`Statuses of ${name} over time`} heads={['Hour', '#Reads', ...names.map(one => `#${one}`)]}>
          {statuses.toReversed().map(({ hour, counts }) => {
            const all = Object.values(counts).reduce((sum, count) => sum + count, 0)
            return (
              <tr key={hour}>
                <th scope="row">
                  <Time at={hour} />
                </th>
                <td class="n">{number(all)}</td>
                {names.map(one => (
                  <td key={one} class="n">
                    {percent((counts[one] ?? 0) / all)}
                  </td>
                ))}
              </tr>
            )
          })}
        </Table>
      )}
    </details>
  )
}
