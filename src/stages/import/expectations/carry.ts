import { callCode, columnCode, type Call } from './code.ts'
import { ColumnTypes, type Hints } from './column-types.ts'
import { RuleSettings, LeftOut } from './given.ts'
import type { ImportedDataset, ImportedRule, KnownDataset } from './model.ts'
import { Rule, type RuleInFile, type Surroundings } from './rule.ts'

/** A suite, contract, schema or model as it was read: its rules, and what it says besides. */
export interface Found {
  readonly name: string
  readonly from: string
  readonly rules: readonly RuleInFile[]
  /** Keys that were not read, and what else there is to say of the whole. */
  readonly remarks: readonly string[]
}

interface Attempt {
  readonly rule: Rule
  readonly calls: readonly Call[]
  readonly left?: string
}

function attempt(stated: RuleInFile, types: ColumnTypes, surroundings: Surroundings): Attempt {
  const rule = new Rule(stated.source, new RuleSettings(stated.settings), types, surroundings)
  try {
    const calls = stated.carry(rule)
    return { rule, calls: 'method' in calls ? [calls] : calls }
  } catch (error) {
    if (!(error instanceof LeftOut)) throw error
    return { rule, calls: [], left: error.why }
  }
}

/** The name of the expectation's history is a hash of what it says, severity left out: its twin needs a name of its own. */
function identity({ options: { severity: _, ...options }, ...call }: Call): string {
  return callCode({ ...call, options })
}

/** Tells expectations that say the same apart: two of one severity are one, of different severities get an id. */
class Twins {
  readonly #seen = new Map<string, number>()
  readonly #whole = new Set<string>()

  place(call: Call, columns: readonly string[]): Call | undefined {
    const whole = callCode(call)
    if (this.#whole.has(whole)) return undefined
    this.#whole.add(whole)
    const before = this.#seen.get(identity(call)) ?? 0
    this.#seen.set(identity(call), before + 1)
    if (before === 0) return call
    const name = [...columns, call.method, before + 1].join('-').replace(/[^\w-]+/g, '_')
    return { ...call, options: { id: name, ...call.options } }
  }
}

function ruleOf(stated: RuleInFile, { rule, calls, left }: Attempt, twins: Twins): ImportedRule {
  const columns = rule.columns.size > 0 ? [...rule.columns] : (stated.columns ?? [])
  const told = { source: stated.source, columns, given: stated.given, notes: [...(stated.notes ?? []), ...rule.notes] }
  if (left !== undefined) return { ...told, outcome: 'left out', code: [], why: left }
  const placed = calls.flatMap(call => twins.place(call, columns) ?? [])
  const twice = calls.length > 0 && placed.length === 0 ? ['another rule says the same, and stands for both'] : []
  const unread = rule.given.unread()
  const differences = [...rule.differences, ...(unread.length === 0 ? [] : [`not carried over: ${unread.join(', ')}`])]
  const why = [...differences, ...twice].join('; ')
  return {
    ...told,
    outcome: differences.length === 0 ? 'carried' : 'changed',
    code: placed.map(callCode),
    ...(why ? { why } : {}),
  }
}

/** Millrace holds floats to be finite by itself; that an empty column passes is how the other tools see it. */
function finiteCode(name: string): string {
  return callCode({ on: columnCode(name), method: 'finite', args: [], options: { onEmpty: 'pass' } })
}

/**
 * Carries the rules of one suite over. They are read twice: first to learn what they want of their columns, then, with the
 * columns' types settled, to make their expectations. Every rule comes out again, with what became of it.
 */
export function carry(found: Found, surroundings: Surroundings, known?: KnownDataset, hints?: Hints): ImportedDataset {
  const types = new ColumnTypes(known, hints)
  const first = found.rules.map(stated => attempt(stated, types, surroundings)).filter(made => made.left === undefined)
  types.settle(new Set(first.flatMap(({ rule }) => [...rule.columns])))
  const attempts = found.rules.map(stated => ({ stated, made: attempt(stated, types, surroundings) }))
  const good = attempts.filter(({ made }) => made.left === undefined).map(({ made }) => made.rule)
  const columns = types.columns(new Set(good.flatMap(rule => [...rule.neverNull])))
  const twins = new Twins()
  const rules = attempts.map(({ stated, made }) => ruleOf(stated, made, twins))
  const remarks = [...found.remarks, ...new Set(good.flatMap(rule => [...rule.remarks]))]
  const whole = { name: found.name, from: found.from, remarks, ...(known ? { known } : {}) }
  if (columns.length > 0) return { ...whole, columns, rules }
  const why = 'no column of the dataset is known; name a dataset of the project with --dataset'
  const left = rules.map(
    (rule): ImportedRule => (rule.outcome === 'left out' ? rule : { ...rule, outcome: 'left out', code: [], why }),
  )
  return { ...whole, columns, rules: left }
}

/** Columns whose implied check needs a word, as expectations. */
export function ownChecks({ columns, known }: ImportedDataset): readonly string[] {
  return known ? [] : columns.filter(one => one.type === 'float').map(one => finiteCode(one.name))
}
