import { describe } from '../../define/expression/index.ts'
import type { Model } from '../../define/model.ts'
import { definitionDigest } from '../../define/project.ts'
import { outcomeOf, overallStatus, type CheckResult, type Report } from '../../define/report.ts'
import type { StepContext, StepDefinition, StepResult } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { ulid } from '../../internal/ids.ts'
import { inSeconds, type Duration } from '../../internal/time.ts'
import { graphOrder, inspectModel, parity, stampModel, verifyModel } from '../../onnx/index.ts'
import type { LoadedModel } from '../../ports/inference-runtime.ts'
import type { FrameRows, ModelCard, ReferenceScores, TrainingFrame } from '../../ports/trainer.ts'
import { goldenRows } from '../evaluate/golden.ts'
import { batchOf, scoreRows } from '../evaluate/subject.ts'
import { explanationBasis } from '../explain/basis.ts'
import { parametersOf, type ScalerArtifact, scalerParity } from '../scaler/index.ts'
import { openFrame, thinned } from '../train/read-frame.ts'
import { readReference, type WrittenReference } from '../train/reference.ts'
import { buildProfile } from '../windows/build-profile.ts'
import type { Profile } from '../windows/profile.ts'
import { keysOf, keysToldOf, saveUnder } from './save.ts'
import type { StageServices } from '../services.ts'
import { from, input, type Common } from './step-parts.ts'

/** Most held-out rows that the scaler in the graph is compared on, and that golden rows are taken from. */
const parityRows = 2_000
/** Most training rows that the baseline profile is taken from, evenly spaced in time. */
const profileRows = 200_000
/** Most held-out rows that the baseline's scores are taken from. */
const heldOutRows = 60_000
/** Fewest held-out rows whose scores live ones can be compared with. */
const fewestHeldOut = 200

/** Length of the windows that the model's monitor compares, so that the baseline carries their natural variation. */
function watchedWindow(services: StageServices, model: Model): Duration {
  const monitor = [...services.project.monitors.values()].find(one => one.deployment.model.name === model.name)
  return monitor ? inSeconds(monitor.window) : '7d'
}

/** What the file says of itself, wherever it goes. */
function stampOf(context: StepContext, model: Model, card: ModelCard): Record<string, string> {
  return {
    'millrace.model': model.name,
    'millrace.definition': definitionDigest(model),
    'millrace.threshold': String(model.threshold),
    'millrace.frame': input(context, 'frame').ref.digest,
    // What each input is made of: who serves the file elsewhere has to compute the same
    'millrace.inputs': JSON.stringify(
      card.inputs.map((one, i) => ({
        name: one.name,
        kind: one.kind,
        is: describe((model.inputs[i] as Model['inputs'][number]).node),
      })),
    ),
    'millrace.scaler': input(context, 'scaler').ref.digest,
  }
}

/** The trainer's own scores against those of the file; a trainer that gave none leaves that open, which is told. */
async function parityOf(
  model: Model,
  card: ModelCard,
  reference: ReferenceScores | undefined,
  loaded: LoadedModel,
): Promise<CheckResult> {
  const target = { model: model.name }
  if (!reference)
    return {
      id: 'onnx.parity',
      kind: 'onnx',
      target,
      severity: 'warning',
      status: 'warn',
      observed: {},
      evaluated: 0,
      bad: 0,
      threshold: 'the scores of the trainer and of its ONNX file agree',
      message: `${card.trainer} gave no scores of its own: nothing shows that the ONNX file answers as what was trained`,
    }
  const all = Int32Array.from({ length: reference.rows }, (_, i) => i)
  const batch = batchOf(card.inputs, reference.inputs, all)
  return {
    ...(await parity(model.task, reference.scores, loaded, batch, model.threshold, card.binding !== undefined)),
    target,
  }
}

