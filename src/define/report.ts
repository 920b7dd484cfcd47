import type { Json } from '../internal/canonical-json.ts'
import type { Micros } from '../internal/time.ts'

export type Severity = 'critical' | 'warning' | 'info'
export type Status = 'pass' | 'warn' | 'fail' | 'error' | 'skipped'

/** What a check looked at; at least one member is set. */
export interface CheckTarget {
  readonly dataset?: string
  readonly columns?: readonly string[]
  readonly model?: string
  readonly deployment?: string
  readonly slice?: string
}

/** One evaluated rule: the only shape of result for data, scaler, model, drift and canary checks. */
export interface CheckResult {
  /** The user's name for it, or a stable hash of its declaration, so that history survives re-ordering. */
  readonly id: string
  /** `between`, `unique`, `metric`, `monotone`, `drift`, … */
  readonly kind: string
  readonly target: CheckTarget
  readonly severity: Severity
  readonly status: Status
  /** What was measured, by name. */
  readonly observed: Readonly<Record<string, Json>>
  /** Rows (or cases) that the rule was applied to. */
  readonly evaluated: number
  /** Rows (or cases) that broke it. */
  readonly bad: number
  /** Rows left out because an operand is null, and because the rule's own condition is not true. */
  readonly excludedNull?: number
  readonly excludedFilter?: number
  /** What about it is not exact; absent where everything is. */
  readonly approximate?: string
  /** The limit it was held against, in words: `at most 3 bad rows`. */
  readonly threshold: string
  /** Digest of the declaration: arguments, condition and limits, without its name, severity and line. Checks of data have it. */
  readonly declared?: string
  /** One sentence for a person, with the figures in it. */
  readonly message: string
  /** Breaking rows that stay out of snapshots because of it; absent where none does. */
  readonly quarantined?: number
  /** At most 20 breaking rows, lowest row first. */
  readonly sample?: readonly Readonly<Record<string, Json>>[]
  /** Most frequent breaking values with their counts, at most 10. */
  readonly distinctBad?: readonly { readonly value: Json; readonly count: number }[]
  /** Where all breaking rows are kept. */
  readonly failuresUri?: string
  readonly durationMs?: number
  /** Why it could not be evaluated; set exactly when the status is `error`. */
  readonly error?: string
  /** Where it is declared: `millrace.config.ts:12`. */
  readonly location?: { readonly file: string; readonly line: number }
}

/** All rules of one evaluation. */
export interface Report {
  readonly id: string
  readonly kind: 'validation' | 'scaler' | 'model' | 'drift' | 'canary' | 'export'
  readonly subject: string
  /** The run it was made in; reports of live traffic and of commands outside a run have none. */
  readonly runId?: string
  readonly at: Micros
  readonly status: Status
  readonly checks: readonly CheckResult[]
  /**
   * Digests of what was looked at and of what came out (`data`, `quarantine`, `model`, …); `part` in words where it was not
   * the whole, and `file` where it was one that is to join.
   */
  readonly evidence: Readonly<Record<string, Json>>
}

/** What part of its subject a report looked at, in words; undefined where it is the whole. */
export function partOf({ evidence: { part, file, source } }: Pick<Report, 'evidence'>): string | undefined {
  if (typeof part === 'string') return part
  return file === undefined ? undefined : `file ${String(source)}`
}

const grouped = (rows: number): string => rows.toLocaleString('en-US')

/** Most checks that the sentence about rows in quarantine names, and most places of lines. */
const maxNamed = 5
const maxPlaces = 3

/**
 * What is to be known of failing rows and lines: which stay out of snapshots, also where that is tolerated, and why rows could not be
 * kept; undefined where there is nothing: `5,634 of 336,776 rows stay out of snapshots: 5,634 by carrier in 10 values`.
 */
export function quarantineSentence(report: Report): string | undefined {
  const told = [leftOut(report), brokenLines(report), unkeptSentence(report)].filter(one => one !== undefined)
  return told.length === 0 ? undefined : told.join('. ')
}

