/**
 * Aborted at the first SIGINT or SIGTERM, for a verb that then ends in its own way; a second SIGINT ends the process at
 * once.
 */
export function endSignal(): AbortSignal {
  const ended = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.removeAllListeners(name)
    process.once(name, () => {
      process.once('SIGINT', () => process.exit(130))
      ended.abort()
    })
  }
  return ended.signal
}
