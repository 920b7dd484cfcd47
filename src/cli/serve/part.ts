import { loadProject } from '../../config/load.ts'
import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import type { Log } from '../../ports/log.ts'
import type { PartMessage, PartProject } from './supervisor.ts'

/** A signal to the whole group of processes is the server's to hear: it tells its parts when they are to end. */
export function ignoreSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
}

let works = false

export function say(message: PartMessage): void {
  works ||= 'ready' in message
  // A server that is gone needs to hear nothing: the channel's end says so
  process.send?.(message, undefined, undefined, () => undefined)
}

/** Its log goes where the server's does. */
export const log: Log = line => void process.stderr.write(`${JSON.stringify(line)}\n`)

/** The project as the server has read it, the first that a part is told. */
const told = new Promise<PartProject>(resolve => process.once('message', resolve))

export async function openPart(root: string): Promise<Workspace> {
  const project = await loadProject(root, (await told).modules)
  return openWorkspace(root, { project, principal: 'serving', note: text => log({ level: 'warn', text }) })
}

/** Resolves when the server wants this part to end, or is gone. One that has not begun to work by then ends at once. */
export function untilAsked(): Promise<void> {
  return new Promise(resolve => {
    const asked = (): void => {
      if (!works) process.exit(0)
      resolve()
    }
    process.once('disconnect', asked)
    if (!process.connected) asked()
  })
}
