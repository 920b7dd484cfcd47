import type { ColumnType, Generated, Insertable, Selectable } from 'kysely'

/** Written once by the database, never by us. */
type Sequence = ColumnType<number, never, never>

interface Runs {
  seq: Sequence
  id: string
  kind: string
  name: string
  status: string
  trigger_kind: string
  started_at: number
  ended_at: number | null
  environment: string
  parameters: string
  error: string | null
  lease_owner: string | null
  lease_until: number | null
}

interface Steps {
  seq: Sequence
  run_id: string
  step: string
  status: string
  attempt: number
  cache_key: string | null
  key_parts: string | null
  reason: string | null
  reused_from: string | null
  started_at: number | null
  ended_at: number | null
  outputs: string | null
  error: string | null
  process: string | null
}

interface Cache {
  key: string
  step: string
  run_id: string
  outputs: string
  key_parts: string
  at: number
}

interface Edges {
  from_node: string
  to_node: string
  relation: string
}

interface Bodies {
  seq: Sequence
  id: string
  kind: string
  subject: string
  at: number
  body: string
}

interface ModelVersions {
  seq: Sequence
  model: string
  version: number
  digest: string
  run_id: string
  created_at: number
  metrics: string
  facts: string
  tags: string
}

interface Documents {
  kind: string
  id: string
  revision: number
  value: string
  at: number
}

interface Windows {
  monitor: string
  series: string
  from_at: number
  to_at: number
  body: string
}

interface Experiments {
  seq: Generated<number>
  id: string
  name: string
  created_at: number
  updated_at: number
  deleted: number
  tags: string
}

interface KeyValues {
  run_id: string
  key: string
  value: string
}

interface Metrics {
  run_id: string
  key: string
  timestamp: number
  step: number
  value: number
  is_nan: number
}

interface Reports extends Bodies {
  run_id: string | null
}

/** The tables of migrations/{sqlite,postgres}; both databases have the same names and columns. */
export interface Schema {
  runs: Runs
  steps: Steps
  cache: Cache
  edges: Edges
  decisions: Bodies
  reports: Reports
  model_counters: { model: string; last: number }
  model_versions: ModelVersions
  model_aliases: { model: string; alias: string; version: number }
  documents: Documents
  windows: Windows
  experiments: Experiments
  run_params: KeyValues
  run_tags: KeyValues
  metrics: Metrics
  latest_metrics: Metrics
}

export type RowOf<T extends keyof Schema> = Selectable<Schema[T]>
export type NewRow<T extends keyof Schema> = Insertable<Schema[T]>
