import type { CheckResult } from '../../define/report.ts'
import { unitFactors } from '../windows/unit-edges.ts'
import type { ScalerFeature } from './artifact.ts'
import { figure, type Finding, plural, scalerCheck } from './finding.ts'

// S9 between two versions: an input that is the champion's in another unit. Every figure of an input goes with its unit, so
// all that are known of it have to, and not to be as they were.

const rule = {
  id: 'scaler-unit-change',
  threshold: 'no input is what it was in another unit, but for those that are declared so',
}

type Figures = Pick<ScalerFeature, 'name' | 'dtype' | 'count' | 'mean' | 'var' | 'min' | 'max' | 'median' | 'iqr'>

/** Of an interquartile range or a deviation: how far figures of other rows may lie from each other. */
const tolerance = 0.05

/** A change of unit: straight lines move every figure, others those that are values themselves. */
interface Conversion {
  readonly words: string
  readonly of: (value: number) => number
  /** Of a straight line: what a difference is multiplied by. */
  readonly slope?: number
  /** A change as small as that is no sign of another unit alone: prices rise by it. */
  readonly near?: boolean
  /** `of` gives what it was from what it is. */
  readonly back?: boolean
}

const line = (slope: number, shift: number, words: string, near = false): Conversion => ({
  words,
  slope,
  of: value => slope * value + shift,
  near,
})

/** Beside those that windows are held against: the more units a window is, the more often it is one by chance. */
const furtherFactors: readonly (readonly [factor: number, words: string])[] = [
  [2.54, 'centimetres for inches'],
  [1 / 2.54, 'inches for centimetres'],
  [1.852, 'kilometres for nautical miles'],
  [1 / 1.852, 'nautical miles for kilometres'],
  [6.350293, 'kilograms for stones'],
  [1 / 6.350293, 'stones for kilograms'],
  [12, 'inches for feet, or months for years'],
  [1 / 12, 'feet for inches, or years for months'],
  [24, 'hours for days'],
  [1 / 24, 'days for hours'],
]

const conversions: readonly Conversion[] = [
  ...[...unitFactors, ...furtherFactors].map(([factor, words]) => line(factor, 0, words)),
  line(1.150779, 0, 'miles for nautical miles', true),
  line(1 / 1.150779, 0, 'nautical miles for miles', true),
  line(1.8, 32, 'degrees Fahrenheit for Celsius'),
  line(1 / 1.8, -32 / 1.8, 'degrees Celsius for Fahrenheit'),
  line(1, 273.15, 'kelvins for degrees Celsius'),
  line(1, -273.15, 'degrees Celsius for kelvins'),
  line(1e6, 0, 'millionths for wholes'),
  line(1e-6, 0, 'wholes for millionths'),
  line(86_400, 0, 'seconds for days'),
  line(1 / 86_400, 0, 'days for seconds'),
  line(-1, 0, 'the sign is turned round'),
  { words: 'its natural logarithm', of: Math.log },
  { words: 'its decimal logarithm', of: Math.log10 },
  { words: 'the logarithm of 1 more', of: Math.log1p },
  // Seen from the side on which a few large values do not decide
  { words: 'its exponential', of: Math.log, back: true },
  { words: '10 to its power', of: Math.log10, back: true },
]
const unchanged = line(1, 0, '')

const near = (a: number, b: number, unit: number): boolean => Math.abs(a - b) <= tolerance * unit

/** Whether the figures of `now` are those of `before`, converted. */
function fits(now: Figures, before: Figures, { of, slope }: Conversion): boolean {
  const deviation = Math.sqrt(now.var)
  if (!near(now.median, of(before.median), now.iqr)) return false
  if (slope !== undefined)
    return (
      near(now.iqr, Math.abs(slope) * before.iqr, now.iqr) &&
      near(now.mean, of(before.mean), deviation) &&
      near(deviation, Math.abs(slope) * Math.sqrt(before.var), 2 * deviation)
    )
  // Of a curve only values are known to follow it: the ends, which other rows move a little
  const range = now.max - now.min
  const ends = [of(before.min), of(before.max)]
  return (
    ends.every(Number.isFinite) &&
    near(now.min, ends[0] as number, 3 * range) &&
    near(now.max, ends[1] as number, 3 * range)
  )
}

