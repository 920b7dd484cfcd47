import { type GraphScaling, graphScaling, type InputScale, readModel } from '../../onnx/index.ts'
import type { CheckResult } from '../../define/report.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import type { ScaledFile, ScalerArtifact } from './artifact.ts'
import { type AskedColumn, type ColumnOfParts, columnStatistics } from './column-statistics.ts'
import { figure, type Finding, plural, scalerCheck } from './finding.ts'
import { type ColumnStatistics, leak, refit } from './refit.ts'

// A trainer that scales by itself leaves its scaler in the graph, and there alone. What it is made of is read from there, and held to
// the rows that it may have been fitted on.

/** What the graph of such a trainer scales its inputs by; undefined where Millrace wrote the graph, or it cannot be said how it is fed. */
export function scalingInGraph({ artifact, onnx, inputs, binding }: ScaledFile): GraphScaling | undefined {
  const { graph } = readModel(onnx)
  if (!artifact.outside || !graph || !binding) return undefined
  const numbers = inputs.filter(input => input.kind === 'number').map(input => input.name)
  return graphScaling(graph, new Map(binding.feeds.map(feed => [feed.input, feed.of])), new Set(numbers))
}

/** The same artifact with what the graph subtracts and divides by; of an input that it scales in two ways, the first of them. */
export function scaledByGraph(artifact: ScalerArtifact, { scales }: GraphScaling): ScalerArtifact {
  const byInput = new Map(scales.toReversed().map(({ input, offset, scale }) => [input, { offset, scale }]))
  return { ...artifact, features: artifact.features.map(one => ({ ...one, ...byInput.get(one.name) })) }
}

const maxNamed = 3

/** Which inputs are not scaled, and why; empty where all are. */
export function unscaledWords({ unscaled }: GraphScaling): string {
  const byReason = new Map<string, string[]>()
  for (const { input, reason } of unscaled) byReason.set(reason, [...(byReason.get(reason) ?? []), input])
  const said = [...byReason].map(([reason, names]) => {
    const more = names.length - maxNamed
    return `${names.slice(0, maxNamed).join(', ')}${more > 0 ? ` and ${more} more` : ''} (${reason})`
  })
  return said.length === 0 ? '' : `not scaled: ${said.join(', ')}`
}

/** The graph holds float32: figures that were learned in float64, and in float32 by a network. */
const tolerance = 1e-5
const rounding = 2 ** -22

/** Whether a scaler that learned from these rows would have these figures. */
function learnedFrom(scale: InputScale, rows: ColumnStatistics): boolean {
  if (rows.count === 0) return false
  const { offset, scale: unit } = scale
  const near = (value: number, learned: number, of: number): boolean =>
    Math.abs(value - learned) <= tolerance * of + rounding * Math.abs(learned)
  const deviation = Math.sqrt(rows.variance)
  const centres = [0, rows.mean, rows.median, rows.min]
  const units = [
    1,
    deviation,
    // Of a sample, as networks and pandas have it
    deviation * Math.sqrt(rows.count / (rows.count - 1)),
    rows.iqr,
    Math.max(Math.abs(rows.min), Math.abs(rows.max)),
  ]
  if (centres.some(one => near(offset, one, Math.abs(unit))) && units.some(one => near(unit, one, Math.abs(one))))
    return true
  // Least and greatest come to round figures: 0 and 1, −1 and 1, 0.1 and 0.9
  const round = (value: number): boolean => {
    const z = 100 * ((value - offset) / unit)
    return Math.abs(z) <= 1e4 && Math.abs(z - Math.round(z)) <= 100 * (tolerance + rounding * Math.abs(value / unit))
  }
  return rows.max > rows.min && round(rows.min) && round(rows.max)
}

/** The figures of a column that no other has by chance. */
const telling = ({ offset, scale }: InputScale): boolean => offset !== 0 && scale !== 1

