import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runEnvironment, stepEnvironment } from '../../config/environment.ts'
import { git } from '../../config/git.ts'
import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import type { Dataset } from '../../define/dataset.ts'
import type { Model } from '../../define/model.ts'
import type { Monitor } from '../../define/monitor.ts'
import type { Engine } from '../../engine/index.ts'
import { fail } from '../../errors/index.ts'
import { parseTime, type Micros } from '../../internal/time.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import type { TrainRequest } from '../../stages/pipeline/run.ts'
import { flightsFile, thinning } from './data.ts'
import { PlayClock } from './play-clock.ts'

export interface DemoOptions {
  /** Folder in which `.millrace/demo` is made anew. */
  readonly cwd: string
  readonly rows?: number
  /** A new chapter of the story. */
  readonly chapter: (title: string) => void
  /** What happens within it. */
  readonly say: (text: string) => void
}

/** What the story is played on: the flights project in its folder, its clock in spring 2001, and what it runs on. */
export interface Stage extends DemoOptions {
  readonly root: string
  /** Parquet file of the real flights, and the condition that thins them. */
  readonly source: string
  readonly where: string
  readonly clock: PlayClock
  readonly workspace: Workspace
  readonly engine: DataEngine
  readonly runs: Engine
  readonly flights: Dataset
  readonly model: Model
  readonly watch: Monitor
  /** File of a month, `2001-04`, in the project. */
  readonly month: (name: string) => string
  readonly environments: () => Promise<Pick<TrainRequest, 'stepEnvironment' | 'runEnvironment'>>
}

export const at = (text: string): Micros => parseTime(text) as Micros

const totalRows = 3_000_000

/** Makes the project anew, under git, with nothing in it but its definition; `play` has it open. */
export async function onStage<T>(options: DemoOptions, play: (stage: Stage) => Promise<T>): Promise<T> {
  const root = join(options.cwd, '.millrace', 'demo')
  await rm(root, { recursive: true, force: true })
  await mkdir(join(root, 'data', 'flights'), { recursive: true })
  await cp(
    fileURLToPath(new URL('../../../examples/flights/millrace.config.ts', import.meta.url)),
    join(root, 'millrace.config.ts'),
  )
  const source = flightsFile(options.cwd)
  await commit(root, 'Declare the flights project')
  const clock = new PlayClock(at('2001-04-01'))
  const workspace = await openWorkspace(root, { clock })
  try {
    return await play(await furnish(options, root, source, clock, workspace))
  } finally {
    await workspace.close()
    options.say('')
    options.chapter('')
  }
}

async function furnish(
  options: DemoOptions,
  root: string,
  source: string,
  clock: PlayClock,
  workspace: Workspace,
): Promise<Stage> {
  const { project } = workspace
  const flights = project.datasets.get('flights')
  const model = project.models.get('lateness')
  const watch = project.monitors.get('lateness-watch')
  if (!flights || !model || !watch) throw fail('configNotProject', { file: 'millrace.config.ts' })
  const runs = await workspace.engineOf(event => {
    if (event.type === 'progress' && event.message) options.say(`${event.step}: ${event.message}`)
    else if (event.type === 'step' && event.status === 'running') options.say(event.step)
  })
  return {
    ...options,
    root,
    source,
    where: thinning(totalRows, options.rows),
    clock,
    workspace,
    engine: await workspace.engine(),
    runs,
    flights,
    model,
    watch,
    month: name => join(root, 'data', 'flights', `${name}.parquet`),
    environments: async () => ({
      stepEnvironment: await stepEnvironment(root),
      runEnvironment: await runEnvironment(workspace),
    }),
  }
}

export async function commit(root: string, message: string): Promise<void> {
  await writeFile(join(root, '.gitignore'), '.millrace/\ndata/\n')
  if ((await git(root, 'rev-parse', '--show-toplevel'))?.trim() !== root) await git(root, 'init', '-q')
  await git(root, 'add', '-A')
  const author = ['-c', 'user.name=Millrace demo', '-c', 'user.email=demo@localhost', '-c', 'commit.gpgsign=false']
  await git(root, ...author, 'commit', '-q', '-m', message)
}
