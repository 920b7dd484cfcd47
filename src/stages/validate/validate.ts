import { personalColumns, type Dataset } from '../../define/dataset.ts'
import { kinds } from '../../define/expectation/index.ts'
import { readableCells } from '../../define/expectation/kinds/readable.ts'
import type { FoundSchema, Kind, Verdict, VerdictContext } from '../../define/expectation/kind.ts'
import type { ExpectationSpec } from '../../define/expectation/spec.ts'
import { staysOut } from '../../define/expectation/quarantine.ts'
import { columnsOf } from '../../define/expression/node.ts'
import { overallStatus, type CheckResult, type Report } from '../../define/report.ts'
import type { Source } from '../../define/source.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { digestJson } from '../../internal/digest.ts'
import { ulid } from '../../internal/ids.ts'
import { distributions, type ColumnDistribution } from './distribution.ts'
import { ExpectationRun } from './expectation-run.ts'
import type { Measurer, TakenStep } from './measurer.ts'
import { measurerOf, openUnread, References, type GivenSource, type ValidateServices } from './source.ts'
import { split, withNumbers, withOrigin, type FailingRows, type RowLevel, type Split } from './quarantine.ts'
import { withSamples } from './samples.ts'
import { requireEngineCan } from './require-engine-can.ts'
import type { FoundDataset } from './relation.ts'
import type { RuleContext } from './rules/index.ts'
import { SharedKeys } from './rules/shared-keys.ts'

export type { GivenSource, ValidateServices } from './source.ts'

export interface Validation {
  readonly report: Report
  readonly found: FoundDataset
  readonly rows: number
  /** Good and bad rows; readable until `release`, the good ones of a table that answered in its database after `ready`. */
  readonly split: Split
  /** The failing rows for keeping: with the file and the place in it that each came from. */
  readonly failing: FailingRows | undefined
  /** How the values of each column are spread; to be asked for before `release`. */
  distributions(): Promise<ColumnDistribution[]>
  /** Rows of the source that were repaired and are judged as they are now. */
  readonly repaired: number
  /** What was done to find out, in order. */
  readonly steps: readonly TakenStep[]
  /** Has the rows read, where none was needed to judge them; why, for the plan. */
  ready(because: string): Promise<void>
  /** Holds the files to what they were, after more was read of them. Throws `sourceChanged`. */
  unchanged(): Promise<void>
  release(): Promise<void>
}

function schemaOf(found: FoundDataset, files: readonly string[] | undefined, rows: number): FoundSchema {
  return {
    present: found.present,
    declared: Object.entries(found.dataset.columns).map(([name, spec]) => ({
      name,
      type: spec.type,
      nullable: spec.nullable,
    })),
    missing: found.missing,
    mismatched: found.mismatched,
    lines: (found.source.text?.unreadable ?? []).map(({ file, line, reason, text }) => ({
      line,
      reason,
      // nobody knows which column a part of it belongs to
      text: personalColumns(found.dataset).size > 0 ? '•••' : text,
      ...(files?.[file] === undefined ? {} : { file: files[file] }),
    })),
    broken: found.source.text?.broken ?? 0,
    ...headerDelimiter(found.dataset.source),
    rows,
  }
}

/** What parts the names of a header, where there is one. */
function headerDelimiter(source: Source): { readonly delimiter: string } | undefined {
  return source.kind === 'csv' && source.header !== false ? { delimiter: source.delimiter ?? ',' } : undefined
}

/** Figures that earlier evaluations of a check observed; those that failed are no precedent. */
function historyOf(reports: readonly Report[], id: string, name: string): number[] {
  return reports.flatMap(report => {
    const check = report.checks.find(one => one.id === id)
    const value = check?.observed[name]
    return check && check.status !== 'fail' && check.status !== 'error' && typeof value === 'number' ? [value] : []
  })
}

/** Personal values that a verdict names, masked. */
function masked(spec: ExpectationSpec, dataset: Dataset, verdict: Verdict): Verdict {
  const personal = personalColumns(dataset)
  if (!spec.columns.some(name => personal.has(name))) return verdict
  let { message } = verdict
  const mask = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(mask)
    if (typeof value !== 'string') return value
    message = message.replaceAll(value, '•••')
    return '•••'
  }
  const observed = Object.fromEntries(Object.entries(verdict.observed).map(([name, value]) => [name, mask(value)]))
  return { ...verdict, observed, message }
}

