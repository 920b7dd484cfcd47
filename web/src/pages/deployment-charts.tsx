import { useState } from 'preact/hooks'
import { Chart } from '../lines.tsx'
import { useResource } from '../api.ts'
import { number, percent } from '../format.ts'
import { Table } from '../parts.tsx'
import type { ArmFigures, Traffic } from '../types.ts'

const spans: readonly [number, string][] = [
  [1, '1 h'],
  [6, '6 h'],
  [48, '2 d'],
]

const milliseconds = (value: number | null): string =>
  value === null ? '–' : `${number(value, value < 10 ? 2 : 0)} ms`
const share = (part: number, of: number): string => (of === 0 ? '–' : `${number(part)} (${percent(part / of, 2)})`)

/** Both arms beside each other, on the requests that both were asked. */
export function Arms({ arms }: { arms: Traffic['arms'] }) {
  const rows: readonly [string, (arm: ArmFigures) => string][] = [
    ['Rows answered', arm => number(arm.rows)],
    ['Asked of both', arm => number(arm.asked)],
    ['Errors', arm => share(arm.errors, arm.asked)],
    ['Time-outs', arm => share(arm.timeouts, arm.asked)],
    ['Median', arm => milliseconds(arm.p50)],
    ['99 % below', arm => milliseconds(arm.p99)],
  ]
  return (
    <Table caption="Both arms beside each other" heads={['', '#Stable', '#Canary']}>
      {rows.map(([name, of]) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          <td class="n">{of(arms.stable)}</td>
          <td class="n">{of(arms.canary)}</td>
        </tr>
      ))}
    </Table>
  )
}

/** How near each guardrail was to its limit, over time. */
function Evidence({ points }: { points: Traffic['points'] }) {
  const known = points.filter(one => one.evidence !== null)
  if (known.length < 2) return null
  const names = Object.keys(known.at(-1)?.evidence ?? {})
  return (
    <figure class="plot">
      <figcaption>Evidence against the challenger, in shares of what takes it back</figcaption>
      <Chart
        label="Evidence of the guardrails over time"
        times={known.map(one => one.at)}
        lines={[
          ...names.map((name, i) => ({ label: name, values: known.map(one => one.evidence?.[name] ?? null), hue: i })),
          { label: 'limit', values: known.map(() => 1), limit: true },
        ]}
      />
    </figure>
  )
}

export function TrafficCharts({ name, rolling }: { name: string; rolling: boolean }) {
  const [hours, setHours] = useState(1)
  const { data } = useResource<Traffic>(`/v1/deployments/${encodeURIComponent(name)}/traffic?hours=${hours}`)
  if (!data) return null
  const asked = data.points.some(one => one.rows > 0 || one.failed > 0)
  const begun = data.points.findIndex(one => one.rows > 0 || one.failed > 0)
  const points = data.points.slice(Math.max(0, begun - 1))
  const times = points.map(one => one.at)
  return (
    <div class="traffic">
      <div class="line">
        <h3>Traffic</h3>
        <div class="buttons small" role="group" aria-label={`Span of the charts of ${name}`}>
          {spans.map(([span, label]) => (
            <button key={span} type="button" aria-pressed={hours === span} onClick={() => setHours(span)}>
              {label}
            </button>
          ))}
        </div>
      </div>
      {asked ? (
        <>
          <div class="facts">
            <div>
              <b>{number(data.all.rows)}</b>
              <small>rows answered</small>
            </div>
            <div>
              <b>{number(data.all.failed)}</b>
              <small>failed</small>
            </div>
            <div>
              <b>{milliseconds(data.all.p50)}</b>
              <small>median</small>
            </div>
            <div>
              <b>{milliseconds(data.all.p99)}</b>
              <small>99 % below</small>
            </div>
          </div>
          <div class="plots">
            <figure class="plot">
              <figcaption>Rows {data.step === 1 ? 'a minute' : `in ${data.step} minutes`}</figcaption>
              <Chart
                label="Rows answered and failed over time"
                times={times}
                lines={[
                  { label: 'answered', values: points.map(one => one.rows) },
                  { label: 'failed', values: points.map(one => one.failed), limit: true },
                ]}
              />
            </figure>
            <figure class="plot">
              <figcaption>Milliseconds that callers waited</figcaption>
              <Chart
                label="Latency over time"
                times={times}
                lines={[
                  { label: 'median', values: points.map(one => one.p50) },
                  { label: '99 % below', values: points.map(one => one.p99), hue: 1 },
                ]}
              />
            </figure>
            {rolling && <Evidence points={points} />}
          </div>
        </>
      ) : (
        <p class="quiet pad">Nothing was asked in this time.</p>
      )}
      {data.arms.canary.asked > 0 && (
        <div class="arms">
          <Arms arms={data.arms} />
        </div>
      )}
    </div>
  )
}
