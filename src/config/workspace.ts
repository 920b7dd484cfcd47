import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Engine, EngineListener, EngineOptions } from '../engine/index.ts'
import { fail } from '../errors/index.ts'
import type { DataEngine } from '../ports/data-engine.ts'
import type { Executor } from '../ports/executor.ts'
import type { InferenceRuntime } from '../ports/inference-runtime.ts'
import type { KeyService } from '../ports/key-service.ts'
import type { OpenSourceTable } from '../ports/table-source.ts'
import type { OnlineStore } from '../ports/online-store.ts'
import type { Clock } from '../ports/clock.ts'
import { openStates } from '../stages/validate/states.ts'
import type { StageServices } from '../stages/services.ts'
import { sealedArtifacts } from '../stages/protect/sealed-artifacts.ts'
import type { Project } from '../define/project.ts'
import { compiledModule } from '../internal/compiled.ts'
import { adapters } from './resolve.ts'
import { curveModule, queriesOf, resolved, trialModule, urlIn } from './settings.ts'
import type { Keyring } from './keyring.ts'
import { findRoot, loadProject } from './load.ts'
import { openRuntime } from './runtime.ts'
import { trainersOf } from './trainers.ts'
import { makeStateFolder, sweepStateFolder } from './state-folder.ts'

type ResolveRun = NonNullable<EngineOptions['resolve']>

/** A project opened for work: its definitions and everything they run on. Close it. */
export interface Workspace extends StageServices {
  /** `resolve` gives the steps of a run that another process began, for taking it up. */
  readonly engineOf: (listener?: EngineListener, resolve?: ResolveRun) => Promise<Engine>
  /** Where steps run, as the project says. */
  readonly executor: Executor
  /** Processes of this machine, wherever steps run: for commands of our own. */
  readonly processes: Executor
  online(): Promise<OnlineStore>
  /** Each model in a process of its own: for a server's challengers. */
  childProcessRuntime(): Promise<InferenceRuntime>
  close(): Promise<void>
}

export interface WorkspaceOptions {
  readonly project?: Project
  readonly clock?: Clock
  /** Who reads what is sealed, for grants and the audit log; `pipeline`. */
  readonly principal?: string
  /** Instead of the project's own keystore. */
  readonly keys?: () => Promise<KeyService>
  /** Hears what a person should know although the work goes on. Default: a line on stderr. */
  readonly note?: (text: string) => void
}

/** Each kind of foreign source by its adapter, loaded when it is first used. */
function openForeign(root: string): OpenSourceTable {
  return async (source, files, dataset) => {
    if (source.kind === 'sqlite')
      return (await adapters.source.sqlite()).openSqliteTable(source.path, resolve(root, source.file), {
        dataset,
        shown: source.file,
      })
    if (source.kind === 'arrow') return (await adapters.source.arrow()).openArrowFile(files[0] ?? '')
    const url = urlIn(source.urlFrom, `PostgreSQL URL of table ${source.path} (dataset ${dataset})`)
    return (await adapters.source.postgres()).openPostgresTable(source.path, url, {
      dataset,
      urlFrom: source.urlFrom,
    })
  }
}

/** Refuses what an engine that computes elsewhere does not do, before anything of it is started. */
function requireLocal(engine: DataEngine): DataEngine {
  if (!engine.remote) return engine
  throw fail('engineCannot', {
    engine: 'Spark Connect',
    what: 'snapshots, features, training sets and scores',
    reason: 'it validates and profiles, and DuckDB on one machine makes what models are trained on',
  })
}

/** Opens the project at or above a folder. What is heavy is opened at first use. */
export async function openWorkspace(start: string, options: WorkspaceOptions = {}): Promise<Workspace> {
  const root = findRoot(start)
  const project = options.project ?? (await loadProject(root))
  const folder = makeStateFolder(root)
  await sweepStateFolder(root, folder)
  const note = options.note ?? ((text: string) => void process.stderr.write(`! ${text}\n`))
  const clock = options.clock ?? (await adapters.clock.system()).systemClock()
  const context = { project, root, folder, note }
  const store = await resolved('metadata', context)
  let keyring: Promise<Keyring> | undefined
  const keys = options.keys ?? (async () => (await (keyring ??= resolved('keys', { ...context, store, clock }))).keys)
  const opened = await resolved('artifacts', context)
  const artifacts = await sealedArtifacts(opened.store, {
    store,
    clock,
    keys,
    project: project.name,
    principal: options.principal ?? 'pipeline',
    folder: join(folder, 'in-clear'),
  })
  const processes = (await adapters.executor.process()).processExecutor()
  const { executor, trainModule } = await resolved('run', { ...context, processes })
  let engine: Promise<DataEngine> | undefined
  let runtime: Promise<InferenceRuntime> | undefined
  let online: Promise<OnlineStore> | undefined
  const engines: Engine[] = []
  const validationEngine = () => (engine ??= resolved('data', context))
  return {
    project,
    root,
    folder,
    store,
    artifacts,
    clock,
    executor,
    processes,
    ...(trainModule ? { trainModule } : {}),
    trialModule,
    curveModule,
    validationEngine,
    engine: async () => requireLocal(await validationEngine()),
    openForeign: openForeign(root),
    states: () => openStates(join(folder, 'validation')),
    get userCode() {
      return { script: fileURLToPath(compiledModule('./batch-process.ts', import.meta.url)), root }
    },
    runtime: () => (runtime ??= openRuntime()),
    batchRuntime: async () => (await adapters.inference.threads()).openThreads(availableParallelism()),
    childProcessRuntime: async () => (await adapters.inference.childProcess()).openChildProcesses(),
    online: () => (online ??= resolved('online', context)),
    trainer: trainersOf(project, root, folder, artifacts),
    keys,
    queries: queriesOf(project),
    async engineOf(listener, resolve) {
      const { Engine } = await import('../engine/index.ts')
      const made = new Engine({
        store,
        artifacts,
        clock,
        executor,
        artifactAccess: opened.access,
        work: join(folder, 'runs'),
        ...(listener ? { listener } : {}),
        ...(resolve ? { resolve } : {}),
      })
      engines.push(made)
      return made
    },
    async close() {
      for (const one of engines) await one.close()
      // What could not be opened was told to whoever asked for it
      const told = <T>(one: Promise<T> | undefined): Promise<T | undefined> | undefined => one?.catch(() => undefined)
      await (await told(engine))?.close()
      await (await told(online))?.close()
      await artifacts.wipe()
      await (await told(keyring))?.close()
      await store.close()
    },
  }
}
