import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Project } from '../define/project.ts'
import type { ProjectSettings } from '../define/settings.ts'
import type { ArtifactAccess } from '../engine/index.ts'
import { fail } from '../errors/index.ts'
import { compiledModule } from '../internal/compiled.ts'
import type { ArtifactStore } from '../ports/artifact-store.ts'
import { parseDuration } from '../internal/time.ts'
import type { Clock } from '../ports/clock.ts'
import type { DataEngine } from '../ports/data-engine.ts'
import type { Executor } from '../ports/executor.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'
import type { OnlineStore } from '../ports/online-store.ts'
import { inEnvironment } from '../stages/features/applied.ts'
import type { StageServices } from '../stages/services.ts'
import type { Keyring } from './keyring.ts'
import { adapters } from './resolve.ts'
import { checkDatabase } from './state-folder.ts'

/** What a setting is resolved with. */
export interface SettingsContext {
  readonly project: Project
  readonly root: string
  /** The project's `.millrace`. */
  readonly folder: string
  /** Hears what a person should know although the work goes on. */
  readonly note: (text: string) => void
}

/** Settings that choose one of several kinds; the others are read where they are used. */
type SettingKinds = Required<Omit<ProjectSettings, 'serve' | 'audit' | 'environment' | 'prometheus'>>

/** What each of them is resolved to, and what that takes besides the context. */
interface SettingResolvers {
  readonly metadata: (context: SettingsContext) => Promise<MetadataStore>
  readonly artifacts: (
    context: SettingsContext,
  ) => Promise<{ readonly store: ArtifactStore; readonly access: ArtifactAccess }>
  readonly data: (context: SettingsContext) => Promise<DataEngine>
  readonly online: (context: SettingsContext) => Promise<OnlineStore>
  readonly run: (context: SettingsContext & { readonly processes: Executor }) => Promise<{
    readonly executor: Executor
    readonly trainModule?: StageServices['trainModule']
  }>
  readonly keys: (
    context: SettingsContext & { readonly store: MetadataStore; readonly clock: Clock },
  ) => Promise<Keyring>
}

type Rows = {
  readonly [Name in keyof SettingKinds]: {
    readonly [Kind in SettingKinds[Name]['kind']]: (
      settings: Extract<SettingKinds[Name], { readonly kind: Kind }>,
      context: Parameters<SettingResolvers[Name]>[0],
    ) => ReturnType<SettingResolvers[Name]>
  }
}

/** What holds where a project says nothing: everything on this machine. */
const defaults: SettingKinds = {
  metadata: { kind: 'sqlite' },
  artifacts: { kind: 'files' },
  data: { kind: 'duckdb' },
  online: { kind: 'lmdb' },
  run: { kind: 'inline' },
  keys: { kind: 'local' },
}

/** The settings of a project with the defaults of those that it does not have. */
export const settingsOf = ({ settings }: Pick<Project, 'settings'>): SettingKinds => ({ ...defaults, ...settings })

/** What a training runs in a process of its own. */
const trainModule = {
  file: fileURLToPath(compiledModule('./train-process.ts', import.meta.url)),
  export: 'train',
}

/** What one trial of a search runs in a process of its own, wherever models are trained. */
export const trialModule = { ...trainModule, export: 'trial' }

/** What a learning curve runs in a process of its own. */
export const curveModule = { ...trainModule, export: 'curve' }

/** What an environment variable that the project names holds. Throws `variableMissing`. */
export function urlIn(variable: string, what: string): string {
  const held = process.env[variable]
  if (held) return held
  throw fail('variableMissing', { variable, what })
}

/** Who answers queries, where the project has a Prometheus. Throws `variableMissing`. */
export function queriesOf(project: Project): StageServices['queries'] {
  const { prometheus: said } = project.settings
  if (!said) return undefined
  return async () => {
    const token = said.tokenFrom === undefined ? undefined : urlIn(said.tokenFrom, 'Prometheus token')
    return (await adapters.queries.prometheus()).openPrometheus(urlIn(said.urlFrom, 'Prometheus URL'), token)
  }
}

/** What several environments keep in one place is each one's own. */
const namespaceOf = (project: Project): string => `millrace:${inEnvironment(project, project.name)}`

