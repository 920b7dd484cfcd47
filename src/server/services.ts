import type { Workspace } from '../config/workspace.ts'
import type { Jobs } from '../app/jobs/jobs.ts'
import type { ArtifactStore } from '../ports/artifact-store.ts'
import type { Log } from '../ports/log.ts'
import type { Serving } from '../stages/serve/types.ts'
import type { EventBus } from './events/bus.ts'
import type { Health } from './health.ts'
import type { Guard } from './auth/guard.ts'
import type { Lead } from './forward.ts'

/** What those routes are answered from that read and write records alone, in whichever process of the server. */
export interface RecordServices {
  readonly workspace: Pick<Workspace, 'project' | 'store' | 'clock' | 'folder' | 'root' | 'processes'> & {
    readonly artifacts: ArtifactStore
  }
  readonly guard: Guard
  /** False from the moment the server began to close. */
  readonly health: { readonly open: boolean }
  readonly lead: Lead
  /** Of this package. */
  readonly version: string
  /** Where failures that are nobody's fault outside go; the answer carries only the reference. */
  readonly log: Log
}

/** What the server is made from. A project without models still has a server: `serving` then lists nothing. */
export interface ServerServices extends RecordServices {
  readonly serving: Serving
  /** Use cases in processes of their own. */
  readonly jobs: Jobs
  readonly bus: EventBus
  readonly health: Health
}
