import type { Dataset } from '../../define/dataset.ts'
import { kinds } from '../../define/expectation/index.ts'
import type { FoundSchema, Kind, Verdict, VerdictContext } from '../../define/expectation/kind.ts'
import type { Reference } from '../../define/expectation/rule.ts'
import type { ExpectationSpec } from '../../define/expectation/spec.ts'
import type { ColumnType } from '../../ports/data-engine.ts'
import { overallStatus, type CheckResult, type Report } from '../../define/report.ts'
import { canonicalJson } from '../../internal/canonical-json.ts'
import { ulid } from '../../internal/ids.ts'
import type { Clock } from '../../ports/clock.ts'
import type { DataEngine, Footer, Relation } from '../../ports/data-engine.ts'
import { ExpectationRun } from './expectation-run.ts'
import { listFiles } from './files.ts'
import type { Measurable } from './measure.ts'
import { Measurer, type TakenStep } from './measurer.ts'
import { split, withSamples, type RowLevel, type Split } from './quarantine.ts'
import { findDataset, type FoundDataset } from './relation.ts'
import type { RuleContext } from './rules/index.ts'

/** What validation works with. */
export interface ValidateServices {
  readonly engine: DataEngine
  readonly clock: Clock
  /** Folder that sources are relative to. */
  readonly root: string
  /** The script that runs users' functions, and the project that they are loaded from. */
  readonly userCode?: { readonly script: string; readonly root: string }
  /** Rows of snapshots and of training sets, with the dataset's columns; undefined where there is none. */
  readonly snapshot?: (reference: Exclude<Reference, { dataset: string }>) => Promise<Relation | undefined>
  /** Earlier reports of the dataset, oldest first. */
  readonly history?: readonly Report[]
}

export interface Validation {
  readonly report: Report
  readonly found: FoundDataset
  readonly rows: number
  /** Good and bad rows; readable until `release`. */
  readonly split: Split
  /** What was done to find out, in order. */
  readonly steps: readonly TakenStep[]
  release(): Promise<void>
}

interface Source {
  readonly relation: Relation
  readonly files: readonly string[] | undefined
  readonly footer: Footer | undefined
}

/** The files of the source, listed once so that rows keep their numbers through the whole validation. */
async function openSource({ engine, root }: ValidateServices, dataset: Dataset, given?: Relation): Promise<Source> {
  if (given) return { relation: given, files: undefined, footer: undefined }
  const listed = await listFiles(dataset, root)
  const files = listed.map(file => file.path)
  const relation = await engine.scan(dataset.source, root, files)
  const footer = dataset.source.kind === 'parquet' ? await engine.footer?.(files) : undefined
  return { relation, files: listed.map(file => file.name), footer }
}

const typesOf = (dataset: Dataset): ReadonlyMap<string, ColumnType> =>
  new Map(Object.entries(dataset.columns).map(([name, spec]) => [name, spec.type]))

/** Null counts of the footer are those of the file; a column whose texts stand for null has others. */
function usableFooter(dataset: Dataset, footer: Footer | undefined): Footer | undefined {
  if (!footer) return undefined
  const changed = (name: string) => {
    const spec = dataset.columns[name]
    return spec?.type === 'text' && (spec.treatAsNull ?? dataset.treatAsNull).length > 0
  }
  return { rows: footer.rows, nulls: new Map([...footer.nulls].filter(([name]) => !changed(name))) }
}

/** The relations that expectations compare with, each opened and measured once. */
class References {
  readonly #services: ValidateServices
  readonly #dataset: Dataset
  readonly #opened = new Map<string, Promise<{ sql: string; measurer: Measurer } | undefined>>()

  constructor(services: ValidateServices, dataset: Dataset) {
    this.#services = services
    this.#dataset = dataset
  }

  open(reference: Reference): Promise<{ sql: string; measurer: Measurer } | undefined> {
    const key = canonicalJson(reference)
    const known = this.#opened.get(key)
    if (known) return known
    const opening = this.#open(reference)
    this.#opened.set(key, opening)
    return opening
  }

  async #open(reference: Reference): Promise<{ sql: string; measurer: Measurer } | undefined> {
    const { engine, clock, root, snapshot } = this.#services
    const other = 'dataset' in reference ? this.#dataset.related.get(reference.dataset) : this.#dataset
    if (!other) return undefined
    const source =
      'dataset' in reference
        ? await openSource(this.#services, other)
        : { relation: await snapshot?.(reference), footer: undefined }
    if (!source.relation) return undefined
    const found = await findDataset(engine, other, root, source.relation)
    const footer = usableFooter(other, source.footer)
    const target: Measurable = {
      sql: found.sql,
      numbered: found.numbered,
      parts: 1,
      ...(footer ? { footer } : {}),
    }
    return { sql: found.sql, measurer: new Measurer(engine, clock, target, typesOf(other)) }
  }
}