const isStandard = ({ mean, var: variance }: Figures): boolean =>
  Math.abs(mean) < 0.05 && Math.abs(Math.sqrt(variance) - 1) < tolerance

const known = ({ dtype, count, iqr }: Figures): boolean => dtype === 'float32' && count > 0 && iqr > 0

/** What was learned of each input. */
interface ScaledInputs {
  readonly features: readonly Figures[]
}

/** In words how an input is what it was in another unit; undefined where it is not. */
function changeOf(
  now: Figures,
  before: Figures,
): { readonly words: string; readonly near?: boolean; readonly factor?: number } | undefined {
  if (fits(now, before, unchanged)) return undefined
  const { name } = now
  if (isStandard(now) && !isStandard(before))
    return {
      words: `${name} has mean 0 and deviation 1, and had ${figure(before.mean)} and ${figure(Math.sqrt(before.var))}: scaled already?`,
    }
  const found = conversions.find(one => (one.back ? fits(before, now, one) : fits(now, before, one)))
  if (!found) return undefined
  const { slope, words } = found
  const times = slope !== undefined && slope > 0 && found.of(0) === 0
  const said = times ? `is ${slope.toPrecision(4)} times what it was: ${words}` : `is not what it was: ${words}`
  return { words: `${name} ${said}?`, ...(found.near ? { near: true } : {}), ...(times ? { factor: slope } : {}) }
}

/** Two inputs of which each is as the other was. */
function swapped(
  now: readonly Figures[],
  before: ReadonlyMap<string, Figures>,
): readonly (readonly [Figures, Figures])[] {
  const moved = now.filter(one => {
    const was = before.get(one.name)
    return known(one) && was && known(was) && !fits(one, was, unchanged)
  })
  return moved.flatMap((a, i) =>
    moved.slice(i + 1).flatMap(b => {
      const [wasA, wasB] = [before.get(a.name), before.get(b.name)]
      return wasA && wasB && fits(a, wasB, unchanged) && fits(b, wasA, unchanged) ? [[a, b] as const] : []
    }),
  )
}

/**
 * S9 between two versions. Inputs are paired by name. A change is refused, unless it was `declared`: then the unit of that
 * input is named in the definition, and it is another than the champion's.
 */
export function unitChange(
  model: string,
  now: ScaledInputs,
  before: ScaledInputs,
  declared: ReadonlySet<string> = new Set(),
): CheckResult {
  const earlier = new Map(before.features.map(feature => [feature.name, feature]))
  const compared = now.features.filter(one => {
    const was = earlier.get(one.name)
    return known(one) && was !== undefined && known(was)
  })
  const pairs = swapped(compared, earlier)
  const inPairs = new Set(pairs.flat().map(one => one.name))
  const said: string[] = []
  const findings: Finding[] = pairs.map(([a, b]) => ({
    column: a.name,
    level: 'fail',
    text: `${a.name} and ${b.name} are swapped`,
    observed: { with: b.name },
  }))
  for (const one of compared) {
    const change = inPairs.has(one.name) ? undefined : changeOf(one, earlier.get(one.name) as Figures)
    if (!change) continue
    if (declared.has(one.name)) said.push(`${change.words.replace(/\?$/, '')}, as declared`)
    else
      findings.push({
        column: one.name,
        level: change.near ? 'warn' : 'fail',
        text: `${change.words}${change.near ? '' : ` Where it is meant, name its unit in units: { ${one.name}: … }`}`,
        ...(change.factor === undefined ? {} : { observed: { factor: change.factor } }),
      })
  }
  return scalerCheck(
    rule,
    { model },
    {
      evaluated: compared.length,
      findings,
      good: [`${plural(compared.length, 'input')} are in the units they were in`, ...said].join('; '),
    },
  )
}

/** Inputs whose unit is declared, and is another than the one before. */
export function declaredUnits(
  now: Readonly<Record<string, string>> | undefined,
  before: Readonly<Record<string, string>> | undefined,
): ReadonlySet<string> {
  return new Set(Object.entries(now ?? {}).flatMap(([name, unit]) => (before?.[name] === unit ? [] : [name])))
}
