import { spansOfVersion } from '../../stages/register/version-parts.ts'
import { join } from 'node:path'
import type { FeatureView } from '../../define/features.ts'
import type { Model } from '../../define/model.ts'
import { columnsOf } from '../../define/expression/index.ts'
import type { Digest } from '../../internal/digest.ts'
import { auc } from '../../math/metrics/ranking.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import { planView } from '../../stages/features/channels.ts'
import { buildFrame, snapshotSql } from '../../stages/features/frame.ts'
import { materialise, OnlineView } from '../../stages/features/online.ts'
import { RowEncoder } from '../../stages/serve/encode.ts'
import type { StageServices } from '../../stages/pipeline/services.ts'
import { fit, score, type FittedModel } from '../../stages/train/estimator.ts'
import { readFrame, type FrameRows } from '../../stages/train/read-frame.ts'
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

async function fitOn(services: StageServices, model: Model, frame: FrameRows, say: Say): Promise<FittedModel> {
  const crew = await services.crew()
  try {
    return await fit(model, frame, crew, (done, of) => say(`round ${done} of ${of}`))
  } finally {
    await crew.close()
  }
}

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
  const spans = spansOfVersion(version)
  const frame = await kept('frame')
  const honest = JSON.parse(
    Buffer.from(await services.artifacts.get(version.facts.model as Digest)).toString(),
  ) as FittedModel
  const test = await readFrame(engine, frame, model.inputs, 'test')
  const reference = score(honest, test)

  const plain: Model = {
    ...model,
    views: [],
    inputs: model.inputs.filter(input => columnsOf(input.node).every(name => !name.includes('.'))),
  }
  const chosen = (rows: FrameRows): FrameRows => ({
    ...rows,
    inputs: rows.inputs.filter((_, i) => plain.inputs.some(input => input.name === model.inputs[i]?.name)),
  })
  let train: FrameRows | undefined = await readFrame(engine, frame, model.inputs, 'train')
  const fittedPlain = await fitOn(services, plain, chosen(train), text => say(`without window features: ${text}`))
  train = undefined
  const staticOnly = auc(test.labels, score(fittedPlain, chosen(test)))

  const leaky: Model = { ...model, views: model.views.map((view): FeatureView => ({ ...view, knownTime: 'ignore' })) }
  const leakyFrame = join(folder, 'leaky.parquet')
  await buildFrame(engine, leaky, new Map([[model.from.name, snapshot]]), leakyFrame, spans)
  const fittedLeaky = await fitOn(services, leaky, await readFrame(engine, leakyFrame, model.inputs, 'train'), text =>
    say(`with leaky features: ${text}`),
  )
  const leakyTest = await readFrame(engine, leakyFrame, model.inputs, 'test')
  const leakyOffline = auc(leakyTest.labels, score(fittedLeaky, leakyTest))

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
    for (const view of views) view.push(hour.rows)
    const known = hour.rows.flatMap((_, i) => ((hour.known[i] as number) <= spans.until ? [i] : []))
    const encoded = encoder.encode(
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

  const loaded = await (await services.runtime()).load(await services.artifacts.get(version.digest))
  const { scoreRows } = await import('../../stages/evaluate/subject.ts')
  const scores = await scoreRows({ loaded, inputs: honest.inputs }, served, test.rows)
  await loaded.close()
  let maxAbsDiff = 0
  let labelFlips = 0
  scores.forEach((value, i) => {
    maxAbsDiff = Math.max(maxAbsDiff, Math.abs(value - (reference[i] as number)))
    if (value >= model.threshold !== (reference[i] as number) >= model.threshold) labelFlips++
  })
  return {
    staticOnly,
    leakyOffline,
    leakyOnline: auc(test.labels, score(fittedLeaky, replayed)),
    knownTimeOffline: auc(test.labels, reference),
    knownTimeOnline: auc(test.labels, scores),
    compared,
    mismatches,
    parity: { rows: test.rows, maxAbsDiff, labelFlips },
  }
}
