import type { Model } from '../../define/model.ts'
import type { StepDefinition } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { keepCounterexamples, readCounterexamples } from '../evaluate/counterexamples.ts'
import { modelGate } from '../evaluate/model-gate.ts'
import { personalInputs } from '../evaluate/personal.ts'
import { seedOf } from '../evaluate/seed.ts'
import { runSuite } from '../evaluate/suite.ts'
import type { Subject } from '../evaluate/subject.ts'
import { spansIn } from '../features/spans.ts'
import { declaredUnits, type ScalerArtifact, unitChange } from '../scaler/index.ts'
import { proveScaler } from '../scaler/prove.ts'
import type { FrameRows, ModelCard } from '../../ports/trainer.ts'
import { versionName } from '../register/version-parts.ts'
import { readFrame } from '../train/read-frame.ts'
import { scoreOf } from '../../math/metrics/row-loss.ts'
import { baselinePerformance } from '../windows/baseline-performance.ts'
import type { Profile } from '../windows/profile.ts'
import { championOf } from './champion.ts'
import { keysOf, saveUnder } from './save.ts'
import type { StageServices } from '../services.ts'
import { curveStepName, datasetInputs, datasetsOf, from, input, type Common, type Logs } from './step-parts.ts'

/** Most test rows that the suite is run on. */
const suiteRows = 60_000

/**
 * The baseline with its level of quality taken from the held-out rows; how much it varies between windows stays that of
 * the training period, which has more of them.
 */
function heldOut(model: Model, profile: Profile, outputs: number, test: FrameRows, scores: Float32Array): Profile {
  const each = Array.from({ length: test.rows }, (_, row) => scoreOf(scores, outputs, row))
  const measure = { task: model.task, ...(model.quantile === undefined ? {} : { level: model.quantile }) }
  const { quality, loss, rows, task } = baselinePerformance(measure, test.labels, each, undefined)
  const natural = profile.performance
  return {
    ...profile,
    performance: {
      task,
      rows,
      quality: { ...quality, natural: natural?.quality.natural ?? null },
      loss: { ...loss, natural: natural?.loss.natural ?? null },
    },
  }
}

/** The model test suite, on the exported file and against the champion; a red one stops the run. */
export function evaluateStep(services: StageServices, model: Model, common: Common, logs: Logs): StepDefinition {
  return {
    ...common,
    name: `evaluate-${model.name}`,
    inputs: {
      // The champion reads them in its own way
      ...datasetInputs(datasetsOf(model), logs, name => `data:${name}`),
      frame: from(`features-${model.name}`, 'frame'),
      card: from(`train-${model.name}`, 'card'),
      onnx: from(`verify-${model.name}`, 'onnx'),
      profile: from(`verify-${model.name}`, 'profile'),
      scaler: from(`train-${model.name}`, 'scaler'),
      ...(model.learningCurve ? { curve: from(curveStepName(model), 'curve') } : {}),
    },
    parameters: { tests: model.tests as unknown as Json, model: model.name },
    // The champion is the world's state, not an input; latency is the machine's
    cache: 'never',
    async run(context) {
      const card = (await input(context, 'card').json<never>()) as ModelCard
      const engine = await services.engine()
      const path = await input(context, 'frame').path()
      const frame = await readFrame(engine, path, model.inputs, 'test', suiteRows)
      const train = await readFrame(engine, path, model.inputs, 'train', suiteRows)
      const names = model.inputs.map(one => one.name)
      const scaler = (await input(context, 'scaler').json<never>()) as ScalerArtifact
      const bytes = await input(context, 'onnx').bytes()
      const { digest } = input(context, 'scaler').ref
      const profile = (await input(context, 'profile').json<never>()) as Profile
      const further = await proveScaler(
        engine,
        {
          model: model.name,
          artifact: scaler,
          digest,
          onnx: bytes,
          inputs: card.inputs,
          binding: card.binding,
          declared: names,
          // What the next step registers
          registered: digest,
        },
        { path, test: frame },
        profile,
      )
      const spans = spansIn(input(context, 'frame').ref.meta)
      const champion = await championOf(services, context, model, {
        frame,
        spans,
        limit: suiteRows,
        classes: card.classes,
      })
      if (champion?.scaler)
        further.push(unitChange(model.name, scaler, champion.scaler, declaredUnits(model.units, champion.units)))
      const subject: Subject = {
        loaded: await (await services.runtime()).load(bytes, card.binding),
        inputs: card.inputs,
      }
      try {
        const { report, metrics, scores, counterexamples, figures } = await runSuite({
          model,
          name: model.name,
          subject,
          bytes: bytes.length,
          onnx: bytes,
          frame,
          classes: card.classes,
          ...(model.quantile === undefined ? {} : { level: model.quantile }),
          train,
          kept: await readCounterexamples(services.store, model.name),
          personal: personalInputs(model),
          seed: seedOf(context.runId),
          clock: services.clock,
          further,
          figures: {
            importance: card.importance,
            ...(champion ? { champion: versionName(champion.record) } : {}),
            ...(context.inputs.curve ? { learningCurve: await context.inputs.curve.json<never>() } : {}),
          },
          ...(champion ? { champion: champion.scores } : {}),
        })
        // What a key protects is kept nowhere in clear
        const { rows: key } = keysOf(model)
        const saveRows = saveUnder(services, context, key)
        if (key === undefined)
          await keepCounterexamples(services.store, model.name, counterexamples, services.clock.now())
        for (const [key, value] of Object.entries(metrics)) context.metric(key, value)
        const decision = modelGate(report, metrics, champion?.record.version, services.clock.now())
        return {
          outputs: {
            report: await context.save('report', JSON.stringify(report)),
            metrics: await context.save('metrics', JSON.stringify(metrics)),
            figures: await saveRows('json', JSON.stringify(figures)),
            profile: await saveRows(
              'profile',
              JSON.stringify(heldOut(model, profile, subject.loaded.outputs, frame, scores)),
            ),
          },
          reports: [report],
          decisions: [decision],
        }
      } finally {
        await subject.loaded.close()
      }
    },
  }
}
