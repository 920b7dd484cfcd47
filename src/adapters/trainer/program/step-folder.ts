import { copyFile, cp, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fail } from '../../../errors/index.ts'
import { pathInside } from '../../../internal/inside.ts'
import { messageOf } from '../../../internal/message-of.ts'
import type { ProgramTrainer, TrainingRequest } from '../../../ports/trainer.ts'
import { maxOnnxBytes } from '../foreign-card.ts'

/** Where everything of one training lies: the step contract, which the reference publishes. */
export interface StepFolder {
  readonly root: string
  /** The program's own files, in which it starts. */
  readonly code: string
  readonly params: string
  readonly inputs: string
  readonly train: string
  readonly test: string
  readonly outputs: string
}

const placesOf = (root: string): StepFolder => ({
  root,
  code: join(root, 'code'),
  params: join(root, 'params.json'),
  inputs: join(root, 'inputs'),
  train: join(root, 'inputs', 'train'),
  test: join(root, 'inputs', 'test'),
  outputs: join(root, 'outputs'),
})

/** Copies the files that belong to the program: what is not among them is not there, here or on another machine. */
async function copyCode(project: string, files: readonly string[], to: string, trainer: string): Promise<void> {
  for (const file of files) {
    const from = await pathInside(project, file)
    const target = join(to, file)
    try {
      if (from === undefined) throw new Error('it leads out of the project')
      await mkdir(dirname(target), { recursive: true })
      if ((await stat(from)).isDirectory()) await cp(from, target, { recursive: true })
      else await copyFile(from, target)
    } catch (error) {
      throw fail('trainerFileMissing', { trainer, file, reason: messageOf(error) }, error)
    }
  }
}

/** Lays out the folder: parameters, both parts of the frame, the program's files. */
export async function layOut(
  request: TrainingRequest,
  trainer: ProgramTrainer,
  project: string,
  files: readonly string[],
): Promise<StepFolder> {
  const places = placesOf(await request.folder())
  for (const folder of [places.code, places.train, places.test, places.outputs])
    await mkdir(folder, { recursive: true, mode: 0o700 })
  await copyCode(project, files, places.code, trainer.kind)
  const { task, classes, quantile, threshold, seed, inputs, frame, model } = request
  const columns = await frame.write('train', join(places.train, 'data.parquet'))
  await frame.write('test', join(places.test, 'data.parquet'))
  const params = {
    schema: 1,
    model,
    task,
    classes,
    ...(quantile === undefined ? {} : { quantile }),
    ...(task === 'binary' ? { threshold } : {}),
    inputs,
    label: columns.includes('millrace_class') ? 'millrace_class' : 'millrace_label',
    ...(columns.includes('millrace_class') ? { labelNumber: 'millrace_label' } : {}),
    ...(columns.includes('millrace_weight') ? { weight: 'millrace_weight' } : {}),
    ...(columns.includes('millrace_at') ? { time: 'millrace_at' } : {}),
    seed,
    train: 'inputs/train/data.parquet',
    test: 'inputs/test/data.parquet',
    outputs: 'outputs',
    params: trainer.params,
  }
  await writeFile(places.params, `${JSON.stringify(params, null, 2)}\n`, { mode: 0o600 })
  return places
}

/** What the program is told by its environment, in the words of Millrace, SageMaker and Vertex AI. `at` is the folder as the program sees it. */
export function environmentOf(
  at: StepFolder,
  request: TrainingRequest,
  trainer: ProgramTrainer,
): Record<string, string> {
  const params = Object.entries(trainer.params)
  const declared = trainer.env.flatMap(name => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return {
    ...Object.fromEntries(declared),
    MILLRACE_STEP: at.root,
    MILLRACE_PARAMS: at.params,
    MILLRACE_INPUTS: at.inputs,
    MILLRACE_OUTPUTS: at.outputs,
    MILLRACE_SEED: String(request.seed),
    PYTHONHASHSEED: '0',
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    SM_MODEL_DIR: at.outputs,
    SM_OUTPUT_DATA_DIR: at.outputs,
    SM_OUTPUT_DIR: at.outputs,
    SM_INPUT_DIR: at.inputs,
    SM_CHANNELS: JSON.stringify(['train', 'test']),
    SM_CHANNEL_TRAIN: at.train,
    SM_CHANNEL_TEST: at.test,
    SM_HPS: JSON.stringify(trainer.params),
    SM_HOSTS: JSON.stringify(['localhost']),
    SM_CURRENT_HOST: 'localhost',
    SM_NUM_GPUS: '0',
    SM_TRAINING_ENV: JSON.stringify({
      hyperparameters: trainer.params,
      channel_input_dirs: { train: at.train, test: at.test },
      model_dir: at.outputs,
    }),
    ...Object.fromEntries(
      params.map(([name, value]) => [`SM_HP_${name.toUpperCase().replaceAll('-', '_')}`, String(value)]),
    ),
    AIP_MODEL_DIR: at.outputs,
    AIP_CHECKPOINT_DIR: join(at.outputs, 'checkpoints'),
    AIP_TENSORBOARD_LOG_DIR: join(at.outputs, 'logs'),
    AIP_DATA_FORMAT: 'parquet',
    AIP_TRAINING_DATA_URI: join(at.train, 'data.parquet'),
    AIP_TEST_DATA_URI: join(at.test, 'data.parquet'),
  }
}

/** `--depth 4`, as SageMaker gives hyperparameters. */
export const argumentsOf = ({ params }: ProgramTrainer): string[] =>
  Object.entries(params).flatMap(([name, value]) => [`--${name}`, String(value)])

/** Undefined where nothing is there. */
const unlessMissing = (error: unknown): undefined => {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}

/** The text of a file; undefined where it is not there. */
export async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(unlessMissing)
}

/** The model that the program left. */
export async function readModelFile({ outputs }: StepFolder, refuse: (reason: string) => never): Promise<Uint8Array> {
  const path = join(outputs, 'model.onnx')
  const found = await stat(path).catch(unlessMissing)
  if (!found) return refuse('it wrote no model.onnx into its outputs')
  if (!found.isFile()) return refuse('its model.onnx is no file')
  if (found.size === 0) return refuse('its model.onnx is empty')
  if (found.size > maxOnnxBytes) return refuse(`its model.onnx has ${found.size} bytes, more than 2 GiB`)
  return readFile(path)
}

/** Figures that it noted: a JSON object with key, value and, where there are several, step a line. Others are left alone. */
export async function readMetrics({ outputs }: StepFolder, note: TrainingRequest['metric']): Promise<void> {
  for (const line of ((await textOf(join(outputs, 'metrics.ndjson'))) ?? '').split('\n')) {
    if (line.trim() === '') continue
    try {
      const { key, value, step } = JSON.parse(line) as Record<string, unknown>
      if (typeof key === 'string' && typeof value === 'number' && Number.isFinite(value))
        note(key, value, typeof step === 'number' && Number.isSafeInteger(step) ? step : undefined)
    } catch {
      // what is no JSON is no figure
    }
  }
}

/** `importance.json`: an object of numbers by input, as shares of their sum; empty where it is not there or names others. */
export async function readImportance({ outputs }: StepFolder, names: readonly string[]): Promise<readonly number[]> {
  try {
    const found = JSON.parse((await textOf(join(outputs, 'importance.json'))) ?? '{}') as Record<string, unknown>
    const values = names.map(name => Math.max(0, Number(found[name] ?? 0)))
    const total = values.reduce((sum, one) => sum + one, 0)
    return total > 0 && Number.isFinite(total) ? values.map(one => one / total) : []
  } catch {
    return []
  }
}