function findingOf(
  scale: InputScale,
  own: ColumnOfParts,
  others: readonly (readonly [string, ColumnOfParts])[],
): { readonly rule: 'refit' | 'leak'; readonly finding: Finding } | undefined {
  const { input: column, offset, scale: unit } = scale
  if (learnedFrom(scale, own.train)) return undefined
  if (learnedFrom(scale, own.all))
    return {
      rule: 'leak',
      finding: { column, level: 'fail', text: `${column} was fitted on training and test rows together` },
    }
  if (own.test && learnedFrom(scale, own.test))
    return { rule: 'leak', finding: { column, level: 'fail', text: `${column} was fitted on the test rows` } }
  const observed = { centre: offset, scale: unit }
  const other = telling(scale)
    ? others.find(([name, rows]) => name !== column && learnedFrom(scale, rows.train))
    : undefined
  if (other)
    return {
      rule: 'refit',
      finding: {
        column,
        level: 'fail',
        text: `${column} is scaled by the figures of ${other[0]}: are the two swapped?`,
        observed: { ...observed, of: other[0] },
      },
    }
  const { mean, variance } = own.train
  const found = `the training rows have mean ${figure(mean)} and deviation ${figure(Math.sqrt(variance))}`
  const text = `${column} is centred at ${figure(offset)} and divided by ${figure(unit)}, ${found}: fitted on other rows, or chosen by hand`
  return { rule: 'refit', finding: { column, level: 'warn', text, observed } }
}

/** S2 and S3 of a scaler in a graph. `found` is by its scales. */
export function fittedInGraph(model: string, scaling: GraphScaling, found: readonly ColumnOfParts[]): CheckResult[] {
  const { scales } = scaling
  const others = scales.map(({ input }, at) => [input, found[at] as ColumnOfParts] as const)
  const all = scales.flatMap((scale, at) => findingOf(scale, found[at] as ColumnOfParts, others) ?? [])
  const of = (rule: 'refit' | 'leak'): Finding[] => all.flatMap(one => (one.rule === rule ? [one.finding] : []))
  const rest = unscaledWords(scaling)
  const nothing = rest === '' ? 'the model takes no numbers' : rest
  const inputs = plural(new Set(scales.map(scale => scale.input)).size, 'input')
  return [
    scalerCheck(
      {
        ...refit,
        threshold: 'refitting on the training rows gives the figures in the graph, in any usual way to scale',
      },
      { model },
      {
        evaluated: scales.length,
        findings: of('refit'),
        good: `the training rows give what the graph scales ${inputs} by${rest === '' ? '' : `; ${rest}`}`,
        nothing,
        observed: {
          scales: Object.fromEntries(scales.map(one => [one.input, { centre: one.offset, scale: one.scale }])),
        },
      },
    ),
    scalerCheck(
      leak,
      { model },
      { evaluated: scales.length, findings: of('leak'), good: 'no test row was used for scaling', nothing },
    ),
  ]
}

/** The same, with statistics of the frame. */
export async function proveGraph(
  engine: DataEngine,
  path: string,
  model: string,
  scaling: GraphScaling,
): Promise<CheckResult[]> {
  const asked = scaling.scales.map(
    ({ input, fill }): AskedColumn => ({
      name: input,
      ...(fill === undefined ? {} : { fill }),
    }),
  )
  const found = [...(await columnStatistics(engine, path, asked, true))]
  // Quantiles cost memory: they are asked for where nothing else explains the figures
  const open = scaling.scales.flatMap((scale, at) => {
    const own = found[at]
    return own && [own.train, own.all, own.test].some(rows => rows && learnedFrom(scale, rows)) ? [] : [at]
  })
  const again = await columnStatistics(
    engine,
    path,
    open.map(at => ({ ...(asked[at] as AskedColumn), quantiles: true })),
    true,
  )
  open.forEach((at, i) => (found[at] = again[i] as ColumnOfParts))
  return fittedInGraph(model, scaling, found)
}
