import type { PropertyTest, RelationTest } from '../../../define/model-test/index.ts'
import type { CheckResult } from '../../../define/report.ts'
import { clopperPearson } from '../../../math/special/proportion.ts'
import type { SuiteContext } from '../context.ts'
import type { Counterexample } from '../counterexamples.ts'
import { groundOf, Scorer, type Case, type Ground, type Value } from './cases.ts'
import { relationRule } from './relation.ts'
import { ruleOf, type Rule } from './rules.ts'
import { drawCases, searchAlong, tryAll, type TriedCase } from './search.ts'
import { shrink } from './shrink.ts'
import { thresholdsOf } from './thresholds.ts'

type AnyProperty = PropertyTest | RelationTest

interface Outcome {
  readonly check: CheckResult
  readonly found: readonly Counterexample[]
}

/**
 * A property of the model: cases that broke it before are tried first, then a thousand drawn ones, then every value that
 * might matter along each input that moves. What breaks it is made plainer and kept.
 */
export async function propertyTest(test: AnyProperty, context: SuiteContext): Promise<Outcome> {
  const { subject, judged, name } = context
  const of = test.class === undefined ? undefined : context.classes.indexOf(test.class)
  const inputs = test.kind === 'relation' ? Object.keys(test.change) : test.inputs
  const common = {
    id: test.id,
    kind: test.kind,
    target: { model: name, columns: inputs },
    severity: test.severity,
  } as const
  const refused = whyNot(test, context, inputs, of)
  if (refused !== undefined)
    return {
      check: {
        ...common,
        status: 'error',
        observed: {},
        evaluated: 0,
        bad: 0,
        threshold: '',
        message: refused,
        error: refused,
      },
      found: [],
    }
  const seed = seedFor(test, context.seed)
  const ground = groundOf(
    subject,
    context.frame,
    context.train?.frame,
    thresholdsOf(context.onnx, subject.inputs),
    judged,
    seed,
  )
  const scorer = new Scorer(subject, judged.outputs, of)
  const rule = test.kind === 'relation' ? relationRule(test, ground) : ruleOf(test, ground)
  const kept = await replay(test, rule, ground, scorer, context.kept)
  const drawn = await tryAll(rule, scorer, drawCases(rule, ground))
  const broken = drawn.filter(one => one.by > 0)
  const most = Math.floor(drawn.length * (1 - test.mostly) + 1e-9)
  const strict = test.mostly === 1
  const searched = strict && broken.length === 0 ? await searchAlong(rule, ground, scorer) : undefined
  const movement = movementOf(test, ground, drawn)
  const worst = [...broken].sort((a, b) => b.by - a.by)[0] ?? searched
  const fails = broken.length > most || (strict && (searched !== undefined || kept.broken.length > 0))
  const shown = fails ? (worst ? await shrink(rule, ground, scorer, worst) : kept.broken[0]) : undefined
  const upper = drawn.length === 0 ? 1 : clopperPearson(broken.length, drawn.length, 0.95).upper
  const threshold = `${rule.words}, in ${100 * test.mostly} % of cases`
  const status = drawn.length === 0 ? 'warn' : fails || movement.tooLittle ? 'fail' : 'pass'
  const sample = shown ? [sampleOf(ground, shown)] : []
  return {
    check: {
      ...common,
      status,
      observed: {
        violations: broken.length,
        upperBound: upper,
        replayed: kept.tried,
        scored: scorer.scored,
        seed,
        ...(movement.average === undefined ? {} : { movement: movement.average }),
      },
      evaluated: drawn.length,
      bad: broken.length + (searched ? 1 : 0) + kept.broken.length + (movement.tooLittle ? 1 : 0),
      threshold,
      message: messageOf(rule, { drawn, broken, searched, kept, upper, movement, seed }),
      sample,
    },
    found: shown ? [keepable(test, rule, ground, shown, seed, context)] : [],
  }
}

/** Every test draws cases of its own, also where two of a suite are alike. */
function seedFor({ id }: AnyProperty, seed: number): number {
  let hash = seed
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  return hash >>> 1
}

function whyNot(
  test: AnyProperty,
  { subject, classes, frame }: SuiteContext,
  inputs: readonly string[],
  of: number | undefined,
): string | undefined {
  const missing = inputs.find(input => !subject.inputs.some(one => one.name === input))
  if (missing !== undefined) return `the model has no input '${missing}'`
  if (of === -1) return `there is no class '${test.class}': ${classes.join(', ')}`
  if (frame.rows === 0) return 'there are no test rows to move'
  const numbers =
    test.kind === 'monotone' || test.kind === 'stable' || (test.kind === 'directional' && test.by !== undefined)
  const text = numbers
    ? inputs.find(input => subject.inputs.find(one => one.name === input)?.kind === 'text')
    : undefined
  return text === undefined ? undefined : `'${text}' is a text input`
}

interface Movement {
  readonly average: number | undefined
  readonly least: number
  readonly tooLittle: boolean
}