/** The one table: a kind of a setting, and what it is opened by. Adapters are loaded when they are first used. */
const rows: Rows = {
  metadata: {
    async sqlite(_, { folder, note }) {
      const path = join(folder, 'millrace.db')
      await checkDatabase(folder, path)
      return (await adapters.metadata.sqlite()).openSqlite(path, note)
    },
    async postgres({ urlFrom }, { note }) {
      return (await adapters.metadata.postgres()).openPostgres(urlIn(urlFrom, 'PostgreSQL URL'), note)
    },
  },
  artifacts: {
    async files(_, { folder }) {
      const path = join(folder, 'artifacts')
      return {
        store: await (await adapters.artifacts.fs()).openArtifacts(path),
        access: {
          module: compiledModule('../adapters/artifacts/fs/open.ts', import.meta.url).href,
          export: 'openArtifacts',
          argument: path,
        },
      }
    },
  },
  data: {
    duckdb: async ({ threads, maxMemoryGb }, { folder }) =>
      (await adapters.data.duckdb()).openDuckdb({
        scratch: join(folder, 'scratch'),
        ...(threads === undefined ? {} : { threads }),
        ...(maxMemoryGb === undefined ? {} : { memory: maxMemoryGb * 1e9 }),
      }),
    sparkConnect: async ({ urlFrom, tokenFrom, maxStatement }, { folder }) =>
      (await adapters.data.spark()).openSpark({
        url: urlIn(urlFrom, 'Spark Connect URL'),
        token: tokenFrom === undefined ? undefined : urlIn(tokenFrom, 'Spark Connect token'),
        maxStatementMicros: maxStatement === undefined ? undefined : parseDuration(maxStatement),
        local: async () => (await adapters.data.duckdb()).openDuckdb({ scratch: join(folder, 'scratch') }),
      }),
  },
  online: {
    lmdb: async (_, { project, folder, note }) =>
      (await adapters.online.lmdb()).openLmdb(join(folder, inEnvironment(project, 'online')), {
        onDamage: ({ path, reason, kept }) =>
          note(
            `The online store ${path} is damaged (${reason}). It was moved to ${kept}; a new one is filled from the snapshots. What was pushed since they were made has to be pushed again.`,
          ),
        onUnrecorded: ({ path, reason }) =>
          note(
            `It could not be written down how the online store ${path} was left (${reason}). Its records are there; it is read whole when it is opened next.`,
          ),
      }),
    redis: async ({ urlFrom }, { project }) =>
      (await adapters.online.redis()).openRedis(urlIn(urlFrom, 'Redis URL'), {
        namespace: namespaceOf(project),
      }),
    postgres: async ({ urlFrom }, { project }) =>
      (await adapters.online.postgres()).openPostgresOnline(urlIn(urlFrom, 'PostgreSQL URL'), {
        namespace: namespaceOf(project),
      }),
  },
  run: {
    inline: async (_, { processes }) => ({ executor: processes }),
    process: async (_, { processes }) => ({ executor: processes, trainModule }),
    async container({ kind: _kind, ...options }, { root, folder }) {
      const executor = (await adapters.executor.container()).containerExecutor({
        ...options,
        mounts: [join(folder, 'artifacts')],
        paths: [
          { here: root, inside: '/app' },
          { here: dirname(dirname(dirname(trainModule.file))), inside: '/app/node_modules/millrace' },
        ],
      })
      return { executor, trainModule }
    },
  },
  keys: {
    local: async (_, context) => (await import('./keyring.ts')).openKeyring(context),
  },
}

/** Opens what a project's setting says. Throws `variableMissing`, and what its adapter does. */
export function resolved<Name extends keyof SettingKinds>(
  name: Name,
  context: Parameters<SettingResolvers[Name]>[0],
): ReturnType<SettingResolvers[Name]> {
  const settings = settingsOf(context.project)[name]
  const row = rows[name] as Readonly<
    Record<
      string,
      (settings: unknown, context: Parameters<SettingResolvers[Name]>[0]) => ReturnType<SettingResolvers[Name]>
    >
  >
  const open = row[settings.kind]
  if (!open) throw new Error(`no row of the settings table opens ${name} ${settings.kind}`)
  return open(settings, context)
}
