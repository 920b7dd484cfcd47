import type { LeakTest } from '../../../define/model-test/index.ts'
import type { CheckResult } from '../../../define/report.ts'
import { isClassification } from '../../../math/task.ts'
import { measure, type LabelledScores } from '../../../math/metrics/catalogue.ts'
import { r2 } from '../../../math/metrics/regression.ts'
import type { SuiteContext } from '../context.ts'
import { identifiers } from './identifiers.ts'
import { leakingInputs } from './inputs.ts'
import { sharedRows } from './shared-rows.ts'

type Base = Pick<CheckResult, 'kind' | 'severity'>

/** Ways in which a model learns what it will not have: four checks, each for itself. */
export async function leakTest(test: LeakTest, context: SuiteContext): Promise<CheckResult[]> {
  const base: Base = { kind: 'leak', severity: test.severity }
  if (!context.train) {
    // In a version of another time there may be no training rows; asked for, that is no pass
    if (test.byDefault) return []
    return [
      {
        ...base,
        id: test.id,
        target: { model: context.name },
        status: 'warn',
        observed: {},
        evaluated: 0,
        bad: 0,
        threshold: 'no leak',
        message: 'not judged: the training rows are not there',
      },
    ]
  }
  const trained = await context.train.judged()
  return [
    ofInputs(test, base, context, trained),
    ofIdentifiers(test, base, context),
    ofRows(test, base, context),
    ofQuality(test, base, context),
  ]
}

/** What is found fails where it was asked for, and warns where it may be right. */
const statusOf = (test: LeakTest, found: boolean, certain: boolean): CheckResult['status'] =>
  !found ? 'pass' : certain || !test.byDefault ? 'fail' : 'warn'

function ofInputs(test: LeakTest, base: Base, context: SuiteContext, trained: LabelledScores): CheckResult {
  const all = leakingInputs(
    context,
    (context.train as NonNullable<SuiteContext['train']>).frame,
    trained,
    test.maxPower,
  )
  const found = all.filter(one => !test.except.includes(one.input))
  const names = found.map(one => one.input)
  return {
    ...base,
    id: `${test.id}-inputs`,
    target: { model: context.name, ...(names.length > 0 ? { columns: names } : {}) },
    status: statusOf(
      test,
      found.length > 0,
      found.some(one => one.certain),
    ),
    observed: Object.fromEntries(found.map(one => [one.input, one.power])),
    evaluated: context.subject.inputs.length,
    bad: found.length,
    threshold: `no input is the label, or tells more than ${test.maxPower} of it alone`,
    message:
      found.length === 0
        ? 'no input tells the label by itself'
        : `${found.map(one => `${one.input} ${one.reason}`).join('; ')}: is it known before the label is?`,
  }
}

function ofIdentifiers(test: LeakTest, base: Base, { name, subject, train }: SuiteContext): CheckResult {
  const found = identifiers(subject, (train as NonNullable<SuiteContext['train']>).frame).filter(
    one => !test.except.includes(one.input),
  )
  const names = found.map(one => one.input)
  return {
    ...base,
    id: `${test.id}-identifiers`,
    target: { model: name, ...(names.length > 0 ? { columns: names } : {}) },
    status: statusOf(test, found.length > 0, false),
    observed: {},
    evaluated: subject.inputs.length,
    bad: found.length,
    threshold: 'no input numbers or names the rows',
    message:
      found.length === 0
        ? 'no input is an identifier'
        : `${found.map(one => `${one.input} ${one.reason}`).join('; ')}: what is learned of it holds for no other row`,
  }
}

function ofRows(test: LeakTest, base: Base, { name, frame, train, judged, subject }: SuiteContext): CheckResult {
  const other = (train as NonNullable<SuiteContext['train']>).frame
  const { exact, chance, near, tried, pairs } = sharedRows(judged.task, other, frame)
  const share = (Math.max(0, exact - chance) + near) / Math.max(1, tried)
  const found = share > test.maxShared && exact + near >= 3
  const rows = (count: number): string => Math.round(count).toLocaleString('en-US')
  return {
    ...base,
    id: `${test.id}-rows`,
    target: { model: name },
    status: statusOf(test, found, false),
    observed: { exact, chance, near, tried },
    evaluated: tried,
    bad: found ? Math.round(exact + near) : 0,
    threshold: `at most ${100 * test.maxShared} % of the test rows stand among the training rows`,
    message: found
      ? `${rows(exact)} of ${rows(tried)} test rows stand among the training rows, where chance makes at most ${rows(chance)}, and ${rows(near)} but for a little noise`
      : 'test rows do not stand among the training rows',
    sample: found
      ? pairs.map(([row, twin]) => ({
          'test row': row,
          'training row': twin,
          ...Object.fromEntries(
            subject.inputs.map((input, i) => [input.name, (frame.inputs[i]?.[row] as number | string) ?? null]),
          ),
        }))
      : [],
  }
}

/** Fewest test rows on which a perfect score is no chance. */
const fewestPerfect = 200
const suspicious = 0.999

function ofQuality(test: LeakTest, base: Base, { name, judged }: SuiteContext): CheckResult {
  const metric = judged.task === 'binary' ? 'auc' : judged.task === 'multiclass' ? 'aucOvr' : 'r2'
  const value = isClassification(judged.task) ? measure(metric, judged) : r2(judged.labels, judged.scores)
  const rows = judged.labels.length
  const found = rows >= fewestPerfect && value >= suspicious
  const perfect = found && value === 1
  return {
    ...base,
    id: `${test.id}-quality`,
    target: { model: name },
    status: perfect && !test.byDefault ? 'fail' : found ? 'warn' : 'pass',
    observed: { [metric]: value },
    evaluated: rows,
    bad: found ? 1 : 0,
    threshold: `${metric} below ${suspicious}`,
    message: found
      ? `${metric} ${value.toFixed(4)} on ${rows.toLocaleString('en-US')} test rows is too good to be true: does an input know the label?`
      : `${metric} ${value.toPrecision(4)} is not too good to be true`,
  }
}
