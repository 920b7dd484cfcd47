import { chmod, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { columnsOf } from '../../define/expression/index.ts'
import { inputsOfFeature, requestKeys } from '../../define/features.ts'
import type { Model } from '../../define/model.ts'
import type { StepContext } from '../../engine/index.ts'
import { isMillraceError } from '../../errors/index.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import type { ChampionScores } from '../evaluate/metric-tests.ts'
import { inClassesOf, scoreRows } from '../evaluate/subject.ts'
import { scoreOf } from '../../math/metrics/row-loss.ts'
import type { DatasetRows } from '../log/dataset-rows.ts'
import { buildFrame } from '../features/frame.ts'
import type { Spans } from '../features/spans.ts'
import type { ScalerArtifact } from '../scaler/index.ts'
import { readPart, versionName } from '../register/version-parts.ts'
import type { FrameRows } from '../../ports/trainer.ts'
import { readFrame } from '../train/read-frame.ts'
import type { StageServices } from '../services.ts'
import { datasetsOf, rowsOfInput } from './step-parts.ts'

export interface Champion {
  readonly record: ModelVersion
  /** Undefined where the version cannot be read. */
  readonly scaler: ScalerArtifact | undefined
  /** Units of its inputs, where its definition names them. */
  readonly units?: Readonly<Record<string, string>> | undefined
  readonly scores: ChampionScores
}

/** What a challenger is judged on: the rows, and where they came from. */
export interface JudgedRows {
  /** The challenger's rows, for their number and labels. */
  readonly frame: FrameRows
  readonly spans: Spans | undefined
  /** Most rows that were read, evenly spaced: the champion's are the same ones. */
  readonly limit: number
  /** The challenger's classes, in the order of its scores. */
  readonly classes: readonly string[]
}

/** Why a champion's own inputs cannot be made of the challenger's data; undefined where they can. */
export function whyIncomparable(champion: Model, challenger: Model): string | undefined {
  if (champion.task !== challenger.task) return `it is for ${champion.task}, this one for ${challenger.task}`
  if (champion.from.name !== challenger.from.name)
    return `it predicts rows of ${champion.from.name}, this one rows of ${challenger.from.name}`
  const datasets = new Map(datasetsOf(challenger).map(one => [one.name, one]))
  const own = champion.inputs.flatMap(one => columnsOf(one.node)).filter(name => !name.includes('.'))
  const read = [
    { from: champion.from, columns: [...own, ...champion.views.flatMap(requestKeys).map(({ column }) => column)] },
    ...champion.views.map(view => ({
      from: view.from,
      columns: [...Object.keys(view.entity.keys), ...Object.values(view.features).flatMap(inputsOfFeature)],
    })),
  ]
  for (const { from, columns } of read) {
    const now = datasets.get(from.name)
    if (!now) return `it uses ${from.name}, which this model does not`
    for (const name of columns) {
      const before = from.columns[name]?.type
      const type = now.columns[name]?.type
      if (type === undefined) return `it reads ${from.name}.${name}, which is no column any more`
      const numbers = ['int', 'float']
      if (before !== type && !(numbers.includes(type) && numbers.includes(before ?? '')))
        return `it reads ${from.name}.${name} as ${before}, which is ${type} now`
    }
  }
  return undefined
}

/** The challenger's rows as the champion reads them: its own inputs and features, of the same events. */
async function championRows(
  services: StageServices,
  context: StepContext,
  champion: Model,
  challenger: Model,
  { frame, spans, limit }: JudgedRows,
): Promise<FrameRows | { readonly reason: string }> {
  const reason = whyIncomparable(champion, challenger)
  if (reason !== undefined) return { reason }
  const engine = await services.engine()
  const snapshots = new Map<string, DatasetRows>()
  for (const dataset of datasetsOf(challenger))
    snapshots.set(dataset.name, await rowsOfInput(context, engine, dataset, `data:${dataset.name}`))
  const folder = await context.folder()
  await chmod(folder, 0o700)
  const path = join(folder, 'champion.parquet')
  try {
    // The same events in the same order: which they are is the challenger's to say
    const { from, label, split, weight, classWeights } = challenger
    const same = { from, label, split, weight, classWeights, folds: undefined, tests: [] }
    await buildFrame(engine, { ...champion, ...same }, snapshots, path, spans)
    const rows = await readFrame(engine, path, champion.inputs, 'test', limit)
    const alike = rows.rows === frame.rows && rows.labels.every((one, i) => one === frame.labels[i])
    return alike ? rows : { reason: 'its rows are not the same as those of this model' }
  } finally {
    await rm(path, { force: true })
  }
}

/**
 * The version that the alias `champion` points to, on the rows that the challenger is judged on, each by its own inputs. What
 * cannot be compared says why; undefined where there is no champion.
 */
export async function championOf(
  services: StageServices,
  context: StepContext,
  challenger: Model,
  rows: JudgedRows,
): Promise<Champion | undefined> {
  const version = (await services.store.aliases(challenger.name)).champion
  if (version === undefined) return undefined
  const record = await services.store.getModelVersion(challenger.name, version)
  if (!record) return undefined
  let scaler: ScalerArtifact | undefined
  let units: Champion['units']
  try {
    scaler = await readPart(services, record, 'scaler')
    const { inputs, binding, classes } = await readPart(services, record, 'card')
    const model = await readPart(services, record, 'declaration')
    units = model.units
    const own = await championRows(services, context, model, challenger, rows)
    if ('reason' in own) return { record, scaler, units, scores: { reason: `${versionName(record)}: ${own.reason}` } }
    const loaded = await (await services.runtime()).load(await services.artifacts.get(record.digest), binding)
    try {
      const given = await scoreRows({ loaded, inputs }, own.inputs, own.rows)
      const { outputs } = loaded
      const scores = Float32Array.from(
        Array.from({ length: own.rows }, (_, row) =>
          inClassesOf(rows.classes, classes, scoreOf(given, outputs, row)),
        ).flat(),
      )
      return { record, scaler, units, scores: { scores, threshold: model.threshold } }
    } finally {
      await loaded.close()
    }
  } catch (error) {
    // A champion that is damaged keeps nobody from training; that it was not compared stands in the report
    if (!isMillraceError(error)) throw error
    return { record, scaler, units, scores: { reason: `${versionName(record)} cannot be read: ${messageOf(error)}` } }
  }
}
