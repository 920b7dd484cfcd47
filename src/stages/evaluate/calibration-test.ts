import type { CheckResult } from '../../define/report.ts'
import type { CalibrationTest } from '../../define/model-test/index.ts'
import { calibrationError, calibrationLine } from '../../math/metrics/calibration.ts'
import type { LabelledScores } from '../../math/metrics/catalogue.ts'
import { ofClass } from '../../math/metrics/multiclass.ts'
import { sortedQuantile } from '../../math/distribution/quantile-bins.ts'
import { normalQuantile } from '../../math/special/normal.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { SuiteContext } from './context.ts'

interface OfClass {
  readonly words: string
  readonly labels: Float32Array
  readonly scores: Float32Array
}

interface Found {
  readonly words: string
  readonly ece: number
  /** What the error of scores that are right would be at most, by chance alone. */
  readonly chance: number
  readonly slope: number
  readonly lower: number
  readonly upper: number
  readonly eceVerdict: Verdict
  readonly slopeVerdict: Verdict
}

type Verdict = 'fail' | 'warn' | 'pass'

/** Predicted and observed shares, by bins and by the slope of the truth over the logit; beyond a limit for certain, or perhaps. */
export function calibrationTest(
  test: CalibrationTest,
  { name, judged, classes, seed }: Pick<SuiteContext, 'name' | 'judged' | 'classes' | 'seed'>,
): CheckResult {
  const parts = partsOf(judged, classes)
  const tail = 0.0025 / parts.length
  const found = parts.map(part => measure(test, part, judged.weights, tail, seed))
  const verdicts = found.flatMap(one => [one.eceVerdict, one.slopeVerdict])
  const status = verdicts.includes('fail') ? 'fail' : verdicts.includes('warn') ? 'warn' : 'pass'
  const worst = [...found].sort((a, b) => rank(b) - rank(a) || b.ece - a.ece)[0] as Found
  const asked = [
    test.maxEce === undefined ? '' : `expected calibration error ≤ ${test.maxEce}`,
    test.slope === undefined ? '' : `slope from ${test.slope[0]} to ${test.slope[1]}`,
  ].filter(Boolean)
  return {
    id: test.id,
    kind: 'calibration',
    target: { model: name },
    severity: test.severity,
    status,
    observed: {
      ece: worst.ece,
      chance: worst.chance,
      slope: told(worst.slope),
      slopeLower: told(worst.lower),
      slopeUpper: told(worst.upper),
    },
    evaluated: judged.labels.length,
    bad: found.filter(one => rank(one) === 2).length,
    threshold: asked.join(', '),
    message: messageOf(test, worst, status),
    ...(found.length > 1
      ? {
          sample: found.slice(0, 20).map(({ words, ece, chance, slope, lower, upper }) => ({
            class: words,
            ece,
            chance,
            slope: told(slope),
            lower: told(lower),
            upper: told(upper),
          })),
        }
      : {}),
  }
}

const rank = ({ eceVerdict, slopeVerdict }: Found): number =>
  Math.max(...[eceVerdict, slopeVerdict].map(one => (one === 'fail' ? 2 : one === 'warn' ? 1 : 0)))
const told = (value: number): number | null => (Number.isFinite(value) ? value : null)

function partsOf(judged: LabelledScores, classes: readonly string[]): readonly OfClass[] {
  if (judged.task !== 'multiclass') return [{ words: '', labels: judged.labels, scores: judged.scores }]
  return Array.from({ length: judged.outputs }, (_, k) => ({ words: classes[k] ?? String(k), ...ofClass(judged, k) }))
}

/** Enough for a chance of one in four hundred. */
const draws = 400

function measure(
  test: CalibrationTest,
  { words, labels, scores }: OfClass,
  weights: Float32Array | undefined,
  tail: number,
  seed: number,
): Found {
  const unscored = scores.some(Number.isNaN)
  const ece = unscored ? Number.NaN : calibrationError(labels, scores, 15, weights)
  const { slope, slopeError } = unscored
    ? { slope: Number.NaN, slopeError: Number.NaN }
    : calibrationLine(labels, scores)
  const half = -normalQuantile(tail) * slopeError
  const chance = test.maxEce === undefined || ece <= test.maxEce ? 0 : chanceError(scores, weights, tail, seed)
  const [low, high] = test.slope ?? [-Infinity, Infinity]
  return {
    words,
    ece,
    chance,
    slope,
    lower: slope - half,
    upper: slope + half,
    eceVerdict: test.maxEce === undefined || ece <= test.maxEce ? 'pass' : ece <= chance ? 'warn' : 'fail',
    slopeVerdict:
      test.slope === undefined || (slope >= low && slope <= high)
        ? 'pass'
        : slope + half >= low && slope - half <= high
          ? 'warn'
          : 'fail',
  }
}

/** What scores that are right would show at most: labels are drawn from them, again and again. */
function chanceError(scores: Float32Array, weights: Float32Array | undefined, tail: number, seed: number): number {
  const random = seeded(seed)
  const labels = new Float32Array(scores.length)
  const errors = Float64Array.from({ length: draws }, () => {
    for (let i = 0; i < labels.length; i++) labels[i] = random.next() < (scores[i] as number) ? 1 : 0
    return calibrationError(labels, scores, 15, weights)
  }).sort()
  return sortedQuantile(errors, 1 - Math.max(tail, 1 / draws))
}

function messageOf(test: CalibrationTest, { words, ece, slope, lower, upper, chance }: Found, status: string): string {
  const of = words === '' ? '' : ` of class ${words}`
  const parts: string[] = []
  if (test.maxEce !== undefined)
    parts.push(`predicted and observed shares${of} differ by ${ece.toPrecision(4)} on average over 15 bins`)
  if (test.slope !== undefined) {
    const way = slope < 1 ? 'too sure' : 'not sure enough'
    parts.push(
      `the slope${of} is ${slope.toFixed(2)} (${lower.toFixed(2)} to ${upper.toFixed(2)})${status === 'pass' ? '' : `: the scores are ${way}`}`,
    )
  }
  if (status === 'warn') parts.push(`which may be chance${chance > 0 ? ` (up to ${chance.toPrecision(3)})` : ''}`)
  return parts.join('; ')
}
