import { chmod, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Model } from '../../define/model.ts'
import { testColumns } from '../../define/model-test/index.ts'
import { compileDefinition, compilePart } from '../../define/project.ts'
import { fail } from '../../errors/index.ts'
import { restsOnMore } from '../../define/expectation/index.ts'
import type { Report } from '../../define/report.ts'
import type { StepDefinition } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { DatasetRows } from '../log/dataset-rows.ts'
import { buildFrame } from '../features/frame.ts'
import { isExpected, judgeVectors } from './feature-expectations.ts'
import { frameKey, saveUnder, sealedBy } from './save.ts'
import type { StageServices } from '../services.ts'
import { datasetInputs, datasetsOf, rowsOfInput, type Common, type Logs, type ModelRunOptions } from './step-parts.ts'

/** What of a definition decides the frame; the law of its datasets' times comes with the references to them. */
function frameDefinition({
  from,
  task,
  label,
  weight,
  classWeights,
  inputs,
  split,
  folds,
  views,
  tests,
}: Model): Readonly<Record<string, Json>> {
  return {
    ...compilePart({
      from,
      task,
      label,
      inputs,
      split,
      // What tests part rows by stands in the frame; how they judge does not
      carried: testColumns(tests),
      ...(folds ? { folds } : {}),
      ...(weight ? { weight } : {}),
      ...(classWeights ? { classWeights } : {}),
    }),
    views: views.map(compileDefinition),
    // They decide whether the frame is let pass
    ...(views.some(isExpected)
      ? { expected: views.filter(isExpected).map(({ vectors }) => compileDefinition(vectors)) }
      : {}),
  }
}

/** The training frame of a model from the snapshots of its datasets. */
export function frameStep(
  services: StageServices,
  model: Model,
  common: Common,
  options: ModelRunOptions,
  logs: Logs,
): StepDefinition {
  const datasets = datasetsOf(model)
  return {
    ...common,
    name: `features-${model.name}`,
    inputs: datasetInputs(datasets, logs),
    // The clock, earlier evaluations and other datasets are no inputs
    ...(model.views.some(view => view.vectors?.expectations.some(restsOnMore)) ? { cache: 'never' as const } : {}),
    parameters: {
      ...frameDefinition(model),
      ...sealedBy(frameKey(model)),
      ...(options.spans ? { spans: { ...options.spans } } : {}),
    },
    async run(context) {
      const engine = await services.engine()
      const snapshots = new Map<string, DatasetRows>()
      for (const dataset of datasets) snapshots.set(dataset.name, await rowsOfInput(context, engine, dataset))
      const key = frameKey(model)
      const folder = await context.folder()
      if (key !== undefined) await chmod(folder, 0o700)
      const path = join(folder, 'frame.parquet')
      const reports: Report[] = []
      const summary = await buildFrame(engine, model, snapshots, path, options.spans, async (view, vectors) => {
        if (isExpected(view)) reports.push(await judgeVectors(services, view, vectors, `rows of ${model.name}`))
      })
      const { trained, ...facts } = summary
      if (trained && trained.length < 2)
        throw fail('labelClasses', {
          model: model.name,
          reason: `its label is ${trained.join()} in every training row, so there is nothing to tell apart`,
        })
      const frame = await saveUnder(services, context, key)('features', { file: path }, { ...facts })
      if (key !== undefined) await rm(path)
      return { outputs: { frame }, reports }
    },
  }
}
