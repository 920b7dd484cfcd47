import type { SlicesTest } from '../../../define/model-test/index.ts'
import type { CheckResult } from '../../../define/report.ts'
import { bootstrap } from '../../../math/metrics/bootstrap.ts'
import { judgedRows, measure, type LabelledScores } from '../../../math/metrics/catalogue.ts'
import type { SuiteContext } from '../context.ts'
import { lossName } from '../../../math/metrics/row-loss.ts'
import { slicesOf, type AnyColumn, type Slice } from './groups.ts'
import { judgeSlices, type SliceVerdict } from './judge.ts'

/** The slices of a test: declared conditions, values of declared expressions, or values of every input. */
export function slicesFor(test: Pick<SlicesTest, 'of' | 'by'>, { frame, train, subject }: SuiteContext): Slice[] {
  const declared = [...(test.of ?? []), ...(test.by ?? [])]
  if (declared.length > 0)
    return declared.flatMap(({ name }) => {
      const column = frame.slices.get(name)
      return column ? slicesOf(name, column, train?.frame.slices.get(name)) : []
    })
  return subject.inputs.flatMap((input, i) =>
    slicesOf(input.name, frame.inputs[i] as AnyColumn, train?.frame.inputs[i]),
  )
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

export function slicesTest(test: SlicesTest, context: SuiteContext): CheckResult {
  const { judged } = context
  const all = slicesFor(test, context)
  const found = judgeSlices(judged, all, test)
  const small = all.filter(slice => slice.rows.length < test.minRows)
  const named = new Set([...(test.of ?? []), ...(test.by ?? [])].map(one => one.name))
  // Of a declared slice somebody wants to know; that some value of an input is rare surprises nobody
  const unjudged = small.filter(slice => named.has(slice.of))
  const absent = [...named].filter(name => !context.frame.slices.has(name))
  const poor = keepingTooLittle(test, judged, all)
  const weak = found.filter(one => one.verdict === 'weak' || poor.has(one.slice))
  const useless = found.filter(one => one.verdict === 'no use' && !poor.has(one.slice))
  const ordered = [...found].sort((a, b) => rankOf(b, poor) - rankOf(a, poor) || costOf(b) - costOf(a))
  const [first] = ordered
  const about = weak.length > 0 || useless.length > 0 ? first?.slice : unjudged[0]?.name
  const status =
    weak.length > 0
      ? 'fail'
      : found.length === 0 || useless.length > 0 || unjudged.length > 0 || absent.length > 0
        ? 'warn'
        : 'pass'
  return {
    id: test.id,
    kind: 'slices',
    target: { model: context.name, ...(about === undefined ? {} : { slice: about }) },
    severity: test.severity,
    status,
    observed: { slices: found.length, weak: weak.length, lost: first?.lost ?? null },
    evaluated: found.length,
    bad: weak.length,
    threshold: `no slice of ${test.minRows} rows or more loses ${percent(test.tolerance)} of its ${lossName[judged.task]} against what it can reach${test.minShareOfOverall === undefined ? '' : `, each keeps ${percent(test.minShareOfOverall)} of the overall quality`}`,
    message: `${messageOf({ weak, useless, poor, found, unjudged, minRows: test.minRows })}${absent.length === 0 ? '' : `; the training frame of this version does not carry ${absent.join(', ')}`}`,
    sample: ordered.slice(0, 20).map(({ slice, rows, loss, reachable, lost, lower, upper, p, skill, verdict }) => ({
      slice,
      rows,
      loss,
      reachable,
      lost,
      lower,
      upper,
      p,
      skill,
      verdict: poor.has(slice) ? 'keeps too little' : verdict,
    })),
  }
}

const rankOf = ({ slice, verdict }: SliceVerdict, poor: ReadonlyMap<string, number>): number =>
  verdict === 'weak' || poor.has(slice) ? 2 : verdict === 'no use' ? 1 : 0

/** What a slice loses altogether: where most of it comes from is the place to look at. */
const costOf = ({ rows, loss, lost }: SliceVerdict): number => rows * loss * lost

function messageOf(of: {
  readonly weak: readonly SliceVerdict[]
  readonly useless: readonly SliceVerdict[]
  readonly poor: ReadonlyMap<string, number>
  readonly found: readonly SliceVerdict[]
  readonly unjudged: readonly Slice[]
  readonly minRows: number
}): string {
  const { weak, useless, poor, found, unjudged, minRows } = of
  const few = unjudged.map(slice => `${slice.name} (${slice.rows.length})`).join(', ')
  const note = few === '' ? '' : `; not judged for want of ${minRows} rows: ${few}`
  const [worst] = [...weak].sort((a, b) => costOf(b) - costOf(a))
  if (worst) {
    const kept = poor.get(worst.slice)
    const words =
      kept === undefined
        ? `loses ${percent(worst.lost)} (${percent(worst.lower)} to ${percent(worst.upper)}) against what can be reached there`
        : `keeps ${percent(kept)} of the overall quality`
    return `${weak.length} of ${found.length} slices are weak: ${worst.slice} (${worst.rows.toLocaleString('en-US')} rows) ${words}${note}`
  }
  if (found.length === 0)
    return `no slice was judged: none has ${minRows} rows or more${few === '' ? '' : ` of ${few}`}`
  if (useless.length > 0)
    return `where ${useless.map(one => one.slice).join(', ')} the scores say no more than the base rate does, right as they are${note}`
  return `${found.length} slices do about as well as they can${note}`
}

/** Slices that keep less than is asked of the overall quality, with 95 % confidence, and how much they keep. */
function keepingTooLittle(
  test: SlicesTest,
  judged: LabelledScores,
  slices: readonly Slice[],
): ReadonlyMap<string, number> {
  const least = test.minShareOfOverall
  if (least === undefined) return new Map()
  const overall = quality(judged)
  return new Map(
    slices.flatMap(slice => {
      if (slice.rows.length < test.minRows) return []
      const own = judgedRows(judged, slice.rows)
      // Of nothing there is no share: where the whole is no better than chance every slice is weak
      if (!(overall > 0)) return [[slice.name, 0] as const]
      const share = quality(own) / overall
      if (!(share < least)) return []
      const { upper } = bootstrap({
        rows: slice.rows.length,
        measure: pick => quality(judgedRows(own, pick)) / overall,
        seed: 1,
        resamples: 100,
      })
      return upper < least ? [[slice.name, share] as const] : []
    }),
  )
}

/** Above chance, so that 80 % of an AUC of 0.7 is not below a coin's. */
function quality(judged: LabelledScores): number {
  if (judged.task === 'binary') return measure('auc', judged) - 0.5
  if (judged.task === 'multiclass') return measure('balancedAccuracy', judged) - 1 / judged.outputs
  return 1 / (measure(judged.task === 'quantile' ? 'pinball' : 'rmse', judged) + 1e-300)
}
