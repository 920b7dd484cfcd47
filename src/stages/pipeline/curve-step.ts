import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Folds } from '../../define/folds.ts'
import type { LearningCurve } from '../../define/learning-curve.ts'
import type { Model } from '../../define/model.ts'
import { lossOfTask } from '../../define/search.ts'
import { isMillraceError } from '../../errors/index.ts'
import { StepFailure, type StepContext, type StepDefinition, type StepResult } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { measure } from '../../math/metrics/catalogue.ts'
import { verifyModel } from '../../onnx/index.ts'
import { type FrameRows, isOwn, type TrainingResult, type Trainer } from '../../ports/trainer.ts'
import type { CurvePoint, LearningCurveFigure } from '../evaluate/figures/learning-curve.ts'
import { scoreRows } from '../evaluate/subject.ts'
import type { FoldPart } from '../features/parts.ts'
import { countRows, openFrame } from '../train/read-frame.ts'
import { frameKey } from './save.ts'
import type { StageServices } from '../services.ts'
import { curveStepName, from, input, searchStepName, type Common } from './step-parts.ts'
import { codeVariable, seedOfTrainer, type TrainParameters } from './train-step.ts'
import { chosen, type Winner } from './winner.ts'

/** What measuring a curve is told: what training is, which rows are judged, and how many shares there are. */
type CurveParameters = TrainParameters & {
  readonly folds: Pick<Folds, 'count' | 'by'> & { readonly gap?: number }
  readonly learningCurve: LearningCurve
}

/** Of fewer rows a trainer learns a constant, whose loss would leave no room for the others' in a picture. */
const fewestRows = 20

/** The learning curve: the model's trainer on growing shares of the training rows. No held-out row is read. */
export function curveStep(
  services: StageServices,
  model: Model & { readonly learningCurve: LearningCurve; readonly folds: Folds },
  common: Common,
  told: TrainParameters,
): StepDefinition {
  const { learningCurve, folds } = model
  const gap = folds.by === 'time' && folds.gap !== undefined ? { gap: Number(folds.gap) } : {}
  const parameters: CurveParameters = { ...told, learningCurve, folds: { by: folds.by, count: folds.count, ...gap } }
  return {
    ...common,
    name: curveStepName(model),
    inputs: {
      frame: from(`features-${model.name}`, 'frame'),
      ...(model.search ? { winner: from(searchStepName(model), 'winner') } : {}),
    },
    parameters: parameters as unknown as Json,
    seed: seedOfTrainer(model.trainer),
    // What is sealed is read where the keys are: in the process that drives the run. Programs are processes themselves
    ...(services.curveModule && isOwn(model.trainer) && frameKey(model) === undefined
      ? { runsIn: 'process', module: services.curveModule, env: { [codeVariable]: common.code } }
      : { runsIn: 'inline', run: context => curve(context, services) }),
  }
}

/** The step itself, here or in a process of its own. */
export async function curve(
  context: StepContext,
  services: Pick<StageServices, 'engine' | 'trainer' | 'runtime'>,
): Promise<StepResult> {
  const { folds, learningCurve, ...told } = context.parameters as unknown as CurveParameters
  const { points, maxRows } = learningCurve
  const engine = await services.engine()
  const path = await input(context, 'frame').path()
  const winner = context.inputs.winner && ((await context.inputs.winner.json<never>()) as Winner)
  const trainer = winner ? chosen(told.trainer, winner) : told.trainer
  // The last fold: along time it is the one with the most rows before it
  const last: FoldPart = {
    fold: folds.count,
    alongTime: folds.by === 'time',
    ...(folds.gap === undefined ? {} : { gap: folds.gap }),
  }
  const whole = Math.min(1, maxRows / Math.max(1, await countRows(engine, path, 'train', last)))
  const held = await openFrame(engine, path, told.inputs, last).rows('test', maxRows)
  const measured: CurvePoint[] = []
  for (let point = 0; point < points; point++) {
    context.signal.throwIfAborted()
    // Rows are drawn by their place, so that each share holds the ones before it
    const share = whole * 2 ** (point - points + 1)
    context.progress(point / points, `share ${point + 1} of ${points}`)
    measured.push(await pointOf(context, services, { ...told, trainer }, held, path, { ...last, share }))
  }
  const figure: LearningCurveFigure = {
    kind: 'learning curve',
    schema: 1,
    metric: lossOfTask[told.task],
    judged: held.rows,
    points: measured,
  }
  return { outputs: { curve: await context.save('json', JSON.stringify(figure)) } }
}

async function pointOf(
  context: StepContext,
  services: Pick<StageServices, 'engine' | 'trainer' | 'runtime'>,
  told: TrainParameters,
  held: FrameRows,
  path: string,
  part: FoldPart,
): Promise<CurvePoint> {
  const frame = openFrame(await services.engine(), path, told.inputs, part)
  const own = await frame.rows('train')
  const none = (reason: string): CurvePoint => ({ rows: own.rows, held: null, trained: null, reason })
  if (own.rows < fewestRows) return none(`fewer than ${fewestRows} rows say nothing of a model`)
  let trained: TrainingResult
  try {
    trained = await trainShare(context, services, told, frame, part)
  } catch (error) {
    // A share may lack what all rows have, such as a second class; what all of them lack, training itself says
    if (!isMillraceError(error)) throw error
    return none(error.message)
  }
  const broken = verifyModel(trained.onnx).find(check => check.severity === 'critical' && check.status === 'fail')
  if (broken) throw new StepFailure('error', `its ONNX file is refused: ${broken.message}`)
  const loaded = await (await services.runtime()).load(trained.onnx, trained.card.binding)
  try {
    const valueOn = async (rows: FrameRows): Promise<number | null> => {
      const value = measure(lossOfTask[told.task], {
        task: told.task,
        labels: rows.labels,
        scores: await scoreRows({ loaded, inputs: trained.card.inputs }, rows.inputs, rows.rows),
        outputs: loaded.outputs ?? 1,
        ...(rows.weights ? { weights: rows.weights } : {}),
        threshold: told.threshold,
        level: told.quantile ?? 0.5,
      })
      return Number.isFinite(value) ? value : null
    }
    return { rows: own.rows, held: await valueOn(held), trained: await valueOn(own) }
  } finally {
    await loaded.close()
  }
}

async function trainShare(
  context: StepContext,
  services: Pick<StageServices, 'trainer'>,
  told: TrainParameters,
  frame: ReturnType<typeof openFrame>,
  { share = 1 }: FoldPart,
): Promise<TrainingResult> {
  const { views: _views, files: _files, keys: _keys, ...request } = told
  const { classes = [] } = input(context, 'frame').ref.meta as { readonly classes?: readonly string[] }
  return (await services.trainer(told.trainer as Trainer)).train({
    ...request,
    classes,
    frame,
    seed: seedOfTrainer(told.trainer) || context.seed,
    signal: context.signal,
    folder: async () => {
      const own = join(await context.folder(), `share-${share}`)
      await mkdir(own, { recursive: true, mode: 0o700 })
      return own
    },
    progress: () => undefined,
    metric: () => undefined,
  })
}
