import { spansOfVersion } from '../../stages/register/version-parts.ts'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FeatureView } from '../../define/features.ts'
import type { Model } from '../../define/model.ts'
import { columnsOf } from '../../define/expression/index.ts'
import type { Digest } from '../../internal/digest.ts'
import { auc } from '../../math/metrics/ranking.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import { planView } from '../../stages/features/channels.ts'
import { buildFrame, snapshotSql } from '../../stages/features/frame.ts'
import type { Spans } from '../../stages/features/spans.ts'
import { materialise } from '../../stages/features/materialise.ts'
import { OnlineView } from '../../stages/features/online.ts'
import { unlogged } from '../../stages/log/row-version.ts'
import { RowEncoder } from '../../stages/serve/encode.ts'
import type { StageServices } from '../../stages/services.ts'
import type { InputRows } from '../../ports/trainer.ts'
import { readPart } from '../../stages/register/version-parts.ts'
import { scoreRows, type Subject } from '../../stages/evaluate/subject.ts'
import { openFrame, readFrame } from '../../stages/train/read-frame.ts'
import type { OnlineStore } from '../../ports/online-store.ts'
import { flightHours } from './flights.ts'

/** What the honest model is compared with, and what the replay of its test rows through the online store gave. */
export interface Proofs {
  readonly staticOnly: number
  readonly leakyOffline: number
  readonly leakyOnline: number
  readonly knownTimeOffline: number
  readonly knownTimeOnline: number
  readonly compared: number
  readonly mismatches: number
  readonly parity: { readonly rows: number; readonly maxAbsDiff: number; readonly labelFlips: number }
}

type Say = (text: string) => void

/** The model trained on another frame, as it would be served. Close it. */
async function trainOn(services: StageServices, model: Model, path: string, say: Say): Promise<Subject> {
  const { task, inputs, scale, trainer, threshold } = model
  const frame = openFrame(await services.engine(), path, inputs)
  const { onnx, card } = await (await services.trainer(trainer)).train({
    model: model.name,
    folder: () => mkdtemp(join(tmpdir(), 'millrace-proofs-')),
    task,
    inputs,
    scale,
    trainer,
    threshold,
    frame,
    classes: [],
    seed: 0,
    signal: new AbortController().signal,
    progress: (_, message) => say(message ?? ''),
    metric: () => undefined,
  })
  return { loaded: await (await services.runtime()).load(onnx), inputs: card.inputs }
}

const scoreOf = (subject: Subject, { inputs, rows }: InputRows): Promise<Float32Array> =>
  scoreRows(subject, inputs, rows)

/** Trains the same model on static inputs and on leaky features, and replays the test rows through the online store. */
export async function prove(
  services: StageServices,
  model: Model,
  version: ModelVersion,
  online: OnlineStore,
  folder: string,
  say: Say,
): Promise<Proofs> {
  const engine = await services.engine()
  const kept = (fact: string): Promise<string> => services.artifacts.localPath(version.facts[fact] as Digest)
  const snapshot = await snapshotSql(engine, await kept(`data:${model.from.name}`))
  // the demo's model is split by time
  const spans = spansOfVersion(version) as Spans
  const frame = await kept('frame')
  const honest: Subject = {
    loaded: await (await services.runtime()).load(await services.artifacts.get(version.digest)),
    inputs: (await readPart(services, version, 'card')).inputs,
  }
  const test = await readFrame(engine, frame, model.inputs, 'test')
  const reference = await scoreOf(honest, test)

  const plain: Model = {
    ...model,
    views: [],
    inputs: model.inputs.filter(input => columnsOf(input.node).every(name => !name.includes('.'))),
  }
  const subject = await trainOn(services, plain, frame, text => say(`without window features: ${text}`))
  const staticOnly = auc(test.labels, await scoreOf(subject, await readFrame(engine, frame, plain.inputs, 'test')))
  await subject.loaded.close()

  const leaky: Model = { ...model, views: model.views.map((view): FeatureView => ({ ...view, knownTime: 'ignore' })) }
  const leakyFrame = join(folder, 'leaky.parquet')
  await buildFrame(engine, leaky, new Map([[model.from.name, snapshot]]), leakyFrame, spans)
  const leaking = await trainOn(services, leaky, leakyFrame, text => say(`with leaky features: ${text}`))
  const leakyTest = await readFrame(engine, leakyFrame, model.inputs, 'test')
  const leakyOffline = auc(leakyTest.labels, await scoreOf(leaking, leakyTest))

  say('replaying the test rows through the online store')
  const plans = model.views.map(planView)
  for (const plan of plans) await materialise(engine, plan, snapshot, spans.testFrom - 1, online)
  const views = plans.map(plan => new OnlineView(plan, online))
  const encoder = new RowEncoder(model, views)
  const served = model.inputs.map((_, i) =>
    test.inputs[i] instanceof Float32Array ? new Float32Array(test.rows) : Array.from<string>({ length: test.rows }),
  )
  const numbers = model.inputs.flatMap((input, i) => (input.type === 'text' ? [] : [i]))
  const texts = model.inputs.flatMap((input, i) => (input.type === 'text' ? [i] : []))
  let row = 0
  for await (const hour of flightHours(engine, snapshot, spans.testFrom, spans.until)) {
    for (const view of views) await view.push(unlogged(hour.rows), hour.from)
    const known = hour.rows.flatMap((_, i) => ((hour.known[i] as number) <= spans.until ? [i] : []))
    const encoded = await encoder.encode(
      known.map(i => ({ row: hour.rows[i] as Record<string, never>, at: hour.at[i] as number })),
      0,
    )
    for (let r = 0; r < known.length; r++, row++) {
      numbers.forEach((input, c) => {
        ;(served[input] as Float32Array)[row] = encoded.features[r * numbers.length + c] as number
      })
      texts.forEach((input, c) => {
        ;(served[input] as string[])[row] = (encoded.categories as readonly string[])[r * texts.length + c] as string
      })
    }
  }
  let mismatches = row === test.rows ? 0 : Math.abs(row - test.rows) * model.inputs.length
  let compared = 0
  model.inputs.forEach((_, i) => {
    const [a, b] = [served[i] as Float32Array, test.inputs[i] as Float32Array]
    for (let r = 0; r < test.rows; r++) if (!Object.is(a[r], b[r]) && a[r] !== b[r]) mismatches++
    compared += test.rows
  })
  const replayed = { rows: test.rows, inputs: served }

  const scores = await scoreOf(honest, replayed)
  const leakyOnline = auc(test.labels, await scoreOf(leaking, replayed))
  await Promise.all([honest.loaded.close(), leaking.loaded.close()])
  let maxAbsDiff = 0
  let labelFlips = 0
  scores.forEach((value, i) => {
    maxAbsDiff = Math.max(maxAbsDiff, Math.abs(value - (reference[i] as number)))
    if (value >= model.threshold !== (reference[i] as number) >= model.threshold) labelFlips++
  })
  return {
    staticOnly,
    leakyOffline,
    leakyOnline,
    knownTimeOffline: auc(test.labels, reference),
    knownTimeOnline: auc(test.labels, scores),
    compared,
    mismatches,
    parity: { rows: test.rows, maxAbsDiff, labelFlips },
  }
}
