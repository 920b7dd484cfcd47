import type { PartMessage } from './supervisor.ts'

/** A signal to the whole group of processes is the server's to hear: it tells its parts when they are to end. */
export function ignoreSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
}

export function say(message: PartMessage): void {
  // A server that is gone needs to hear nothing: the channel's end says so
  process.send?.(message, undefined, undefined, () => undefined)
}

/** Resolves when the server wants this part to end, or is gone. */
export function untilAsked(): Promise<void> {
  return new Promise(resolve => {
    process.once('disconnect', () => resolve())
    if (!process.connected) resolve()
  })
}
