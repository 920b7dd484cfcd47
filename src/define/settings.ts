import { nameForm } from '../internal/ids.ts'
import {
  flag,
  listOf,
  members,
  numberFrom,
  oneOf,
  optional,
  text,
  variableName,
  variants,
  webUrl,
  wholeFrom,
  type Forms,
} from './forms.ts'

/** What a project runs on. Everything has a default on one machine; the definitions are the same whatever stands here. */
export interface ProjectSettings {
  /** Where runs, versions, reports and decisions are recorded. Default: SQLite below `.millrace/`. */
  readonly metadata?: MetadataSettings
  /** Where artifacts lie. Default: files below `.millrace/`. */
  readonly artifacts?: ArtifactSettings
  /** What reads and computes. Default: DuckDB in the process. */
  readonly data?: DataSettings
  /** Where online features lie. Default: LMDB below `.millrace/`. */
  readonly online?: OnlineSettings
  /** Where models are trained. Default: in the process that runs the pipeline. */
  readonly run?: RunSettings
  /** What keeps the keys. Default: a sealed keystore below `.millrace/`. */
  readonly keys?: KeySettings
  /** What `millrace up` listens on where its flags say nothing else. */
  readonly serve?: ServeSettings
  /** The Prometheus that rollouts ask what `canary.queries` say. */
  readonly prometheus?: PrometheusSettings
  /** Where the audit log is anchored besides the metadata store. */
  readonly audit?: AuditSettings
  /** Which of several environments this is, `dev` by default: applied features and online records are each one's own. */
  readonly environment?: string
}

export type MetadataSettings = { readonly kind: 'sqlite' } | PostgresMetadata

export interface PostgresMetadata {
  /** In a PostgreSQL database, which servers of many machines can share. */
  readonly kind: 'postgres'
  /** Environment variable that holds the PostgreSQL URL. */
  readonly urlFrom: string
}

export interface ArtifactSettings {
  /** Files below `.millrace/`, named by their content. */
  readonly kind: 'files'
}

export interface DataSettings {
  /** DuckDB in the process. */
  readonly kind: 'duckdb'
  /** Threads of it (default 2). */
  readonly threads?: number
  /** Gigabytes that it may hold before it spills below `.millrace/` (default 1.2). */
  readonly maxMemoryGb?: number
}

export type OnlineSettings =
  | {
      /** LMDB below `.millrace/`. */
      readonly kind: 'lmdb'
    }
  | RedisOnline
  | PostgresOnline

export interface RedisOnline extends SharedOnline {
  /** In Redis 7 or Valkey: `redis://…`, `rediss://…` for TLS. */
  readonly kind: 'redis'
}

export interface PostgresOnline extends SharedOnline {
  /** In a table of a PostgreSQL database: `postgres://…`. */
  readonly kind: 'postgres'
}

/** On a server, which millrace servers of many machines can share. */
interface SharedOnline {
  /** Environment variable that holds its URL. */
  readonly urlFrom: string
  /**
   * What a prediction gets while the store does not answer: an error (`refuse`, the default), or the features of what this
   * server read last, none where it read nothing, which the answer says (`stale`).
   */
  readonly unreachable?: 'refuse' | 'stale'
}

export interface KeySettings {
  /** A keystore below `.millrace/`, sealed with a passphrase. */
  readonly kind: 'local'
}

export interface ServeSettings {
  /** Address (default 127.0.0.1). Beyond loopback it has to ask for tokens. */
  readonly host?: string
  /** Port; 0 takes a free one (default 8790). */
  readonly port?: number
  /** Whether it asks for tokens also on loopback (default false). */
  readonly auth?: boolean
  /** Processes that answer predictions on that port (default 1). */
  readonly workers?: number
  /** Port of the inference protocol over gRPC, on the same address; 0 takes a free one (default: none is opened). */
  readonly grpcPort?: number
  /** Requests a second that each token may make, and as many at once (default: no limit). */
  readonly maxRequestsPerSecond?: number
  /** Requests that each token may make between midnight and midnight UTC (default: no limit). */
  readonly maxRequestsPerDay?: number
}

/** Any server that speaks Prometheus's HTTP API: Thanos, Mimir, VictoriaMetrics. */
export interface PrometheusSettings {
  /** Environment variable that holds its URL, with the path before `/api/v1` where there is one. */
  readonly urlFrom: string
  /** Environment variable that holds a bearer token for it (default: it is asked without). */
  readonly tokenFrom?: string
}

