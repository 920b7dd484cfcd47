import { join } from 'node:path'
import type { CheckResult } from '../../define/report.ts'
import { overallStatus } from '../../define/report.ts'
import type { Decision } from '../../define/decision.ts'
import type { Model } from '../../define/model.ts'
import { compileDefinition, definitionDigest } from '../../define/project.ts'
import type { StepContext, StepDefinition, StepResult } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { ulid } from '../../internal/ids.ts'
import type { Duration } from '../../internal/time.ts'
import { exportModel, parity, verifyModel, inspectModel } from '../../onnx/index.ts'
import { batchOf, type Subject } from '../evaluate/subject.ts'
import { runSuite } from '../evaluate/suite.ts'
import { buildFrame, snapshotSql, type Spans } from '../features/frame.ts'
import { fit, score, type FittedModel } from '../train/estimator.ts'
import { columnStatistics, readFrame, thinned, type FrameRows } from '../train/read-frame.ts'
import { fittedOnTraining, unitChange } from '../train/scaler-checks.ts'
import { baselinePerformance } from '../watch/baseline-performance.ts'
import { buildProfile } from '../watch/build-profile.ts'
import type { Profile } from '../watch/profile.ts'
import { ownCode } from './code.ts'
import { datasetStepName } from './dataset-steps.ts'
import type { StageServices } from './services.ts'

/** Most test rows that the suite is run on. */
const suiteRows = 60_000
/** Most training rows that the baseline profile is taken from, evenly spaced in time. */
const profileRows = 200_000
const parityRows = 2_000
const goldenRows = 32

type Steps = readonly StepDefinition[]
type Common = Pick<StepDefinition, 'code' | 'environment' | 'runsIn'>

export interface ModelRunOptions {
  /** Overrides the declared split, for retraining up to a moment. */
  readonly spans?: Spans
  /** Why the run started, kept with the version. */
  readonly trigger: string
  /** Facts of the run for the version's record: commit, lockfile, … */
  readonly facts: Readonly<Record<string, Json>>
}

/** features → train → export → evaluate → register, on the snapshots of the datasets that the model uses. */
export function modelSteps(services: StageServices, model: Model, environment: Json, options: ModelRunOptions): Steps {
  const common: Common = { code: ownCode(), environment, runsIn: 'inline' }
  return [
    frameStep(services, model, common, options),
    trainStep(services, model, common),
    exportStep(services, model, common),
    evaluateStep(services, model, common),
    registerStep(services, model, common, options),
  ]
}

const from = (step: string, output: string) => ({ from: { step, output } })

function frameStep(services: StageServices, model: Model, common: Common, options: ModelRunOptions): StepDefinition {
  const datasets = [
    ...new Map([model.from, ...model.views.map(view => view.from)].map(one => [one.name, one])).values(),
  ]
  return {
    ...common,
    name: `features-${model.name}`,
    inputs: Object.fromEntries(datasets.map(dataset => [dataset.name, from(datasetStepName(dataset), 'data')])),
    parameters: {
      model: compileDefinition({
        ...model,
        trainer: undefined,
        tests: model.tests.filter(test => test.kind === 'slices'),
      } as never),
      views: model.views.map(compileDefinition),
      ...(options.spans ? { spans: { ...options.spans } } : {}),
    },
    async run(context) {
      const engine = await services.engine()
      const snapshots = new Map<string, string>()
      for (const dataset of datasets)
        snapshots.set(dataset.name, await snapshotSql(engine, await input(context, dataset.name).path()))
      const path = join(await context.folder(), 'frame.parquet')
      const summary = await buildFrame(engine, model, snapshots, path, options.spans)
      return { outputs: { frame: await context.save('features', { file: path }, { ...summary }) } }
    },
  }
}

function input(context: StepContext, name: string): StepContext['inputs'][string] {
  const found = context.inputs[name]
  if (!found) throw new TypeError(`the step has no input ${name}`)
  return found
}

/** Length of the windows that the model's monitor compares, so that the baseline carries their natural variation. */
function watchedWindow(services: StageServices, model: Model): Duration {
  const monitor = [...services.project.monitors.values()].find(one => one.deployment.model.name === model.name)
  return monitor ? `${monitor.window / 1e6}s` : '7d'
}

function trainStep(services: StageServices, model: Model, common: Common): StepDefinition {
  return {
    ...common,
    name: `train-${model.name}`,
    inputs: { frame: from(`features-${model.name}`, 'frame') },
    parameters: {
      task: model.task,
      inputs: model.inputs.map(one => ({ name: one.name, type: one.type })),
      scale: model.scale,
      trainer: model.trainer as unknown as Json,
      naturalWindow: watchedWindow(services, model),
    },
    seed: model.trainer.kind === 'gbt' ? (model.trainer.seed ?? 0) : 0,
    async run(context) {
      const engine = await services.engine()
      const frame = await readFrame(engine, await input(context, 'frame').path(), model.inputs, 'train')
      const crew = await services.crew()
      let fitted: FittedModel
      try {
        fitted = await fit(model, frame, crew, (done, of) => context.progress(done / of, `round ${done} of ${of}`))
      } finally {
        await crew.close()
      }
      const seen = thinned(frame, profileRows)
      const profile = buildProfile({
        columns: model.inputs.map((one, i) => ({
          name: one.name,
          kind: one.type === 'text' ? 'text' : 'number',
          values: seen.inputs[i] as Float32Array,
          importance: fitted.importance[i] ?? 0,
        })),
        scores: score(fitted, seen),
        at: seen.at,
        labels: seen.labels,
        naturalWindow: watchedWindow(services, model),
      })
      return {
        outputs: {
          model: await context.save('model', JSON.stringify(fitted), { rows: frame.rows }),
          scaler: await context.save('scaler', JSON.stringify(fitted.scaler)),
          profile: await context.save('profile', JSON.stringify(profile)),
        },
      }
    },
  }
}

