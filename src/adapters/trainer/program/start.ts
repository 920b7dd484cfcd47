import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { userFlags } from '../../../internal/container-user.ts'
import { compiledModule } from '../../../internal/compiled.ts'
import type { ProgramTrainer, TrainingRequest } from '../../../ports/trainer.ts'
import { pythonEnvironment, readLock } from './python-environment.ts'
import { argumentsOf, environmentOf, type StepFolder } from './step-folder.ts'

export interface ProgramTrainerOptions {
  /** Folder of the project, below which the program's files are. */
  readonly project: string
  /** Folder that holds Python environments. */
  readonly environments: string
  /** How containers are started here: program, flags before `run`, flags of `run`. */
  readonly container: {
    readonly program: string
    readonly globalFlags: readonly string[]
    readonly runFlags: readonly string[]
    /** `none`, `host`, or the name of a network. */
    readonly network: string
  }
}

/** What is started for a trainer. */
export interface Invocation {
  readonly argv: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string>>
  /** Ends what the program's own end leaves behind. */
  readonly after?: () => Promise<void>
}

/** Where the folder of a step lies in a container. */
const inside = '/millrace'

function seenInside(folder: StepFolder): StepFolder {
  const at = (path: string): string => inside + path.slice(folder.root.length)
  return {
    root: inside,
    code: at(folder.code),
    params: at(folder.params),
    inputs: at(folder.inputs),
    train: at(folder.train),
    test: at(folder.test),
    outputs: at(folder.outputs),
  }
}

function inContainer(
  request: TrainingRequest,
  trainer: Extract<ProgramTrainer, { kind: 'container' }>,
  folder: StepFolder,
  { program, globalFlags, runFlags, network }: ProgramTrainerOptions['container'],
): Invocation {
  const name = `millrace-train-${randomUUID()}`
  const told = environmentOf(seenInside(folder), request, trainer)
  const [entrypoint, ...rest] = trainer.argv
  return {
    argv: [
      program,
      ...globalFlags,
      'run',
      '--rm',
      '--name',
      name,
      '--pull',
      'never',
      '--network',
      network,
      '--cap-drop',
      'all',
      '--security-opt',
      'no-new-privileges',
      '--volume',
      `${folder.root}:${inside}:rw`,
      '--workdir',
      `${inside}/code`,
      ...Object.keys(told).flatMap(one => ['--env', one]),
      // its files are ours, and what it leaves is to be
      ...userFlags(program),
      ...runFlags,
      // a command that is named stands in place of what the image would start
      ...(entrypoint === undefined ? [] : ['--entrypoint', entrypoint]),
      trainer.image,
      ...rest,
      ...argumentsOf(trainer),
    ],
    env: { ...told, PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' },
    after: () =>
      new Promise(resolve => {
        execFile(program, [...globalFlags, 'rm', '--force', name], () => resolve())
      }),
  }
}

/** What is to be started, with everything made that it needs. */
export async function invocationOf(
  request: TrainingRequest,
  trainer: ProgramTrainer,
  folder: StepFolder,
  options: ProgramTrainerOptions,
  onLine: (line: string) => void,
): Promise<Invocation> {
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder.root,
    LANG: 'C.UTF-8',
    ...environmentOf(folder, request, trainer),
  }
  const args = argumentsOf(trainer)
  switch (trainer.kind) {
    case 'python': {
      const { lock, python, script } = trainer
      const text = await readLock(join(folder.code, lock), lock)
      const { environments } = options
      const made = await pythonEnvironment({ text, lock, python, folder: environments, signal: request.signal, onLine })
      return { argv: [made, script, ...args], env }
    }
    case 'typescript': {
      const host = fileURLToPath(compiledModule('./typescript-host.ts', import.meta.url))
      return { argv: [process.execPath, host, trainer.script], env }
    }
    case 'command': {
      const [program = '', ...rest] = trainer.argv
      return { argv: [program, ...rest, ...args], env }
    }
    case 'container':
      return inContainer(request, trainer, folder, options.container)
  }
}
