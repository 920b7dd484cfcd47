import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fail } from '../../../errors/index.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { foreignCard } from '../foreign-card.ts'
import {
  filesOfTrainer,
  type ModelTrainer,
  type ProgramTrainer,
  type ReferenceScores,
  type TrainingResult,
  type TrainingRequest,
} from '../../../ports/trainer.ts'
import { type ProgramEnd, runProgram } from './run-program.ts'
import { invocationOf, type ProgramTrainerOptions } from './start.ts'
import { layOut, readImportance, readMetrics, readModelFile, textOf, type StepFolder } from './step-folder.ts'

/** What a training may write before it is ended, 20 GiB. */
const maxBytes = 20 * 2 ** 30
/** Most held-out rows that the ONNX file is held to the program's own scores on. */
const referenceRows = 2_000
const progressMs = 500

const named = (trainer: ProgramTrainer): string =>
  trainer.kind === 'command' ? (trainer.argv[0] ?? '') : trainer.kind === 'container' ? trainer.image : trainer.script

/** Why a program gave no model, in words; undefined where it ended well. */
function whyEnded(end: ProgramEnd, { timeout }: ProgramTrainer): string | undefined {
  const lines = 'tail' in end ? end.tail.filter(line => line.trim() !== '').slice(-3) : []
  const said = lines.length === 0 ? '' : `; it said: ${lines.join(' | ')}`
  switch (end.kind) {
    case 'exit':
      return end.code === 0 ? undefined : `it ended with exit code ${end.code}${said}`
    case 'signal': {
      const memory = end.signal === 'SIGKILL' ? ', as happens when memory runs out' : ''
      return `it was ended by ${end.signal}${memory}${said}`
    }
    case 'timeout':
      return `it was not done after ${Math.round(timeout / 1e6)} s, the timeout that is declared${said}`
    case 'too large':
      return `it wrote more than ${maxBytes / 2 ** 30} GiB${said}`
    case 'cancelled':
      return 'the run was cancelled'
    case 'missing':
      return `it does not start: ${end.reason}`
  }
}

/** The program's own scores of the held-out rows, in their order; undefined where it wrote none. */
async function scoresOf(
  request: TrainingRequest,
  { outputs }: StepFolder,
  refuse: (reason: string) => never,
): Promise<ReferenceScores | undefined> {
  const { frame, task, classes } = request
  const file = ['scores.parquet', 'scores.csv'].find(name => existsSync(join(outputs, name)))
  if (file === undefined) return undefined
  const columns = await frame
    .read(join(outputs, file))
    .catch((error: unknown) => refuse(`its ${file} cannot be read: ${messageOf(error)}`))
  const names = task === 'multiclass' ? classes : ['score']
  const lists = names.map(name => {
    const found = columns.get(name)
    if (!found) return refuse(`its ${file} has no column ${name}; it has ${[...columns.keys()].join(', ')}`)
    const values = Array.from(found.values as ArrayLike<unknown>, Number)
    if (found.nulls?.includes(1) === true || !values.every(Number.isFinite))
      return refuse(`column ${name} of its ${file} has values that are no finite number`)
    return values
  })
  const { rows } = await frame.rows('test')
  if (lists[0]?.length !== rows)
    return refuse(`its ${file} has ${lists[0]?.length ?? 0} rows, there are ${rows} held-out rows`)
  const held = await frame.rows('test', referenceRows)
  // the same rows as those that are read with a limit: every so many
  const step = Math.max(1, Math.ceil(rows / referenceRows))
  const scores = new Float32Array(held.rows * lists.length)
  for (let row = 0; row < held.rows; row++)
    for (const [at, list] of lists.entries()) scores[row * lists.length + at] = list[row * step] as number
  return { rows: held.rows, inputs: held.inputs, scores }
}

async function train(request: TrainingRequest, options: ProgramTrainerOptions): Promise<TrainingResult> {
  const trainer = request.trainer as ProgramTrainer
  const what = named(trainer)
  const folder = await layOut(request, trainer, options.project, filesOfTrainer(trainer))
  let shown = 0
  const onLine = (line: string): void => {
    const now = performance.now()
    if (now - shown < progressMs) return
    shown = now
    request.progress(0, line)
  }
  const { argv, env, after } = await invocationOf(request, trainer, folder, options, onLine)
  const log = join(folder.root, 'log.txt')
  const end = await runProgram({
    argv,
    cwd: folder.code,
    env,
    log,
    folder: folder.root,
    maxBytes,
    signal: request.signal,
    onLine,
    timeoutMs: trainer.timeout / 1000,
  })
  await after?.()
  request.signal.throwIfAborted()
  const why = whyEnded(end, trainer)
  if (why !== undefined) {
    const error = fail('trainerFailed', { trainer: what, model: request.model, reason: why })
    // By the contract 75 asks to be tried again later
    throw end.kind === 'exit' && end.code === 75 ? Object.assign(error, { retryable: true }) : error
  }
  const refuse = (reason: string): never => {
    throw fail('trainerOutput', { trainer: what, model: request.model, reason })
  }
  const onnx = await readModelFile(folder, refuse)
  const names = request.inputs.map(one => one.name)
  const card = foreignCard(request, {
    onnx,
    file: `the model.onnx of ${what}`,
    trainer: trainer.kind,
    reproducible: trainer.reproducible,
    importance: await readImportance(folder, names),
  })
  const reference = await scoresOf(request, folder, refuse)
  await readMetrics(folder, request.metric)
  return { onnx, card, log: (await textOf(log)) ?? '', ...(reference ? { reference } : {}) }
}

/** Programs in any language that train by the step contract: Python scripts, TypeScript modules, commands, containers. */
export function openProgramTrainer(options: ProgramTrainerOptions): ModelTrainer {
  return { train: request => train(request, options) }
}
