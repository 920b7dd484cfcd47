import type { Workspace } from '../config/workspace.ts'
import type { Dataset } from '../define/dataset.ts'
import type { ArtifactStore } from '../ports/artifact-store.ts'
import type { Report } from '../define/report.ts'
import type { Ingested } from '../stages/ingest/journal.ts'
import type { Serving } from '../stages/serve/types.ts'
import type { EventBus } from './events/bus.ts'
import type { Health } from './health.ts'
import type { Guard } from './auth/guard.ts'

/** Takes one line of the log, as fields. */
export type Log = (line: Readonly<Record<string, unknown>>) => void

/** A file that came to be taken into a dataset. */
export interface IngestFile {
  readonly path: string
  readonly name: string
}

/** What became of it; `again` where its content had come before. */
export type IngestAnswer = Ingested & { readonly again: boolean }

/** What the server is made from. A project without models still has a server: `serving` then lists nothing. */
export interface ServerServices {
  readonly workspace: Pick<Workspace, 'project' | 'store' | 'clock' | 'folder' | 'root' | 'processes'> & {
    readonly artifacts: ArtifactStore
  }
  readonly serving: Serving
  /** Takes a file into a dataset, or refuses it, away from this process. */
  readonly ingest: (dataset: Dataset, file: IngestFile) => Promise<IngestAnswer>
  /** Runs tests of a version, those that are given as JSON or else the declared ones, away from this process. */
  readonly testModel: (version: string, tests: unknown, seed: number | undefined) => Promise<Report>
  readonly bus: EventBus
  readonly health: Health
  readonly guard: Guard
  /** Of this package. */
  readonly version: string
  /** Where failures that are nobody's fault outside go; the answer carries only the reference. */
  readonly log: Log
}
