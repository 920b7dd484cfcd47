import type { Workspace } from '../config/workspace.ts'
import type { FeatureView } from '../define/features.ts'
import { fail } from '../errors/index.ts'
import type { Digest } from '../internal/digest.ts'
import { planView } from '../stages/features/channels.ts'
import { historicalFeatures, type HistoricalFeatures, type HistoricalSource } from '../stages/features/historical.ts'
import { openLabels, type LabelKind } from '../stages/features/labels.ts'
import { asked } from '../stages/features/asked.ts'
import { emptyRows, withLog } from '../stages/log/dataset-rows.ts'
import { loadLog, type LogTable } from '../stages/log/log-table.ts'
import { newestSnapshot, snapshotsOf } from './snapshots.ts'
import type { Listener } from './use-case.ts'
import { writeCsv } from './write-csv.ts'

export interface ExportInput {
  /** Names of views, and of models for the views that they read. */
  readonly of: readonly string[]
  /** `shown` is how the file is told (default: its path); `time` its column with the moments. */
  readonly labels: {
    readonly path: string
    readonly kind: LabelKind
    readonly shown?: string | undefined
    readonly time?: string | undefined
  }
  readonly out: { readonly path: string; readonly kind: LabelKind }
}

export interface ExportedFeatures {
  readonly rows: number
  /** Columns of features, as they stand in the file. */
  readonly features: readonly string[]
  /** What they were computed from: the same again gives the same file. */
  readonly from: readonly { readonly dataset: string; readonly snapshot: Digest | null; readonly log: number }[]
}

/** The views of those names, each once. Throws `notDefined`. */
export function viewsNamed({ project }: Pick<Workspace, 'project'>, names: readonly string[]): FeatureView[] {
  const found = new Set<FeatureView>()
  for (const name of names) {
    const view = project.views.get(name)
    const model = view ? undefined : project.models.get(name)
    if (!view && !model)
      throw fail('notDefined', {
        kind: 'feature view or model',
        name,
        known: [...project.views.keys(), ...project.models.keys()].join(', '),
      })
    if (model && model.views.length === 0)
      throw fail('notDefined', { kind: 'feature view of the model', name, known: [...project.views.keys()].join(', ') })
    for (const one of view ? [view] : (model?.views ?? [])) found.add(one)
  }
  return [...found]
}

/**
 * Features of views for a table of labels: each row sees what was known at its moment, as a training set made now has it, from the
 * newest snapshot and the log. Every row and column of the table is kept, in order.
 */
export async function exportFeatures(
  workspace: Workspace,
  { of, labels: file, out }: ExportInput,
  listener: Listener,
): Promise<ExportedFeatures> {
  const views = viewsNamed(workspace, of)
  const engine = await workspace.engine()
  const shown = file.shown ?? file.path
  listener.chapter('labels')
  const labels = await openLabels(engine, views, { ...file, shown, now: workspace.clock.now() })
  const logs: LogTable[] = []
  const from = new Map<string, ExportedFeatures['from'][number] & Pick<HistoricalSource, 'rows'>>()
  let made: HistoricalFeatures | undefined
  try {
    for (const { from: dataset } of views) {
      if (from.has(dataset.name)) continue
      const log = await loadLog(workspace, engine, dataset)
      if (log) logs.push(log)
      // What was only pushed is learnt from as well
      const isMade = (await snapshotsOf(workspace, dataset)).length > 0 || !log
      const snapshot = isMade ? await newestSnapshot(workspace, dataset) : undefined
      const sql = snapshot?.sql ?? emptyRows(dataset, engine.dialect)
      from.set(dataset.name, {
        dataset: dataset.name,
        snapshot: snapshot?.digest ?? null,
        log: log?.seq ?? 0,
        rows: await withLog(engine, dataset, sql, log?.sql),
      })
    }
    listener.chapter(`features of ${labels.rows.toLocaleString('en-US')} rows`)
    const sources = views.flatMap(view => {
      const read = from.get(view.from.name)
      return read ? [{ plan: planView(view), rows: read.rows }] : []
    })
    made = await historicalFeatures(engine, sources, labels, shown)
    if (out.kind === 'csv') await writeCsv(engine, `(${made.sql})`, out.path, asked.ordinal)
    else {
      const { identifier, vectorList } = engine.dialect
      const { vectors } = made
      const columns = made.columns.map(name =>
        vectors.has(name) ? `${vectorList(identifier(name))} AS ${identifier(name)}` : identifier(name),
      )
      await engine.writeParquet(`SELECT ${columns.join(', ')} FROM (${made.sql}) ORDER BY ${asked.ordinal}`, out.path)
    }
    return {
      rows: labels.rows,
      features: views.flatMap(view => Object.keys(view.features).map(name => `${view.name}.${name}`)),
      from: [...from.values()].map(({ rows: _rows, ...one }) => one),
    }
  } finally {
    await made?.drop()
    await labels.drop()
    for (const log of logs) await log.drop()
  }
}
