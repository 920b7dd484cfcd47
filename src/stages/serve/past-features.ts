import type { Dataset } from '../../define/dataset.ts'
import type { FeatureView } from '../../define/features.ts'
import { fail, isMillraceError } from '../../errors/index.ts'
import type { Digest } from '../../internal/digest.ts'
import { ulid } from '../../internal/ids.ts'
import { formatTime } from '../../internal/time.ts'
import type { DataEngine, Row } from '../../ports/data-engine.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import { columnOfValues } from '../log/column.ts'
import { emptyRows, withLog, type DatasetRows } from '../log/dataset-rows.ts'
import { loadLog, type LogTable } from '../log/log-table.ts'
import type { StageServices } from '../services.ts'
import { datasetStepName } from '../pipeline/validation.ts'
import { snapshotOfVersion } from '../register/version-parts.ts'
import type { ViewPlan } from '../features/channels.ts'
import { viewOfRole } from '../../define/features.ts'
import { snapshotSql } from '../features/frame.ts'
import { materialisationNamed, materialisationOf } from '../features/materialisations.ts'
import { offlineFeatures, type FeatureValues } from '../features/offline.ts'

/** An entity at a moment. */
export interface EntityMoment {
  /** Has the key columns. */
  readonly row: Row
  /** Microseconds. */
  readonly at: number
}

/** The snapshot that a view was last materialised from; else what a version that reads it was made from; else the newest. */
export async function snapshotOfView(
  services: Pick<StageServices, 'store' | 'project'>,
  view: FeatureView,
  reader?: ModelVersion,
): Promise<Digest | undefined> {
  const { store, project } = services
  const { name, from } = view
  const done = (await materialisationOf(services, view)) ?? (await materialisationNamed(services, name))
  if (done) return done.snapshot
  const model = [...project.models.values()].find(one => one.views.some(used => viewOfRole(used).name === name))
  const [newest] = model ? await store.listModelVersions(model.name) : []
  const own = snapshotOfVersion(reader ?? newest, from.name)
  if (own) return own
  const [made] = await store.stepHistory(datasetStepName(from), 1)
  return made?.outputs?.data?.digest
}

/** The rows that a view's features are computed from: its snapshot, and the log over it. */
export async function rowsOfView(
  services: Pick<StageServices, 'store' | 'project' | 'artifacts'>,
  engine: DataEngine,
  view: FeatureView,
  log: LogTable | undefined,
  reader?: ModelVersion,
): Promise<DatasetRows> {
  const digest = await snapshotOfView(services, viewOfRole(view), reader)
  const snapshot =
    digest === undefined
      ? emptyRows(view.from, engine.dialect)
      : await snapshotSql(engine, await services.artifacts.localPath(digest))
  return withLog(engine, view.from, snapshot, log?.sql)
}

/**
 * Features at moments that the online store does not reach back to, from snapshot and log, as training computes them. One such
 * computation at a time: it is for replays and late requests, and must not take the machine from the others.
 */
export class PastFeatures {
  readonly #services: StageServices
  #last: Promise<unknown> = Promise.resolve()

  constructor(services: StageServices) {
    this.#services = services
  }

  /** By feature, in the order of `asked`; NaN for null. Throws `featuresUncovered` where what it needs is lost. */
  of(plan: ViewPlan, asked: readonly EntityMoment[]): Promise<readonly FeatureValues[]> {
    const made = this.#last.then(() => this.#compute(plan, asked))
    this.#last = made.catch(() => undefined)
    return made
  }

  async #compute(plan: ViewPlan, asked: readonly EntityMoment[]): Promise<readonly FeatureValues[]> {
    const { view } = plan
    const engine = await this.#services.engine()
    let log: LogTable | undefined
    try {
      log = await loadLog(this.#services, engine, view.from)
      const rows = await rowsOfView(this.#services, engine, view, log)
      const labels = await askedTable(engine, plan, asked)
      const features = await offlineFeatures(engine, plan, rows, `SELECT * FROM ${labels}`, asked.length)
      await engine.execute(`DROP TABLE IF EXISTS ${labels}`)
      return plan.features.map(({ name }) => features.get(`${view.name}.${name}`) as FeatureValues)
    } catch (error) {
      if (!isMillraceError(error)) throw error
      const at = formatTime(Math.min(...asked.map(one => one.at)))
      throw fail('featuresUncovered', { view: view.name, at, reason: error.message }, error)
    } finally {
      await log?.drop()
    }
  }
}

/** A table of the keys and moments that are asked for; one without a key matches nothing. */
async function askedTable(engine: DataEngine, plan: ViewPlan, asked: readonly EntityMoment[]): Promise<string> {
  const relation = await engine.load(`asked_${ulid()}`, [
    ...plan.asks.map(({ key: name }) =>
      columnOfValues(
        name,
        plan.view.entity.keys[name]?.type ?? 'text',
        asked.map(({ row }) => row[name] ?? null),
      ),
    ),
    columnOfValues(
      'millrace_ordinal',
      'int',
      asked.map((_, i) => i),
    ),
    columnOfValues(
      'millrace_at',
      'float',
      asked.map(one => one.at),
    ),
  ])
  return relation.sql
}

/** The row of that key in the newest snapshot of a dataset; undefined where there is none. */
export async function rowOfFile(services: StageServices, dataset: Dataset, key: Row): Promise<Row | undefined> {
  const [made] = await services.store.stepHistory(datasetStepName(dataset), 1)
  const digest = made?.outputs?.data?.digest
  if (digest === undefined) return undefined
  const engine = await services.engine()
  const { dialect } = engine
  const is = dataset.key.map(name => {
    const type = dataset.columns[name]?.type ?? 'text'
    return `${dialect.cast(dialect.identifier(name), type)} = ${dialect.literal(key[name] ?? null, type)}`
  })
  const names = Object.entries(dataset.columns).map(
    ([name, { type }]) => `${dialect.cast(dialect.identifier(name), type)} AS ${dialect.identifier(name)}`,
  )
  const snapshot = await snapshotSql(engine, await services.artifacts.localPath(digest))
  const [row] = await engine.rows(`SELECT ${names.join(', ')} FROM (${snapshot}) WHERE ${is.join(' AND ')} LIMIT 1`)
  return row
}
