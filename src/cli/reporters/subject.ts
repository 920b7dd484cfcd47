import { isAbsolute, posix, relative, sep } from 'node:path'
import { outcomeOf, type CheckResult, type Outcome, type Report } from '../../define/report.ts'
import type { ModelFigures } from '../../stages/evaluate/figures/index.ts'
import type { Comparison } from '../../stages/validate/compare.ts'
import { digestJson } from '../../internal/digest.ts'
import type { ColumnDistribution } from '../../stages/validate/distribution.ts'

export { outcomeOf, type Outcome } from '../../define/report.ts'

export interface RenderOptions {
  /** Project folder; paths are shown relative to it. Default: the working folder. */
  readonly root?: string
  /** That folder from the repository's root, with forward slashes: CI systems name files from there. Default: the root itself. */
  readonly folder?: string
  /** Colours, for a terminal. Default: none. */
  readonly color?: boolean
  /** Every check, not only those that did not pass (terminal). Default: false. */
  readonly verbose?: boolean
  /** How the columns of a report's dataset are spread, by the report's id (HTML). */
  readonly distributions?: ReadonlyMap<string, readonly ColumnDistribution[]>
  /** What a tested model is drawn by, by the report's id (HTML). */
  readonly figures?: ReadonlyMap<string, ModelFigures>
  /** What became of a report's checks since an earlier one, by the report's id (terminal, JSON, Markdown). */
  readonly comparisons?: ReadonlyMap<string, Comparison>
  /** Version of Millrace that speaks (SARIF). */
  readonly version?: string
}

const rank: Record<Outcome, number> = { error: 0, fail: 1, warn: 2, info: 3, skipped: 4, pass: 5 }

/** What other checks cannot be evaluated for stands before them. */
const placeInList = (check: CheckResult): number =>
  check.kind === 'schema' && outcomeOf(check) === 'fail' ? -1 : rank[outcomeOf(check)]

/** Checks with the worst first, otherwise in their order. */
export function worstFirst(checks: readonly CheckResult[]): readonly CheckResult[] {
  return [...checks].sort((a, b) => placeInList(a) - placeInList(b))
}

/** `delay between`, `auc metric`, `origin=SFO slices`: what a check is about, short. */
export function titleOf({ kind, id, target }: CheckResult): string {
  const about = [target.columns?.join(', '), target.slice].filter(Boolean).join(' in ')
  return about === '' ? (id.startsWith(kind) ? kind : `${kind} ${id}`) : `${about} ${kind}`
}

/** `validation of flights`. */
export function headingOf(report: Report): string {
  return `${report.kind} of ${report.subject}`
}

/** A path below the root with forward slashes, or undefined for one outside. */
export function relativePath(file: string, root: string = process.cwd()): string | undefined {
  const path = isAbsolute(file) ? relative(root, file) : file
  if (path.startsWith('..') || isAbsolute(path)) return undefined
  return path.split(sep).join('/')
}

/** `millrace.config.ts:12`, where the declaration is known and ours to show. */
export function placeOf({ location }: CheckResult, root?: string): string | undefined {
  const path = location && relativePath(location.file, root)
  return path === undefined ? undefined : `${path}:${location?.line}`
}

/** Where a check is declared, as CI systems name files: from the repository's root. */
export function repositoryPlaceOf(
  { location }: CheckResult,
  { root, folder = '' }: RenderOptions,
): { readonly file: string; readonly line: number } | undefined {
  const path = location && relativePath(location.file, root)
  return path === undefined
    ? undefined
    : { file: [folder, path].filter(Boolean).join('/'), line: Math.max(1, location?.line ?? 1) }
}

/** That place in words: `ml/flights/millrace.config.ts:12`. */
export function repositoryPlaceText(check: CheckResult, options: RenderOptions): string | undefined {
  const place = repositoryPlaceOf(check, options)
  return place && `${place.file}:${place.line}`
}

/** The same, or the project file's beginning: viewers refuse a finding without a place. */
export function findingPlaceOf(
  check: CheckResult,
  options: RenderOptions,
): { readonly file: string; readonly line: number } {
  const place = repositoryPlaceOf(check, options)
  return place ?? { file: [options.folder, 'millrace.config.ts'].filter(Boolean).join('/'), line: 1 }
}

/** The same check of the same subject is the same finding in every run, wherever its line moves to. */
export function fingerprintOf({ kind, subject }: Report, { id }: CheckResult): string {
  return digestJson([kind, subject, id]).slice(7, 39)
}

type SampleRow = NonNullable<CheckResult['sample']>[number]

/** `data/orders.csv:5`, where a row of a sample came from, if its line is known; named from the folder above `folder`. */
export function sourceOf(row: SampleRow, folder = ''): string | undefined {
  const file = row['millrace_file'] ?? row['file']
  const line = row['millrace_line'] ?? row['line']
  if (typeof file !== 'string' || typeof line !== 'number') return undefined
  return `${isAbsolute(file) ? file : posix.join(folder, file)}:${line}`
}

/** The first places that a check's sample came from, in words; undefined where no line is known. */
export function sourcesOf({ sample = [], bad }: CheckResult, most: number, folder = ''): string | undefined {
  const places = sample.slice(0, most).flatMap(row => sourceOf(row, folder) ?? [])
  if (places.length === 0) return undefined
  return `${places.join(', ')}${bad > places.length ? ', …' : ''}`
}

/** A row of a sample without what says where it came from. */
export function valuesOf(row: SampleRow): SampleRow {
  if (sourceOf(row) === undefined) return row
  const { millrace_row: _, millrace_file: __, millrace_line: ___, file: ____, line: _____, ...values } = row
  return values
}

/** `bad 11, badShare 0.0002`, with the figures as they were measured. */
export function observedText(check: CheckResult): string {
  return Object.entries(check.observed)
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(', ')
}

/** Text from data is shown, never obeyed: no escape sequence and no line break of it reaches a terminal or a log. */
export function shown(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, found =>
    found === '\n' ? ' ' : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

export function countOf(reports: readonly Report[], ...outcomes: readonly Outcome[]): number {
  let count = 0
  for (const { checks } of reports) for (const check of checks) if (outcomes.includes(outcomeOf(check))) count++
  return count
}