/** Digest of what is asked, whatever it is called, how grave it is, and where it stands. */
function declared({ id: _id, severity: _severity, site: _site, says: _says, ...asked }: ExpectationSpec): string {
  return digestJson(asked as unknown as Json)
}

function result(spec: ExpectationSpec, dataset: Dataset, verdict: Verdict, approximate?: string): CheckResult {
  return {
    id: spec.id,
    kind: spec.kind,
    target: { dataset: dataset.name, columns: spec.columns },
    severity: spec.severity,
    declared: declared(spec),
    ...masked(spec, dataset, verdict),
    ...(approximate ? { approximate } : {}),
    ...(spec.site ? { location: spec.site } : {}),
  }
}

function withQuarantined(check: CheckResult, { quarantinedBy }: Split): CheckResult {
  const rows = quarantinedBy.get(check.id)
  return rows === undefined || rows === 0 ? check : { ...check, quarantined: rows }
}

function failed(spec: ExpectationSpec, dataset: Dataset, reason: string): CheckResult {
  return {
    ...result(spec, dataset, {
      status: 'error',
      observed: {},
      evaluated: 0,
      bad: 0,
      threshold: '',
      message: `${spec.says}: could not be evaluated, ${reason}`,
    }),
    error: reason,
  }
}

const extraStep = { metrics: [], estimateMs: 0, remembered: 0, because: 'only rows themselves can tell' } as const

/** Why a column cannot be looked at. */
function unusable(spec: ExpectationSpec, found: FoundDataset): string | undefined {
  const named = spec.when ? [...spec.columns, ...columnsOf(spec.when)] : spec.columns
  const absent = named.find(column => !found.usable.has(column))
  if (absent === undefined) return undefined
  return found.missing.includes(absent) ? `column '${absent}' is missing` : `column '${absent}' has another type`
}

/**
 * What nobody declared and every column of a source with types answers whose type need not fit: whether all of its cells do.
 * It is told where one does not; of text it stands by itself in the declaration.
 */
function readableOfChecked({ dataset, checked }: FoundDataset): ExpectationSpec[] {
  const asked = new Set(dataset.expectations.flatMap(one => (one.kind === 'readable' ? one.columns : [])))
  const ids = new Set(dataset.expectations.map(one => one.id))
  return [...checked].flatMap(name => {
    const type = dataset.columns[name]?.type
    if (type === undefined || asked.has(name)) return []
    const id = ids.has(`${name}-readable`) ? `${name}-readable-in-source` : `${name}-readable`
    // nobody asked for it: over no rows there is nothing to tell
    return [readableCells({ op: 'column', name, type }, { id, onEmpty: 'pass' }).expectation]
  })
}

/** Takes the measures of all expectations, stage by stage, so that each stage is one plan. */
async function measureAll(runs: readonly ExpectationRun[], measurer: Measurer, references: References): Promise<void> {
  for (let open = runs.filter(run => run.more); open.length > 0; open = open.filter(run => run.more)) {
    const own = []
    const theirs = new Map<Measurer, Parameters<Measurer['take']>[0][number][]>()
    for (const run of open) {
      const before = run.from ? await references.open(run.from) : undefined
      const asked = run.next(measurer, before?.measurer)
      own.push(...asked.own)
      const other = asked.reference ? await references.open(asked.reference.from) : undefined
      if (other && asked.reference)
        theirs.set(other.measurer, [...(theirs.get(other.measurer) ?? []), ...asked.reference.metrics])
    }
    const looking = open.find(run => run.looksForItself)
    if (looking) await measurer.ready(`"${looking.spec.says}" is for them to tell`)
    await measurer.take(own)
    for (const [other, metrics] of theirs) await other.take(metrics)
    for (const run of open)
      run.checkFailures(measurer, run.from ? (await references.open(run.from))?.measurer : undefined)
  }
}

/**
 * Evaluates every expectation of a dataset: what file metadata states costs nothing, columns with few values are counted
 * once, one fused scan answers the rest, and only the rows of checks that failed are looked at again. Nothing is changed in
 * the source, and nothing of it is copied but failing rows.
 */
