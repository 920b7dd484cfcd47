import type { Dataset } from '../../../define/dataset.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import { count } from '../../../define/expectation/verdict.ts'
import type { CheckResult } from '../../../define/report.ts'
import { wilson } from '../../../math/special/proportion.ts'
import type { Relation } from '../../../ports/data-engine.ts'
import type { Micros } from '../../../internal/time.ts'
import { measurerOf, openFound, type FoundSource, type ValidateServices } from '../../validate/source.ts'
import { validate } from '../../validate/validate.ts'
import { profile } from '../profile.ts'
import { build, withOptions, type Call } from './call.ts'
import { fewestRows, type Draft } from './draft.ts'
import { draftsOf } from './drafts.ts'
import { commentOf, evidenceOf, whyNot, type Trials } from './evidence.ts'
import { mostlyOf } from './round.ts'
import { cut, type Parts } from './split.ts'

/** An expectation that data suggest, with what speaks for it. */
export interface Suggestion {
  readonly rule: string
  readonly call: Call
  readonly spec: ExpectationSpec
  /** A sentence with figures. */
  readonly evidence: string
  /** The same, short enough for the end of a line. */
  readonly comment: string
  readonly training: Held
  /** Undefined for a rule about all rows together. */
  readonly holdOut?: Held
}

/** How rows, or a measure, fared. */
export interface Held {
  readonly evaluated: number
  readonly bad: number
  readonly passed: boolean
}

/** What the training rows suggested and later rows, or all of them together, did not bear out. */
export interface RefusedSuggestion extends Suggestion {
  readonly reason: string
}

export interface Suggestions {
  readonly dataset: string
  readonly rows: { readonly train: number; readonly test: number }
  readonly cut: Parts['cut']
  readonly suggested: readonly Suggestion[]
  readonly notSuggested: readonly RefusedSuggestion[]
  /** Why nothing can be said at all. */
  readonly nothing?: string
}

export const heldOf = ({ evaluated, bad, status }: CheckResult): Held => ({ evaluated, bad, passed: status === 'pass' })

/** The rules held to rows, as validation does it. Gives a result for each. */
async function hold(
  services: ValidateServices,
  parts: Parts,
  rows: Relation,
  specs: readonly ExpectationSpec[],
): Promise<ReadonlyMap<string, CheckResult>> {
  if (specs.length === 0) return new Map()
  const { states: _states, history: _history, ...plain } = services
  // what breaks a rule is evidence, also where the rule tolerates it
  const telling = specs.map(spec => (spec.limits ? { ...spec, quarantine: true } : spec))
  const validation = await validate(plain, { ...parts.dataset, expectations: telling }, rows)
  await validation.release()
  return new Map(validation.report.checks.map(check => [check.id, check]))
}

/** Rows from which on a single one that breaks a rule may be a fault of the row and not of the rule. */
const rowsForOne = 500

/**
 * A draft that the training rows bear out: where they break it at times, with the share that must hold, and as a warning.
 * Rows that were shown are not for a suggestion to lose.
 */
function settle(draft: Draft, result: CheckResult): Call | undefined {
  if (result.status === 'pass') return draft.call
  const { bad, evaluated } = result
  if (draft.tolerates === undefined || evaluated === 0) return undefined
  if (bad > Math.max(evaluated >= rowsForOne ? 1 : 0, draft.tolerates * evaluated)) return undefined
  return withOptions(draft.call, {
    mostly: mostlyOf(wilson(bad, evaluated).upper),
    severity: 'warning',
  })
}

interface Candidate {
  readonly draft: Draft
  readonly call: Call
  readonly spec: ExpectationSpec
}

const candidateOf = (draft: Draft, call: Call, dataset: Dataset): Candidate => ({
  draft,
  call,
  spec: build(call, dataset.columns).expectation,
})