/** Second places of the audit log: whoever alters it unnoticed has to alter them all. */
export interface AuditSettings {
  /** At least one of them. */
  readonly anchors: AnchorSettings
}

/** Each signed anchor is one line of JSON: how many records there are, the last one's hash, the keystore's generation. */
export interface AnchorSettings {
  /** A file that lines are added to, best on another disk; a relative path is taken from the project's folder. */
  readonly file?: string
  /** An http or https URL that each anchor is posted to; signed with the secret in MILLRACE_WEBHOOK_SECRET where that is set. */
  readonly webhook?: string
  /** A git repository that gets a commit for each anchor. */
  readonly git?: AnchorRepository
}

export interface AnchorRepository {
  /** Its folder; a relative path is taken from the project's folder. */
  readonly repository: string
  /** The ref that the commits are on (default `refs/millrace/audit`). Not a branch that a working tree has checked out. */
  readonly ref?: string
}

/**
 * `inline`: in the process that runs the pipeline. `process`: in a child process. `container`: in a container of an image
 * that is on this machine, without network and rights. The same rows and options give the same model in all three.
 */
export type RunSettings = { readonly kind: 'inline' | 'process' } | ContainerRun

export interface ContainerRun {
  /** Training runs in containers. */
  readonly kind: 'container'
  /** Name, tag or digest: what `millrace image build --archive` made and `podman load` took. */
  readonly image: string
  /** `podman`, `docker`, or a path to either (default `podman`). */
  readonly program?: string
  /** Flags of the program itself: storage, runtime. */
  readonly globalFlags?: readonly string[]
  /** Further flags of its `run`: limits, devices. */
  readonly runFlags?: readonly string[]
  /** `none`, `host`, or the name of a network (default `none`). */
  readonly network?: string
}

const sharedOnline = { urlFrom: variableName, unreachable: optional(oneOf('refuse', 'stale')) } as const

const runVariants = {
  inline: {},
  process: {},
  container: {
    image: {
      words: 'the image that training runs in',
      holds: (value: unknown) => typeof value === 'string' && value.trim() !== '' && !value.startsWith('-'),
    },
    program: optional(text),
    globalFlags: optional(listOf(text)),
    runFlags: optional(listOf(text)),
    network: optional(text),
  },
} as const

const anchorForms: Forms<AnchorSettings> = {
  file: optional(text),
  webhook: optional(webUrl),
  git: optional(
    members<AnchorRepository>({
      repository: text,
      ref: optional({
        words: "a full name of a ref, such as 'refs/heads/audit'",
        holds: value => typeof value === 'string' && isRefName(value),
      }),
    }),
  ),
}

/** What `git check-ref-format` takes, below `refs/`. */
function isRefName(name: string): boolean {
  return (
    /^refs(\/[^/]+)+$/.test(name) &&
    !/[\p{Cc} ~^:?*[\\]|\.\.|@\{|\.$/u.test(name) &&
    !name.split('/').some(part => part.startsWith('.') || part.endsWith('.lock'))
  )
}

export const settingsForms: Forms<ProjectSettings> = {
  metadata: optional(variants<MetadataSettings, 'kind'>('kind', { sqlite: {}, postgres: { urlFrom: variableName } })),
  artifacts: optional(variants<ArtifactSettings, 'kind'>('kind', { files: {} })),
  data: optional(
    variants<DataSettings, 'kind'>('kind', {
      duckdb: { threads: optional(wholeFrom(1, 256)), maxMemoryGb: optional(numberFrom(0.1)) },
    }),
  ),
  online: optional(variants<OnlineSettings, 'kind'>('kind', { lmdb: {}, redis: sharedOnline, postgres: sharedOnline })),
  run: optional(variants<RunSettings, 'kind'>('kind', runVariants)),
  keys: optional(variants<KeySettings, 'kind'>('kind', { local: {} })),
  serve: optional(
    members<ServeSettings>({
      host: optional(text),
      port: optional(wholeFrom(0, 65_535)),
      auth: optional(flag),
      workers: optional(wholeFrom(1, 64)),
      grpcPort: optional(wholeFrom(0, 65_535)),
      maxRequestsPerSecond: optional(numberFrom(0.01)),
      maxRequestsPerDay: optional(wholeFrom(1)),
    }),
  ),
  prometheus: optional(members<PrometheusSettings>({ urlFrom: variableName, tokenFrom: optional(variableName) })),
  audit: optional(members<AuditSettings>({ anchors: members(anchorForms) })),
  environment: optional({
    words: "the name of an environment, such as 'staging'",
    holds: value => typeof value === 'string' && nameForm.test(value),
  }),
}