function schemaOf(found: FoundDataset): FoundSchema {
  return {
    present: found.present,
    declared: Object.entries(found.dataset.columns).map(([name, spec]) => ({
      name,
      type: spec.type,
      nullable: spec.nullable,
    })),
    missing: found.missing,
    mismatched: found.mismatched,
  }
}

/** Figures that earlier evaluations of a check observed; those that failed are no precedent. */
function historyOf(reports: readonly Report[], id: string, name: string): number[] {
  return reports.flatMap(report => {
    const check = report.checks.find(one => one.id === id)
    const value = check?.observed[name]
    return check && check.status !== 'fail' && check.status !== 'error' && typeof value === 'number' ? [value] : []
  })
}

function result(spec: ExpectationSpec, dataset: Dataset, verdict: Verdict, approximate?: string): CheckResult {
  return {
    id: spec.id,
    kind: spec.kind,
    target: { dataset: dataset.name, columns: spec.columns },
    severity: spec.severity,
    ...verdict,
    ...(approximate ? { approximate } : {}),
    ...(spec.site ? { location: spec.site } : {}),
  }
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

/** Why a column cannot be looked at. */
function unusable(spec: ExpectationSpec, found: FoundDataset): string | undefined {
  const absent = spec.columns.find(column => !found.usable.has(column))
  if (absent === undefined) return undefined
  return found.missing.includes(absent) ? `column '${absent}' is missing` : `column '${absent}' has another type`
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
export async function validate(services: ValidateServices, dataset: Dataset, given?: Relation): Promise<Validation> {
  const { engine, clock, root } = services
  const started = clock.elapsed()
  const source = await openSource(services, dataset, given)
  const found = await findDataset(engine, dataset, root, source.relation)
  const footer = usableFooter(dataset, source.footer)
  const target: Measurable = {
    sql: found.sql,
    numbered: found.numbered,
    parts: source.files?.length ?? 1,
    ...(footer ? { footer } : {}),
  }
  const measurer = new Measurer(engine, clock, target, typesOf(dataset))
  const references = new References(services, dataset)
  const badTable = engine.dialect.identifier(`quarantined_${ulid()}`)
  const tables = [badTable]
  const release = async () => {
    for (const table of tables) await engine.execute(`DROP TABLE IF EXISTS ${table}`)
  }
  try {
    const runs = dataset.expectations.map(spec => {
      const run = new ExpectationRun(spec, kinds.get(spec.kind) as Kind)
      run.error = unusable(spec, found)
      return run
    })
    await measureAll(runs, measurer, references)
    const rows = await measurer.rows()
    const context: RuleContext = {
      engine,
      dataset,
      found,
      reference: async reference => (await references.open(reference))?.sql,
      measure: metric => measurer.measure(metric),
      userCode: services.userCode,
    }
    const checks: CheckResult[] = []
    const failing: RowLevel[] = []
    for (const run of runs) {
      const { spec } = run
      const verdicts: VerdictContext = {
        now: clock.now(),
        schema: schemaOf(found),
        history: name => historyOf(services.history ?? [], spec.id, name),
      }
      const reference = run.from ? (await references.open(run.from))?.measurer : undefined
      const verdict = await run.judge(context, measurer, reference, verdicts)
      if (run.outcome?.table) tables.push(run.outcome.table)
      if (run.outcome?.bad) failing.push({ spec, bad: run.outcome.bad })
      checks.push(
        verdict
          ? result(spec, dataset, verdict, kinds.get(spec.kind)?.approximate)
          : failed(spec, dataset, run.error ?? 'unknown reason'),
      )
    }
    const parts = await split(engine, found, failing, badTable)
    const sampled = parts.bad ? await withSamples(engine, found, checks, failing, parts.bad, source.files) : checks
    const report: Report = {
      id: ulid(),
      kind: 'validation',
      subject: dataset.name,
      at: clock.now(),
      status: overallStatus(sampled),
      checks: sampled,
      evidence: { source: found.source.label, rows, milliseconds: Math.round(clock.elapsed() - started) },
    }
    return { report, found, rows, split: parts, steps: measurer.steps, release }
  } catch (error) {
    await release()
    throw error
  }
}
