import { join } from 'node:path'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Workspace } from '../../config/workspace.ts'
import { fail } from '../../errors/index.ts'
import { withFileLock } from '../../internal/file-lock.ts'
import { ulid } from '../../internal/ids.ts'
import { messageOf } from '../../internal/message-of.ts'
import { publishFile } from '../../internal/publish.ts'
import type { Fence } from '../../ports/metadata-store.ts'
import type { Log } from '../../ports/log.ts'
import { instances, type Instance, Membership, releaseLead, seizeLead } from '../../stages/instances/leadership.ts'
import { ObservationLog } from '../../stages/instances/observation-log.ts'
import type { LiveServing } from '../../stages/serve/serving.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { type Retrainer, retrainer } from './retrainer.ts'
import { observationsFolder, type Others, type MonitorWatch, watchAll } from './watching.ts'

/** The part of this process in serving the project: it leads, or follows another that does. */
export interface LiveInstance {
  /** Every second: signs of life, who leads, and what follows from the time. */
  beat(): Promise<void>
  /** Where the others reach it. */
  listening(url: string): void
  /** Who leads, if it is another instance that is known. */
  leader(): Instance | undefined
  /** This one does, for all that is known. */
  leads(): boolean
  close(): Promise<void>
}

/** What leads: watches, remembers, decides. */
interface LeaderDuties {
  readonly watching: MonitorWatch
  readonly retrains: Retrainer
}

interface Parts {
  readonly workspace: Workspace
  readonly serving: LiveServing
  readonly jobs: Jobs
  readonly log: Log
}

/** What is written from here on is refused once another leads. */
async function beginToLead(
  { workspace, serving, jobs, log }: Parts,
  fence: Fence,
  others?: Others,
): Promise<LeaderDuties> {
  const fenced = { ...workspace, store: workspace.store.fenced(fence) }
  const retrains = retrainer(fenced, jobs, log)
  return { watching: await watchAll(fenced, serving, retrains, jobs, log, others), retrains }
}

/** The only process that serves the project, which the caller has made sure of. */
export async function onlyInstance(parts: Parts): Promise<LiveInstance> {
  const { store, clock } = parts.workspace
  const fence = await seizeLead(store, clock.now())
  const { watching, retrains } = await beginToLead(parts, fence)
  return {
    beat: () => watching.beat(),
    listening: () => undefined,
    leader: () => undefined,
    leads: () => true,
    async close() {
      retrains.close()
      await watching.settled()
      await parts.serving.close()
      await releaseLead(store, fence)
    },
  }
}

/** Says which folder this is, whatever its path: made once. */
async function folderId(folder: string): Promise<string> {
  const path = join(folder, 'folder-id')
  const busy = (): Error => fail('storeLocked', { path, seconds: 5 })
  // Two who begin at once would each take their own for it
  return withFileLock(`${path}.lock`, busy, async () => {
    if (!existsSync(path)) await publishFile(path, `${ulid()}\n`, 0o600)
    return (await readFile(path, 'utf8')).trim()
  })
}

/**
 * One process of several that serve the project from one metadata store and one folder. `mayLead`: it takes over where nobody
 * leads (default); otherwise it follows for as long as it lives.
 */
export async function oneInstance(parts: Parts, mayLead = true): Promise<LiveInstance> {
  const { workspace, serving, log } = parts
  const { store, clock, folder } = workspace
  const own = await folderId(folder)
  const elsewhere = (await instances(workspace)).find(one => one.folder !== own)
  if (elsewhere) throw fail('foldersDiffer', { other: elsewhere.url, folder })
  const membership = new Membership({ store, clock }, own, mayLead)
  const onError = (error: unknown): void => log({ level: 'error', reason: messageOf(error) })
  const logs = new Map<string, ObservationLog>()
  for (const { name } of serving.list())
    logs.set(name, await ObservationLog.open(join(observationsFolder(folder, name), membership.id), onError))
  let leading: LeaderDuties | undefined

  const follow = async (): Promise<void> => {
    leading?.retrains.close()
    leading = undefined
    for (const deployment of serving.list()) {
      const written = logs.get(deployment.name)
      if (written) await deployment.follow(written.recorder)
    }
  }
  const lead = async (fence: Fence): Promise<void> => {
    // What was written down here until now is read like that of the others
    for (const written of logs.values()) await written.flush()
    for (const deployment of serving.list()) await deployment.restore()
    try {
      leading = await beginToLead(parts, fence, { leads: () => membership.leads, alive: () => membership.alive })
    } catch (error) {
      await follow()
      throw error
    }
  }
  /** The part that the last sign of life says it has. */
  const play = async (): Promise<void> => {
    const { fence } = membership
    if (leading && !membership.leads) {
      log({ level: 'warn', text: 'another instance may lead: this one follows', instance: membership.id })
      await follow()
    }
    if (!leading && membership.leads && fence) {
      await lead(fence)
      log({ level: 'info', text: 'this instance leads', instance: membership.id })
    }
    if (leading) await leading.watching.beat()
    else for (const deployment of serving.list()) await deployment.restore()
  }
  const sign = once(() => membership.beat())
  const part = once(play)

  await follow()
  await sign()
  await part()
  return {
    async beat() {
      // Signs of life wait for nothing: a model that is loaded or a long journal must not cost the lead
      await Promise.all([sign(), part()])
    },
    listening: url => membership.reachedAt(url),
    leader: () => membership.leader,
    leads: () => membership.leads,
    async close() {
      leading?.retrains.close()
      await leading?.watching.settled()
      await serving.close()
      for (const written of logs.values()) await written.close()
      await membership.leave()
    },
  }
}

/** While it runs it is not begun again. */
function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => (running ??= work().finally(() => (running = undefined)))
}
