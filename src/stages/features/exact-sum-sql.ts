import type { DataEngine } from '../../ports/data-engine.ts'

/**
 * How the values of a channel are added up exactly, in whatever order: `double`, where no sum on the way is rounded; as whole numbers
 * of 2^-`scale` with 127 bits, rounded once at the end; `none`, where their magnitudes are too far apart for that.
 */
export type SumWay =
  | { readonly kind: 'double' }
  | { readonly kind: 'whole'; readonly scale: number }
  | { readonly kind: 'none' }

/** What the values of a channel are like. */
export interface ValueFigures {
  readonly way: SumWay
  readonly infinite: boolean
  /** Whether there are rows without a value. */
  readonly lacking: boolean
}

/** An aggregate over the rows for which a condition is true. */
export interface Part {
  readonly aggregate: string
  readonly where: string
  readonly as: string
}

/** Beyond these a power of two, or what is rounded last, would not be a plain double. */
const maxExponent = 900
const doubleBits = 52
const wholeBits = 125

const bitsOf = (x: number): number => Math.max(0, Math.ceil(Math.log2(x + 1)) + 1)
const usable = (scale: number): boolean => Math.abs(scale) <= maxExponent

/** A power of two as a literal that is read as just that double. */
const power = (exponent: number): string => `${(2 ** exponent).toExponential(17)}::DOUBLE`

/** Of some columns of `events`, doubles with NaN for none; `added`: those that are added up; `rows`: how many there are. */
export async function valueFigures(
  engine: DataEngine,
  events: string,
  columns: readonly string[],
  added: ReadonlySet<string>,
  rows: number,
): Promise<ReadonlyMap<string, ValueFigures>> {
  const figures = new Map<string, ValueFigures>()
  if (columns.length === 0) return figures
  const { dialect } = engine
  const isAdded = columns.map(name => added.has(name))
  const sizes = columns.flatMap((name, i) =>
    isAdded[i] ? [`CASE WHEN ${dialect.isFinite(name)} THEN abs(${name}) END AS size${i}`] : [],
  )
  const measures = columns.flatMap((name, i) => [
    `count(*) FILTER (WHERE ${dialect.isNan(name)}) AS lacking${i}`,
    ...(isAdded[i]
      ? [
          `max(size${i}) AS most${i}`,
          `min(nullif(size${i}, 0)) AS least${i}`,
          `coalesce(bool_and(size${i} = floor(size${i})), true) AS whole${i}`,
          `count(*) - count(size${i}) AS unsized${i}`,
        ]
      : []),
  ])
  const [found] = await engine.rows(
    `SELECT ${measures.join(', ')} FROM (SELECT ${[...columns, ...sizes].join(', ')} FROM (${events}))`,
  )
  for (const [i, name] of columns.entries()) {
    const lacking = Number(found?.[`lacking${i}`])
    if (!isAdded[i]) {
      figures.set(name, { way: { kind: 'double' }, infinite: false, lacking: lacking > 0 })
      continue
    }
    const most = Number(found?.[`most${i}`] ?? 0)
    const least = Number(found?.[`least${i}`] ?? 1)
    const used = (most === 0 ? 0 : Math.floor(Math.log2(most)) + 2) + bitsOf(rows)
    const plain = found?.[`whole${i}`] === true && used <= doubleBits
    // No bit of a double lies further below its first one
    const scale = doubleBits + 1 - Math.floor(Math.log2(least))
    const way: SumWay = plain
      ? { kind: 'double' }
      : scale + used <= wholeBits && usable(scale)
        ? { kind: 'whole', scale }
        : await coarsest(engine, events, name, wholeBits - used)
    figures.set(name, { way, infinite: Number(found?.[`unsized${i}`]) > lacking, lacking: lacking > 0 })
  }
  return figures
}

/** Whether all that is far apart has no bits below the last place that there is room for. */
async function coarsest(engine: DataEngine, events: string, name: string, scale: number): Promise<SumWay> {
  if (!usable(scale)) return { kind: 'none' }
  const scaled = `${name} * ${power(scale)}`
  const [found] = await engine.rows(
    `SELECT coalesce(bool_and(${scaled} = floor(${scaled})) FILTER (WHERE ${engine.dialect.isFinite(name)}), true) AS whole FROM (${events})`,
  )
  return found?.whole === true ? { kind: 'whole', scale } : { kind: 'none' }
}

/** Aggregates from which `exactSum` makes the sum of `column` over the rows for which `where` is true. */
export function sumParts({ way, infinite }: ValueFigures, column: string, where: string, as: string): readonly Part[] {
  if (way.kind === 'none') throw new TypeError('there is no way to add these up')
  const value = way.kind === 'double' ? column : `CAST(${column} * ${power(way.scale)} AS HUGEINT)`
  // What is no number is none as a whole one either, and is looked at although a filter leaves it out
  const finite = `CASE WHEN isfinite(${column}) THEN ${value} END`
  return [
    { aggregate: `sum(${finite})`, where, as },
    ...(infinite
      ? ['inf', '-inf'].map((which, i) => ({
          aggregate: `count_if(${column} = '${which}'::DOUBLE)`,
          where,
          as: `${as}_${i}`,
        }))
      : []),
  ]
}

/** The sum as a double, rounded once, half to even; 0 where there was nothing. Infinities of both signs have no sum (NaN). */
export function exactSum({ way, infinite }: ValueFigures, name: string): string {
  if (way.kind === 'none') throw new TypeError('there is no way to add these up')
  const sum = `coalesce(${name}, 0)`
  const finite = way.kind === 'double' ? sum : roundedOnce(sum, way.scale)
  return infinite
    ? `CASE WHEN ${name}_0 > 0 AND ${name}_1 > 0 THEN 'NaN'::DOUBLE WHEN ${name}_0 > 0 THEN 'inf'::DOUBLE WHEN ${name}_1 > 0 THEN '-inf'::DOUBLE ELSE ${finite} END`
    : finite
}

/**
 * A whole number of 127 bits times 2^-scale. Of what has more than 62 bits the last ones go, and if any of them was set the last bit
 * that stays is: it has more than two bits beyond a double's, so that rounding it rounds the number itself.
 */
function roundedOnce(sum: string, scale: number): string {
  const size = `abs(${sum})`
  const gone = `CAST(greatest(0, floor(log2(greatest(CAST(${size} AS DOUBLE), 1))) - 60) AS INTEGER)`
  const kept = `(${size} >> ${gone})`
  const odd = `CASE WHEN ${kept} & 1 = 0 AND ${kept} << ${gone} <> ${size} THEN 1 ELSE 0 END`
  return `sign(${sum}) * CAST(CAST(${kept} + ${odd} AS BIGINT) AS DOUBLE) * pow(2, ${gone}) * ${power(-scale)}`
}
