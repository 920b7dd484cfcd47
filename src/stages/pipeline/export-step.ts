import { describe } from '../../define/expression/index.ts'
import type { Model } from '../../define/model.ts'
import { definitionDigest } from '../../define/project.ts'
import { overallStatus, type CheckResult } from '../../define/report.ts'
import type { StepDefinition } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { ulid } from '../../internal/ids.ts'
import type { ScalerParameters } from '../../math/scaler/index.ts'
import { exportModel, graphOrder, inspectModel, parity, readModel, verifyModel } from '../../onnx/index.ts'
import { batchOf } from '../evaluate/subject.ts'
import { type ScalerArtifact, scalerParity } from '../scaler/index.ts'
import { numericColumns, score, type FittedModel } from '../train/estimator.ts'
import { readFrame, type FrameRows } from '../train/read-frame.ts'
import { saveUnder } from './save.ts'
import type { StageServices } from './services.ts'
import { from, input, type Common } from './step-parts.ts'

const parityRows = 2_000
const goldenRows = 32

/** Evenly spaced rows, and rows with every number missing or at the edges of its training range: where converters differ. */
function parityFrame(frame: FrameRows, { features }: ScalerParameters): FrameRows {
  const fixed = [Number.NaN, 0, -1, 1e6, -1e6]
  const edgesOf = (at: number): number[] => {
    const { min = 0, max = 0, mean = 0, var: variance = 0 } = features[at] ?? {}
    const far = 3 * Math.sqrt(variance)
    return [...fixed, min, max, mean, min - far, max + far]
  }
  return {
    ...frame,
    rows: frame.rows + edgesOf(0).length,
    inputs: frame.inputs.map((column, at) =>
      column instanceof Float32Array
        ? Float32Array.from([...column, ...edgesOf(at)])
        : [...column, ...edgesOf(at).map(() => '')],
    ),
  }
}

/** One ONNX graph with scaler and estimator, verified and held to the trainer's scores. */
export function exportStep(services: StageServices, model: Model, common: Common): StepDefinition {
  return {
    ...common,
    name: `export-${model.name}`,
    inputs: {
      frame: from(`features-${model.name}`, 'frame'),
      model: from(`train-${model.name}`, 'model'),
      scaler: from(`train-${model.name}`, 'scaler'),
    },
    parameters: { model: model.name, definition: definitionDigest(model), threshold: model.threshold },
    async run(context) {
      const fitted = (await input(context, 'model').json<never>()) as FittedModel
      const engine = await services.engine()
      const frame = parityFrame(
        await readFrame(engine, await input(context, 'frame').path(), model.inputs, 'test', parityRows),
        fitted.scaler,
      )
      const scaler = (await input(context, 'scaler').json<never>()) as ScalerArtifact
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
        threshold: model.threshold,
        metadata: {
          'millrace.model': model.name,
          'millrace.definition': definitionDigest(model),
          'millrace.threshold': String(model.threshold),
          'millrace.frame': input(context, 'frame').ref.digest,
          // What each input is made of: who serves the file elsewhere has to compute the same
          'millrace.inputs': JSON.stringify(
            fitted.inputs.map((one, i) => ({
              name: one.name,
              kind: one.kind,
              is: describe((model.inputs[i] as Model['inputs'][number]).node),
            })),
          ),
          'millrace.scaler': input(context, 'scaler').ref.digest,
          'millrace.golden': JSON.stringify({
            features: [...golden.features].map(value => (Number.isNaN(value) ? null : value)),
            categories: golden.categories ?? [],
            scores: [...goldenScores],
          }),
        },
      })
      const runtime = await services.runtime()
      const loaded = await runtime.load(bytes)
      try {
        const all = Int32Array.from({ length: frame.rows }, (_, i) => i)
        const batch = batchOf(fitted.inputs, frame.inputs, all)
        const features = graphOrder(fitted.inputs).flatMap(at => fitted.scaler.features[at] ?? [])
        const columns = numericColumns(fitted.inputs, frame)
        const checks: CheckResult[] = [
          ...[
            ...verifyModel(bytes, { scaler: { ...fitted.scaler, features } }),
            await parity(fitted.task, reference, loaded, batch, model.threshold),
          ].map(check => ({ ...check, target: { model: model.name } })),
          await scalerParity(model.name, scaler, readModel(bytes), runtime, fitted.inputs, columns, batch),
        ]
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
            onnx: await saveUnder(services, context, model.encryptWith)('onnx', bytes, {
              opset: inspectModel(bytes).opsets as unknown as Json,
            }),
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