async function candidatesOf(services: ValidateServices, parts: Parts, drafts: readonly Draft[]): Promise<Candidate[]> {
  const plain = drafts.map(draft => candidateOf(draft, draft.call, parts.dataset))
  const known = new Set<string>()
  const single = plain.filter(({ spec }) => !known.has(spec.id) && known.add(spec.id))
  const results = await hold(
    services,
    parts,
    parts.train,
    single.filter(one => !one.draft.whole).map(one => one.spec),
  )
  const held = new Set<Draft>()
  const found: Candidate[] = []
  for (const { draft, spec } of single) {
    const result = results.get(spec.id)
    const call = draft.whole ? draft.call : result && settle(draft, result)
    if (!call || (draft.unless && held.has(draft.unless))) continue
    held.add(draft)
    found.push(candidateOf(draft, call, parts.dataset))
  }
  return found
}

async function judge(services: ValidateServices, parts: Parts, candidates: readonly Candidate[]) {
  const part = candidates.filter(one => !one.draft.whole).map(one => one.spec)
  const training = await hold(services, parts, parts.train, part)
  const later = await hold(services, parts, parts.test, part)
  const whole = await hold(
    services,
    parts,
    parts.all,
    candidates.map(one => one.spec),
  )
  const suggested: Suggestion[] = []
  const notSuggested: RefusedSuggestion[] = []
  for (const { draft, call, spec } of candidates) {
    const all = whole.get(spec.id)
    const trained = training.get(spec.id) ?? all
    const tested = later.get(spec.id)
    if (!all || !trained) continue
    const trials: Trials = { training: trained, ...(tested ? { holdOut: tested } : {}), all, says: spec.says }
    const made: Suggestion = {
      rule: draft.rule,
      call,
      spec,
      training: heldOf(trained),
      ...(tested ? { holdOut: heldOf(tested) } : {}),
      evidence: evidenceOf(parts.cut, trials),
      comment: commentOf(parts.cut, trials),
    }
    const reason = whyNot(parts.cut, trials)
    if (reason === undefined) suggested.push(made)
    else notSuggested.push({ ...made, reason })
  }
  return { suggested, notSuggested }
}

async function newestOf(services: ValidateServices, opened: FoundSource): Promise<Map<string, Micros>> {
  const { found } = opened
  const measurer = measurerOf(services, opened)
  const newest = new Map<string, Micros>()
  for (const [name, { type }] of Object.entries(found.dataset.columns)) {
    if (type !== 'timestamp' || !found.usable.has(name)) continue
    const { max } = await measurer.measure({ fn: 'extremes', of: { op: 'column', name, type } })
    if (max !== null) newest.set(name, Number(max))
  }
  return newest
}

async function suggestFor(services: ValidateServices, whole: FoundSource): Promise<Suggestions> {
  const { found } = whole
  const parts = await cut(services.engine, found)
  const rowsOf = async ({ sql }: Relation) =>
    Number((await services.engine.rows(`SELECT count(*) AS n FROM ${sql}`))[0]?.n)
  const rows = { train: await rowsOf(parts.train), test: await rowsOf(parts.test) }
  const none = { dataset: found.dataset.name, rows, cut: parts.cut, suggested: [], notSuggested: [] }
  if (rows.train < fewestRows || rows.test === 0)
    return {
      ...none,
      nothing: `there are ${count(rows.train + rows.test)} rows: at least ${count(Math.ceil(fewestRows / 0.8))} are needed to tell a rule from chance`,
    }
  const opened = await openFound({ ...services }, parts.dataset, parts.train)
  try {
    const facts = await profile(services, {
      ...opened,
      label: found.source.label,
      files: 0,
      bytes: undefined,
      left: [],
    })
    const moment = {
      all: rows.train + rows.test,
      now: services.clock.now(),
      newest: await newestOf(services, whole),
    }
    const drafts = draftsOf(found.dataset, facts, moment)
    const candidates = await candidatesOf(services, parts, drafts)
    return { ...none, ...(await judge(services, parts, candidates)) }
  } finally {
    await opened.release()
  }
}

/**
 * Expectations for a dataset, found in the first 80 % of its rows by event time and held to the last 20 %; and those that
 * the later rows, or all rows together, did not bear out. What it declares already is not suggested again.
 */
export async function suggest(services: ValidateServices, dataset: Dataset): Promise<Suggestions> {
  const opened = await openFound(services, dataset)
  try {
    return await suggestFor(services, opened)
  } finally {
    await opened.release()
  }
}