/** Whether an input that must matter does. */
function movementOf(test: AnyProperty, { unit }: Ground, drawn: readonly TriedCase[]): Movement {
  if ((test.kind !== 'matters' && test.kind !== 'directional') || drawn.length === 0)
    return { average: undefined, least: 0, tooLittle: false }
  const least = test.kind === 'matters' ? (test.least ?? 0.001 * unit) : test.least
  let [sum, moved] = [0, false]
  for (const { before, after } of drawn) {
    let most = 0
    for (let k = 0; k < before.length; k++) {
      const by = (after[k] as number) - (before[k] as number)
      const counted = test.kind === 'matters' ? Math.abs(by) : test.moves === 'up' ? by : -by
      most = k === 0 ? counted : Math.max(most, counted)
    }
    sum += most
    moved ||= most > 0
  }
  const average = sum / drawn.length
  // An input that moves nothing moves it neither up nor down
  return { average, least, tooLittle: !moved || (least > 0 && !(average >= least)) }
}

interface ReplayResult {
  readonly tried: number
  readonly broken: readonly TriedCase[]
}

const valueOf = (value: number | string | null | undefined, kind: 'number' | 'text'): Value =>
  kind === 'text' ? (typeof value === 'string' ? value : '') : typeof value === 'number' ? value : Number.NaN

/** Tries again what broke the property of another model, where this one has the inputs for it. */
async function replay(
  test: AnyProperty,
  rule: Rule,
  ground: Ground,
  scorer: Scorer,
  kept: readonly Counterexample[],
): Promise<ReplayResult> {
  const own = kept.filter(
    one =>
      one.test === test.id &&
      one.kind === test.kind &&
      Object.keys(one.before).every(input => ground.names.includes(input)),
  )
  const cases = own.flatMap((one): Case[] => {
    const kindOf = (i: number): 'number' | 'text' => ground.profiles[i]?.kind ?? 'number'
    // Inputs that came later are those of an ordinary row
    const row = ground.names.map((name, i) =>
      name in one.row ? valueOf(one.row[name], kindOf(i)) : (ground.ordinary[i] as Value),
    )
    if (rule.redraw) return [rule.draw(row)].filter(made => made !== undefined)
    const moved = Object.keys(one.before).map(name => ground.names.indexOf(name))
    const side = (values: Counterexample['before']): Value[] =>
      moved.map(i => valueOf(values[ground.names[i] as string], kindOf(i)))
    return [{ row, moved, before: side(one.before), after: side(one.after) }]
  })
  const tried = cases.length === 0 ? [] : await tryAll(rule, scorer, cases)
  return { tried: tried.length, broken: tried.filter(one => one.by > 0) }
}

function messageOf(
  rule: Rule,
  of: {
    readonly drawn: readonly TriedCase[]
    readonly broken: readonly TriedCase[]
    readonly searched: TriedCase | undefined
    readonly kept: ReplayResult
    readonly upper: number
    readonly movement: Movement
    readonly seed: number
  },
): string {
  const { drawn, broken, searched, kept, upper, movement, seed } = of
  if (drawn.length === 0) return `${rule.words}: no row has a value to move`
  const parts = [
    `${broken.length} of ${drawn.length} cases do not (at most ${(100 * upper).toFixed(1)} % with 95 % confidence)`,
  ]
  if (searched) parts.push('a directed search found one')
  if (kept.broken.length > 0) parts.push(`${kept.broken.length} of ${kept.tried} kept counterexamples break it again`)
  if (movement.tooLittle) {
    const average = movement.average as number
    parts.push(
      average === 0 || movement.least === 0
        ? 'it does not move the score at all'
        : `it moves the score by ${Number(average.toPrecision(3))} on average, asked is ${Number(movement.least.toPrecision(3))}`,
    )
  }
  return `${rule.words}: ${parts.join('; ')}; seed ${seed}`
}

const told = (value: Value): number | string | null => (value === '' || Number.isNaN(value) ? null : value)
const scoreOf = (scores: Float32Array): number | string | null => {
  const [first] = scores
  if (scores.length > 1) return [...scores].map(one => one.toPrecision(4)).join(', ')
  return first === undefined || !Number.isFinite(first) ? String(first) : first
}

function sampleOf(
  { names }: Ground,
  { case: one, before, after }: TriedCase,
): NonNullable<CheckResult['sample']>[number] {
  return {
    ...Object.fromEntries(names.map((name, i) => [name, told(one.row[i] as Value)])),
    ...Object.fromEntries(
      one.moved.flatMap((input, i) => [
        [`${names[input]} before`, told(one.before[i] as Value)],
        [`${names[input]} after`, told(one.after[i] as Value)],
      ]),
    ),
    'score before': scoreOf(before),
    'score after': scoreOf(after),
  }
}

function keepable(
  test: AnyProperty,
  rule: Rule,
  { names }: Ground,
  { case: one, before, after }: TriedCase,
  seed: number,
  { name, clock }: SuiteContext,
): Counterexample {
  const side = (values: readonly Value[]) =>
    Object.fromEntries(one.moved.map((input, i) => [names[input] as string, told(values[i] as Value)]))
  const finite = (scores: Float32Array): (number | null)[] =>
    [...scores].map(score => (Number.isFinite(score) ? score : null))
  return {
    test: test.id,
    kind: test.kind,
    rule: rule.words,
    row: Object.fromEntries(names.map((input, i) => [input, told(one.row[i] as Value)])),
    before: side(one.before),
    after: side(one.after),
    scores: { before: finite(before), after: finite(after) },
    seed,
    found: name,
    at: clock.now(),
  }
}