/** Evenly spaced rows, and rows with every number missing or at its extremes: where converters differ. */
function parityFrame(frame: FrameRows): FrameRows {
  const edges = [Number.NaN, 0, -1, 1e6, -1e6]
  return {
    ...frame,
    rows: frame.rows + edges.length,
    inputs: frame.inputs.map(column =>
      column instanceof Float32Array ? Float32Array.from([...column, ...edges]) : [...column, ...edges.map(() => '')],
    ),
  }
}

function exportStep(services: StageServices, model: Model, common: Common): StepDefinition {
  return {
    ...common,
    name: `export-${model.name}`,
    inputs: { frame: from(`features-${model.name}`, 'frame'), model: from(`train-${model.name}`, 'model') },
    parameters: { model: model.name, definition: definitionDigest(model), threshold: model.threshold },
    async run(context) {
      const fitted = (await input(context, 'model').json<never>()) as FittedModel
      const engine = await services.engine()
      const frame = parityFrame(
        await readFrame(engine, await input(context, 'frame').path(), model.inputs, 'test', parityRows),
      )
      const reference = score(fitted, frame)
      const golden = batchOf(
        fitted.inputs,
        frame.inputs,
        Int32Array.from({ length: Math.min(goldenRows, frame.rows) }, (_, i) =>
          Math.floor((i * frame.rows) / Math.min(goldenRows, frame.rows)),
        ),
      )
      const goldenScores = Float32Array.from(
        { length: golden.rows },
        (_, i) => reference[Math.floor((i * frame.rows) / golden.rows)] as number,
      )
      const bytes = exportModel({
        inputs: fitted.inputs,
        scaler: fitted.scaler,
        estimator: fitted.estimator,
        metadata: {
          'millrace.model': model.name,
          'millrace.definition': definitionDigest(model),
          'millrace.threshold': String(model.threshold),
          'millrace.frame': input(context, 'frame').ref.digest,
          'millrace.inputs': JSON.stringify(fitted.inputs.map(one => ({ name: one.name, kind: one.kind }))),
          'millrace.golden': JSON.stringify({
            features: [...golden.features].map(value => (Number.isNaN(value) ? null : value)),
            categories: golden.categories ?? [],
            scores: [...goldenScores],
          }),
        },
      })
      const loaded = await (await services.runtime()).load(bytes)
      try {
        const all = Int32Array.from({ length: frame.rows }, (_, i) => i)
        const checks: CheckResult[] = [
          ...verifyModel(bytes),
          await parity(fitted.task, reference, loaded, batchOf(fitted.inputs, frame.inputs, all)),
        ].map(check => ({ ...check, target: { model: model.name } }))
        const report = {
          id: ulid(),
          kind: 'export' as const,
          subject: model.name,
          at: services.clock.now(),
          status: overallStatus(checks),
          checks,
          evidence: { model: input(context, 'model').ref.digest },
        }
        return {
          outputs: {
            onnx: await context.save('onnx', bytes, { opset: inspectModel(bytes).opsets as unknown as Json }),
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

/**
 * The baseline with its level of quality taken from the held-out rows; how much it varies between windows stays that of
 * the training period, which has more of them.
 */
async function heldOut(context: StepContext, fitted: FittedModel, test: FrameRows): Promise<Profile> {
  const profile = (await input(context, 'profile').json<never>()) as Profile
  const { quality, loss, rows, task } = baselinePerformance(test.labels, score(fitted, test), undefined)
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

/** The version that the alias `champion` points to, loaded, when it takes the same inputs as the challenger. */
async function championOf(
  services: StageServices,
  model: Model,
  inputs: FittedModel['inputs'],
): Promise<{ readonly subject: Subject; readonly version: number; readonly fitted: FittedModel } | undefined> {
  const version = (await services.store.aliases(model.name)).champion
  const found = version === undefined ? undefined : await services.store.getModelVersion(model.name, version)
  if (!found) return undefined
  const fitted = JSON.parse(
    Buffer.from(await services.artifacts.get(found.facts.model as never)).toString(),
  ) as FittedModel
  const same =
    fitted.inputs.length === inputs.length &&
    fitted.inputs.every((one, i) => one.name === inputs[i]?.name && one.kind === inputs[i]?.kind)
  if (!same) return undefined
  return {
    subject: {
      loaded: await (await services.runtime()).load(await services.artifacts.get(found.digest)),
      inputs: fitted.inputs,
    },
    version: found.version,
    fitted,
  }
}

function evaluateStep(services: StageServices, model: Model, common: Common): StepDefinition {
  return {
    ...common,
    name: `evaluate-${model.name}`,
    inputs: {
      frame: from(`features-${model.name}`, 'frame'),
      model: from(`train-${model.name}`, 'model'),
      onnx: from(`export-${model.name}`, 'onnx'),
      profile: from(`train-${model.name}`, 'profile'),
    },
    parameters: { tests: model.tests as unknown as Json, model: model.name },
    // The champion is the world's state, not an input; latency is the machine's
    cache: 'never',
    async run(context) {
      const fitted = (await input(context, 'model').json<never>()) as FittedModel
      const engine = await services.engine()
      const path = await input(context, 'frame').path()
      const frame = await readFrame(engine, path, model.inputs, 'test', suiteRows)
      const names = fitted.inputs.map(one => one.name)
      const further = fittedOnTraining(
        model.name,
        names,
        fitted.scaler,
        await columnStatistics(engine, path, fitted.inputs),
      )
      const champion = await championOf(services, model, fitted.inputs)
      if (champion) further.push(unitChange(model.name, names, fitted.scaler.features, champion.fitted.scaler.features))
      const bytes = await input(context, 'onnx').bytes()
      const subject: Subject = { loaded: await (await services.runtime()).load(bytes), inputs: fitted.inputs }
      try {
        const { report, metrics } = await runSuite({
          model,
          name: model.name,
          subject,
          bytes: bytes.length,
          frame,
          seed: 1,
          clock: services.clock,
          further,
          ...(champion ? { champion: champion.subject } : {}),
        })
        for (const [key, value] of Object.entries(metrics)) context.metric(key, value)
        const decision: Decision = {
          id: ulid(),
          kind: 'gate',
          subject: `model ${model.name}`,
          at: services.clock.now(),
          verdict: report.status === 'fail' || report.status === 'error' ? 'refused' : 'passed',
          reason:
            report.status === 'fail' || report.status === 'error'
              ? `model tests failed: ${report.checks
                  .filter(
                    check => check.severity === 'critical' && (check.status === 'fail' || check.status === 'error'),
                  )
                  .map(check => check.message)
                  .join('; ')}`
              : `${report.checks.length} model checks, ${report.status === 'warn' ? 'with warnings' : 'all passed'}`,
          rule: { name: 'model test suite', threshold: 'no critical failure' },
          inputs: { metrics, champion: champion?.version ?? null },
          evidence: [report.id],
          actor: 'system',
        }
        return {
          outputs: {
            report: await context.save('report', JSON.stringify(report)),
            metrics: await context.save('metrics', JSON.stringify(metrics)),
            profile: await context.save('profile', JSON.stringify(await heldOut(context, fitted, frame))),
          },
          reports: [report],
          decisions: [decision],
        }
      } finally {
        await subject.loaded.close()
        await champion?.subject.loaded.close()
      }
    },
  }
}

function registerStep(services: StageServices, model: Model, common: Common, options: ModelRunOptions): StepDefinition {
  const datasets = [
    ...new Map([model.from, ...model.views.map(view => view.from)].map(one => [one.name, one])).values(),
  ]
  return {
    ...common,
    name: `register-${model.name}`,
    inputs: {
      ...Object.fromEntries(datasets.map(dataset => [`data:${dataset.name}`, from(datasetStepName(dataset), 'data')])),
      frame: from(`features-${model.name}`, 'frame'),
      model: from(`train-${model.name}`, 'model'),
      scaler: from(`train-${model.name}`, 'scaler'),
      profile: from(`evaluate-${model.name}`, 'profile'),
      onnx: from(`export-${model.name}`, 'onnx'),
      report: from(`evaluate-${model.name}`, 'report'),
      metrics: from(`evaluate-${model.name}`, 'metrics'),
    },
    parameters: { model: model.name, definition: definitionDigest(model) },
    cache: 'never',
    async run(context): Promise<StepResult> {
      const digests = Object.fromEntries(
        Object.entries(context.inputs).map(([name, one]) => [name, one.ref.digest as Json]),
      )
      const version = await services.store.addModelVersion({
        model: model.name,
        digest: input(context, 'onnx').ref.digest,
        runId: context.runId,
        createdAt: services.clock.now(),
        metrics: (await input(context, 'metrics').json()) as Record<string, number>,
        facts: {
          ...digests,
          ...options.facts,
          trigger: options.trigger,
          definition: definitionDigest(model),
          frameFacts: { ...input(context, 'frame').ref.meta } as Json,
        },
        tags: {},
      })
      await services.store.addEdges([
        { from: version.digest, to: `model:${model.name}@${version.version}`, relation: 'registered as' },
        { from: `run:${context.runId}`, to: `model:${model.name}@${version.version}`, relation: 'made' },
      ])
      return { outputs: { version: await context.save('json', JSON.stringify(version)) } }
    },
  }
}
