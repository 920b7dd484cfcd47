import type { PartMessage } from './supervisor.ts'

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
