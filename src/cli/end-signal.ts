/**
 * Aborted at the first SIGINT or SIGTERM, for a verb that then ends in its own way; a second SIGINT ends the process at
 * once.
 */
export function endSignal(): AbortSignal {
  const ended = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    const before = process.listeners(name)
    process.once(name, () => {
      process.once('SIGINT', () => process.exit(130))
      ended.abort()
    })
    // Afterwards: with its last listener Node forgets a signal that has come and was not told yet
    for (const listener of before) process.removeListener(name, listener)
  }
  return ended.signal
}
