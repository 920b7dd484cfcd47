import type { Dataset } from '../../define/dataset.ts'
import type { Decision } from '../../define/decision.ts'
import { kinds, ofEachRow } from '../../define/expectation/index.ts'
import type { Kind } from '../../define/expectation/kind.ts'
import type { ExpectationSpec } from '../../define/expectation/spec.ts'
import { overallStatus, type CheckResult, type Report } from '../../define/report.ts'
import { fail, isMillraceError } from '../../errors/index.ts'
import { ulid } from '../../internal/ids.ts'
import { rowColumn, rowsOfFile } from '../../ports/data-engine.ts'
import { gate } from '../pipeline/gate.ts'
import { keepFailuresIfAllowed } from '../pipeline/keep-failures.ts'
import type { StageServices } from '../services.ts'
import { validationServices } from '../pipeline/validation.ts'
import type { SourceFile } from '../validate/files.ts'
import { sourceCheck } from '../validate/unreadable.ts'
import { validate, type Validation } from '../validate/validate.ts'
import { type BadRows, blamed, ownOf, stops } from './blame.ts'

export interface FileVerdict {
  readonly report: Report
  readonly decision: Decision
  readonly rows: number
  readonly quarantined: number
}

/** Whether a rule is answered by a file alone: by its columns, or by each of its rows for itself. */
function ofFileAlone(spec: ExpectationSpec): boolean {
  const needs = (kinds.get(spec.kind) as Kind as unknown as Kind<unknown>).needs(spec)
  return ofEachRow(spec) || (!needs.metrics && !needs.rows && !needs.reference)
}

/** What was not asked, because the file does not even hold for itself. */
function unasked(spec: ExpectationSpec, dataset: Dataset): CheckResult {
  return {
    id: spec.id,
    kind: spec.kind,
    target: { dataset: dataset.name, columns: spec.columns },
    severity: spec.severity,
    status: 'skipped',
    observed: {},
    evaluated: 0,
    bad: 0,
    threshold: '',
    message: `${spec.says}: not looked at, for the file is refused already`,
    ...(spec.site ? { location: spec.site } : {}),
  }
}

/** The report of a file that is not of the declared format, or not whole. */
function unreadable(services: StageServices, dataset: Dataset, file: SourceFile, reason: string): Report {
  const message = file.size === 0 ? 'it is empty' : `it cannot be read: ${reason}`
  const check = sourceCheck(dataset, { threshold: '', message, error: reason })
  return {
    id: ulid(),
    kind: 'validation',
    subject: dataset.name,
    at: services.clock.now(),
    status: 'error',
    checks: [check],
    evidence: { source: file.name, file: file.digest },
  }
}

/** Rows of one file that break checks, by its place among those that were validated. */
async function badRowsOf(services: StageServices, { split }: Validation, file: number): Promise<BadRows[]> {
  if (!split.bad) return []
  const engine = await services.engine()
  const row = engine.dialect.identifier(rowColumn)
  const combinations = await engine.rows(
    `SELECT CAST(to_json(millrace_checks) AS VARCHAR) AS checks, millrace_accepted AS accepted, count(*) AS n FROM (${split.bad}) WHERE ${row} >= ${file * rowsOfFile} GROUP BY 1, 2`,
  )
  return combinations.map(one => ({
    checks: JSON.parse(String(one.checks)) as readonly string[],
    accepted: one.accepted === true,
    rows: Number(one.n),
  }))
}

/**
 * Judges a file that is to join a dataset. What rows answer for themselves is asked of the file alone, so that no share is
 * thinned by what is there already; everything else (keys, counts, distributions, other datasets) of the dataset as it
 * would be with it. Failing rows are kept.
 */
export async function judge(
  services: StageServices,
  dataset: Dataset,
  file: SourceFile,
  present: readonly SourceFile[],
): Promise<FileVerdict> {
  try {
    if (file.size === 0) throw fail('sourceUnreadable', { source: file.name, reason: 'it is empty' })
    return await judgeReadable(services, dataset, file, present)
  } catch (error) {
    if (!isMillraceError(error) || error.code !== 'MR2002') throw error
    const report = unreadable(
      services,
      dataset,
      file,
      String(error.details.reason ?? error.message).replaceAll(file.path, file.name),
    )
    const decision = gate(report, dataset, { rows: 0, quarantined: 0, failed: 0 }, services.clock.now())
    return { report, decision: { ...decision, evidence: [...decision.evidence, file.digest] }, rows: 0, quarantined: 0 }
  }
}

async function judgeReadable(
  services: StageServices,
  dataset: Dataset,
  file: SourceFile,
  present: readonly SourceFile[],
): Promise<FileVerdict> {
  const validating = await validationServices(services, dataset)
  const results = new Map<string, CheckResult>()
  let quarantined = 0
  let failed = 0
  let rows = 0
  let alone: Report | undefined
  let unkept: string | undefined
  const ask = async (asked: readonly ExpectationSpec[], files: readonly SourceFile[], place: string) => {
    const validation = await validate(validating, { ...dataset, expectations: asked }, { files })
    try {
      const own = ownOf(await badRowsOf(services, validation, files.length - 1), validation.report.checks)
      quarantined += own.quarantined
      failed += own.failed
      if (files.length === 1) rows = validation.rows
      const kept = validation.failing
        ? await keepFailuresIfAllowed(services, dataset, validation.failing.sql, `${dataset.name}-${place}`)
        : undefined
      if (kept && 'unkept' in kept) unkept = kept.unkept
      for (const check of validation.report.checks) {
        const isOfRows = validation.failing?.checks.has(check.id) === true
        const its = isOfRows ? blamed(check, own) : check
        results.set(
          check.id,
          kept && 'file' in kept && isOfRows && its === check ? { ...check, failuresUri: kept.file } : its,
        )
      }
      return validation.report
    } finally {
      await validation.release()
    }
  }
  const short = file.digest.slice(7, 19)
  alone = await ask(dataset.expectations.filter(ofFileAlone), [file], short)
  const others = dataset.expectations.filter(spec => !ofFileAlone(spec))
  const whole = dataset.expectations.filter(spec => spec.limits === undefined)
  const hopeless = whole.some(spec => {
    const check = results.get(spec.id)
    return check !== undefined && stops(check)
  })
  if (hopeless) for (const spec of others) results.set(spec.id, unasked(spec, dataset))
  else if (others.length > 0) await ask(others, [...present, file], `${short}-together`)
  const checks = dataset.expectations.map(spec => results.get(spec.id) as CheckResult)
  // a row may break checks of both kinds
  const counts = { rows, quarantined: Math.min(quarantined, rows), failed: Math.min(failed, rows) }
  const report: Report = {
    ...alone,
    status: overallStatus(checks),
    checks,
    evidence: {
      ...alone.evidence,
      source: file.name,
      file: file.digest,
      joins: present.length,
      rows,
      quarantined: counts.quarantined,
      ...(unkept === undefined ? {} : { quarantineUnkept: unkept }),
    },
  }
  const decision = gate(report, dataset, counts, services.clock.now())
  return {
    report,
    decision: { ...decision, evidence: [...decision.evidence, file.digest] },
    rows,
    quarantined: counts.quarantined,
  }
}