/** What monitors compare with. */
async function profileOf(
  loaded: LoadedModel,
  model: Model,
  card: ModelCard,
  frame: TrainingFrame,
  seen: FrameRows,
  naturalWindow: Duration,
): Promise<Profile> {
  const subject = { loaded, inputs: card.inputs }
  const heldOut = await frame.rows('test', heldOutRows)
  return buildProfile({
    task: model.task,
    ...(model.quantile === undefined ? {} : { level: model.quantile }),
    outputs: loaded.outputs,
    columns: model.inputs.map((one, i) => ({
      name: one.name,
      kind: one.type === 'text' ? 'text' : 'number',
      values: seen.inputs[i] as Float32Array,
      ...(card.importance.length > 0 ? { importance: card.importance[i] ?? 0 } : {}),
    })),
    scores: await scoreRows(subject, seen.inputs, seen.rows),
    ...(heldOut.rows < fewestHeldOut ? {} : { heldOutScores: await scoreRows(subject, heldOut.inputs, heldOut.rows) }),
    ...(seen.at ? { at: seen.at } : {}),
    labels: seen.labels,
    naturalWindow,
  })
}

/**
 * The trained file, proven and stamped: its graph is verified, it answers as its trainer does, and it scales as it should.
 * From here on it is the model: the golden rows and the baseline that monitors compare with are its own answers.
 */
export function verifyStep(services: StageServices, model: Model, common: Common): StepDefinition {
  const naturalWindow = watchedWindow(services, model)
  const train = `train-${model.name}`
  return {
    ...common,
    name: `verify-${model.name}`,
    inputs: {
      frame: from(`features-${model.name}`, 'frame'),
      onnx: from(train, 'onnx'),
      card: from(train, 'card'),
      reference: from(train, 'reference'),
      scaler: from(train, 'scaler'),
    },
    parameters: {
      model: model.name,
      definition: definitionDigest(model),
      threshold: model.threshold,
      naturalWindow,
      ...keysToldOf(model),
    } as unknown as Json,
    async run(context): Promise<StepResult> {
      const json = async <T>(name: string): Promise<T> => (await input(context, name).json<never>()) as T
      const card = await json<ModelCard>('card')
      const scaler = await json<ScalerArtifact>('scaler')
      const texts = card.inputs.map(one => one.kind === 'text')
      const reference = readReference(await json<WrittenReference | null>('reference'), texts)
      const frame = openFrame(await services.engine(), await input(context, 'frame').path(), model.inputs)
      const bytes = stampModel(await input(context, 'onnx').bytes(), stampOf(context, model, card))
      const reportOf = (checks: readonly CheckResult[]): Report => ({
        id: ulid(),
        kind: 'export',
        subject: model.name,
        at: services.clock.now(),
        status: overallStatus(checks),
        checks,
        evidence: { onnx: input(context, 'onnx').ref.digest },
      })
      const { features, ...scale } = parametersOf(scaler)
      const ordered = graphOrder(card.inputs).flatMap(at => features[at] ?? [])
      const verified: readonly CheckResult[] = verifyModel(
        bytes,
        scaler.outside ? {} : { scaler: { ...scale, features: ordered } },
      ).map(check => ({ ...check, target: { model: model.name } }))
      // What is not valid is never loaded: a runtime trusts what it reads
      if (verified.some(check => outcomeOf(check) === 'fail')) {
        const refused = reportOf(verified)
        return { outputs: { report: await context.save('report', JSON.stringify(refused)) }, reports: [refused] }
      }
      const loaded = await (await services.runtime()).load(bytes, card.binding)
      try {
        const rows = await frame.rows('test', parityRows)
        const report = reportOf([
          ...verified,
          await parityOf(model, card, reference, loaded),
          await scalerParity(
            { model: model.name, artifact: scaler, onnx: bytes, inputs: card.inputs, binding: card.binding },
            await services.runtime(),
            rows,
          ),
        ])
        const keys = keysOf(model)
        const saveRows = saveUnder(services, context, keys.rows)
        const opset = inspectModel(bytes).opsets as unknown as Json
        const seen = thinned(await frame.rows('train'), profileRows)
        const basis = await explanationBasis({ loaded, inputs: card.inputs }, card, bytes, seen)
        return {
          outputs: {
            onnx: await saveUnder(services, context, keys.model)('onnx', bytes, { opset }),
            golden: await saveRows('json', JSON.stringify(await goldenRows(loaded, card.inputs, reference ?? rows))),
            profile: await saveRows(
              'profile',
              JSON.stringify(await profileOf(loaded, model, card, frame, seen, naturalWindow)),
            ),
            explanation: await saveRows('json', JSON.stringify(basis)),
            report: await context.save('report', JSON.stringify(report)),
          },
          reports: [report],
        }
      } finally {
        await loaded.close()
      }
    },
  }
}