/** Why failing rows were not kept; undefined where they were, or where none failed. */
export function unkeptSentence({ evidence: { quarantineUnkept } }: Pick<Report, 'evidence'>): string | undefined {
  return typeof quarantineUnkept === 'string'
    ? `Failing rows could not be kept, because ${quarantineUnkept.charAt(0).toLowerCase()}${quarantineUnkept.slice(1)}`
    : undefined
}

function leftOut({ checks, evidence: { rows, quarantined } }: Report): string | undefined {
  if (typeof quarantined !== 'number' || quarantined === 0) return undefined
  const by = checks.filter(check => check.quarantined).sort((a, b) => Number(b.quarantined) - Number(a.quarantined))
  const named = by.slice(0, maxNamed).map(check => `${grouped(Number(check.quarantined))} by ${nameOf(check)}`)
  if (by.length > named.length) named.push(`${by.length - named.length} more checks`)
  const all = typeof rows === 'number' ? `${grouped(quarantined)} of ${grouped(rows)}` : grouped(quarantined)
  return `${all} ${quarantined === 1 && rows === undefined ? 'row stays' : 'rows stay'} out of snapshots${named.length === 0 ? '' : `: ${named.join(', ')}`}`
}

/** Lines of text that are no rows: nothing of them can be kept, whatever is tolerated. */
function brokenLines({ checks }: Report): string | undefined {
  const found = checks.find(check => check.kind === 'wholeLines' && check.bad > 0)
  if (!found) return undefined
  const { bad, sample = [] } = found
  const places = sample
    .slice(0, maxPlaces)
    .map(({ file, line }) => (file === undefined ? `line ${line}` : `${file}:${line}`))
  const more = bad > places.length ? ', …' : ''
  return `${grouped(bad)} ${bad === 1 ? 'line is no row and is' : 'lines are no rows and are'} left out${places.length === 0 ? '' : `: ${places.join(', ')}${more}`}`
}

/** A check in few words: its id where somebody gave one, else its columns and kind. */
function nameOf({ id, kind, target }: CheckResult): string {
  const columns = target.columns?.join(', ') ?? ''
  return id.startsWith(`${kind}-`) || columns === '' ? `${columns} ${kind}`.trim() : id
}

/** What a check means for the whole; `info` is one that did not hold and only tells. */
export type Outcome = Status | 'info'

/** A failed check of severity `warning` is a warning, one of `info` tells; an error counts as critical whatever its severity. */
export function outcomeOf({ status, severity }: Pick<CheckResult, 'status' | 'severity'>): Outcome {
  if (status !== 'fail' && status !== 'warn') return status
  if (severity === 'info') return 'info'
  return severity === 'warning' ? 'warn' : status
}

const rank: Record<Status, number> = { skipped: 0, pass: 1, warn: 2, fail: 3, error: 4 }

/** The worst of the checks, each by its outcome: what only tells leaves the whole a pass. */
export function overallStatus(checks: readonly CheckResult[]): Status {
  let worst: Status = 'pass'
  for (const check of checks) {
    const outcome = outcomeOf(check)
    const status = outcome === 'info' ? 'pass' : outcome
    if (rank[status] > rank[worst]) worst = status
  }
  return worst
}

/** Where the definition API lies: among the sources, and in the package that is built of them. */
const ownFolders = ['.', '../bundle/'].map(path => decodeURIComponent(new URL(path, import.meta.url).pathname))

/** Where the user's declaration stands, for annotations on its line: the first frame outside the definition API itself. */
export function declarationSite(stack: string | undefined): { file: string; line: number } | undefined {
  for (const line of (stack ?? '').split('\n').slice(1)) {
    const match = /(?:\(|at )(?:file:\/\/)?([^()\s]+?):(\d+):\d+\)?$/.exec(line.trim())
    const file = match?.[1]
    if (!file || file.startsWith('node:') || file.includes('/node_modules/')) continue
    const isOwn = ownFolders.some(folder => file.startsWith(folder)) && !file.endsWith('.test.ts')
    if (!isOwn) return { file, line: Number(match[2]) }
  }
  return undefined
}