export async function validate(services: ValidateServices, dataset: Dataset, given?: GivenSource): Promise<Validation> {
  const { engine, clock } = services
  const started = clock.elapsed()
  requireEngineCan(engine, dataset)
  const opened = await openUnread(services, dataset, given)
  const { source, found, release: close } = opened
  const measurer = measurerOf(services, opened)
  const references = new References(services, dataset)
  const badTable = engine.dialect.identifier(`quarantined_${ulid()}`)
  const tables = [badTable]
  let shared: SharedKeys | undefined
  const release = async () => {
    for (const table of [...tables, ...(shared?.tables ?? [])]) await engine.execute(`DROP TABLE IF EXISTS ${table}`)
    await references.release()
    await close()
  }
  try {
    const unasked = readableOfChecked(found)
    const runs = [...dataset.expectations, ...unasked].map(spec => {
      const run = new ExpectationRun(spec, kinds.get(spec.kind) as Kind, dataset.columns)
      run.error = unusable(spec, found)
      return run
    })
    await measureAll(runs, measurer, references)
    const rows = await measurer.rows()
    const keys = new SharedKeys(
      engine,
      found,
      runs.flatMap(({ spec, keyRule }) => (keyRule ? [[spec, keyRule] as const] : [])),
      sets => measurer.different(sets),
    )
    shared = keys
    const context: RuleContext = {
      engine,
      keys,
      dataset,
      found,
      reference: async reference =>
        (await references.open(reference))?.rows('rows of another dataset are matched with them'),
      measure: metric => measurer.measure(metric),
      memory: measurer.rules,
      userCode: services.userCode,
    }
    const lookBack = runs.some(run => run.kind.looksBack === true)
    const history = lookBack ? ((await services.history?.()) ?? []) : []
    const steps: TakenStep[] = measurer.steps
    const checks: CheckResult[] = []
    const failing: RowLevel[] = []
    const schema = schemaOf(found, source.files, rows)
    for (const run of runs) {
      const { spec, kind } = run
      const verdicts: VerdictContext = {
        now: clock.now(),
        schema,
        history: name => historyOf(history, spec.id, name),
      }
      const reference = run.from ? (await references.open(run.from))?.measurer : undefined
      const began = clock.elapsed()
      const verdict = await run.judge(context, measurer, reference, verdicts)
      if (run.looksForItself)
        steps.push({
          ...extraStep,
          kind: 'rule',
          says: spec.says,
          remembered: run.outcome?.remembered ? (source.files?.length ?? 1) : 0,
          milliseconds: clock.elapsed() - began,
        })
      tables.push(...(run.outcome?.tables ?? []))
      if (run.outcome?.bad) {
        const failed = spec.severity === 'critical' && verdict?.status === 'fail'
        const { bad, condition, counts, numbers } = run.outcome
        const one = {
          spec,
          bad,
          rows: counts.bad,
          numbers,
          condition,
          failed,
          staysOut: staysOut(spec, dataset, failed),
        }
        // what a passing check tolerates is no failure, and is looked for only where it stays out all the same
        if (verdict?.status !== 'pass' || one.staysOut) {
          await run.outcome.locate?.()
          failing.push(await withNumbers(engine, found, one, tables))
        }
      }
      checks.push(
        verdict
          ? result(spec, dataset, verdict, kind.approximate)
          : failed(spec, dataset, run.error ?? 'unknown reason'),
      )
    }
    const told = checks.filter(({ id, status }) => status !== 'pass' || !unasked.some(spec => spec.id === id))
    if (failing[0]) await measurer.ready(`some break "${failing[0].spec.says}"`)
    const began = clock.elapsed()
    const parts = await split(engine, found, failing, badTable)
    const sampled = (parts.bad ? await withSamples(engine, measurer, found, told, failing, source.files) : told).map(
      check => withQuarantined(check, parts),
    )
    const unchanged = async () => {
      await source.unchanged?.()
      await references.unchanged()
    }
    await unchanged()
    await services.states?.save()
    if (parts.bad) steps.push({ ...extraStep, kind: 'failures', milliseconds: clock.elapsed() - began })
    const report: Report = {
      id: ulid(),
      kind: 'validation',
      subject: dataset.name,
      at: clock.now(),
      status: overallStatus(sampled),
      checks: sampled,
      evidence: {
        source: found.source.label,
        rows,
        failing: parts.failing,
        quarantined: parts.quarantined,
        milliseconds: Math.round(clock.elapsed() - started),
      },
    }
    return {
      report,
      found,
      rows,
      split: parts,
      repaired: opened.repaired?.rows ?? 0,
      failing:
        parts.bad === undefined
          ? undefined
          : withOrigin(engine, parts.bad, new Set(failing.map(one => one.spec.id)), found, source),
      steps,
      unchanged,
      ready: because => measurer.ready(because),
      release,
      distributions: () => distributions(measurer, dataset, found.usable),
    }
  } catch (error) {
    await release()
    throw error
  }
}
