import type { ComparedFeature, Spread, View } from '../feature-types.ts'
import { dateTime, figure, number, percent } from '../format.ts'
import { Table, Time } from '../parts.tsx'

const shown = (value: number, type: string): string => (type === 'timestamp' ? dateTime(value) : figure(value))

/** Least to greatest as a line, the middle half as a box, the median as a stroke, on a scale that both sides share. */
function Box({
  quartiles,
  low,
  high,
  label,
}: {
  quartiles: readonly number[]
  low: number
  high: number
  label: string
}) {
  const [least = 0, lower = 0, median = 0, upper = 0, greatest = 0] = quartiles
  const x = (value: number): number => (high === low ? 80 : 4 + (152 * (value - low)) / (high - low))
  return (
    <svg class="box" viewBox="0 0 160 20" role="img" aria-label={label}>
      <path d={`M${x(least)} 10H${x(greatest)}`} />
      <rect x={x(lower)} y="4" width={Math.max(2, x(upper) - x(lower))} height="12" rx="2" />
      <path class="median" d={`M${x(median)} 2V18`} />
    </svg>
  )
}

function Side({ of, other, type, side }: { of: Spread; other: Spread; type: string; side: string }) {
  const { quartiles, frequent, values, nulls } = of
  const nothing = nulls === 0 ? '' : `, ${percent(nulls / (values + nulls))} null`
  if (quartiles) {
    const all = [...quartiles, ...(other.quartiles ?? [])]
    const words = `${shown(quartiles[0] ?? 0, type)} to ${shown(quartiles[4] ?? 0, type)}, median ${shown(quartiles[2] ?? 0, type)}${nothing}`
    return (
      <>
        <Box quartiles={quartiles} low={Math.min(...all)} high={Math.max(...all)} label={`${side}: ${words}`} />
        <br />
        <small>{words}</small>
      </>
    )
  }
  if (frequent)
    return (
      <small>
        {frequent.map(one => `${one.value} ${percent(one.count / values, 0)}`).join(', ')}
        {nothing}
      </small>
    )
  return <small>{values === 0 ? `no value${nothing}` : `${number(values)} values, not shown${nothing}`}</small>
}

/** How features are spread offline and online, at the same moments. */
export function Compared({ view: { name, features, verification } }: { view: View }) {
  const types = new Map(features.map(one => [one.name, one.type]))
  const compared = (verification?.features ?? []).filter(one => types.has(one.feature))
  if (compared.length === 0) return null
  const row = ({ feature, mismatches, online, offline }: ComparedFeature) => {
    const type = types.get(feature) ?? ''
    return (
      <tr key={feature}>
        <th scope="row">{feature}</th>
        <td>
          <Side of={offline} other={online} type={type} side="offline" />
        </td>
        <td>
          <Side of={online} other={offline} type={type} side="online" />
        </td>
        <td class={mismatches > 0 ? 'n bad' : 'n'}>{number(mismatches)}</td>
      </tr>
    )
  }
  return (
    <Table caption={`Offline beside online of ${name}`} heads={['Feature', 'Offline', 'Online', '#Differ']}>
      {compared.map(row)}
    </Table>
  )
}

/** The first values that differed. */
export function Examples({ view: { name, verification } }: { view: View }) {
  const examples = verification?.examples ?? []
  if (examples.length === 0) return null
  return (
    <details>
      <summary>Values that differ</summary>
      <Table caption={`Values of ${name} that differ`} heads={['Feature', 'Of', 'At', '#Online', '#Offline']}>
        {examples.map((one, i) => (
          <tr key={i}>
            <th scope="row">{one.feature}</th>
            <td>{one.key}</td>
            <td>
              <Time at={one.at} />
            </td>
            <td class="n">{figure(one.online)}</td>
            <td class="n">{figure(one.offline)}</td>
          </tr>
        ))}
      </Table>
    </details>
  )
}
