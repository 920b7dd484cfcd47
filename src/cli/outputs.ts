let telling: Promise<void> | undefined

async function tell(output: string, error: unknown): Promise<void> {
  const [{ unwritable }, { describeFailure }] = await Promise.all([import('./unwritable.ts'), import('./failure.ts')])
  process.stderr.write(describeFailure(unwritable(output, error), '', process.cwd(), '').text)
}

/**
 * Lets the work go on where its outputs cannot be written: a reader that has seen enough (head, less) changes no verdict.
 * Anything else, such as a full disk, is told on stderr and makes the exit code 3.
 */
export function bearLostOutputs(): void {
  for (const [name, stream] of Object.entries({ stdout: process.stdout, stderr: process.stderr }))
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') return
      process.exitCode = 3
      telling ??= tell(name, error)
    })
}

/**
 * Waits until what was written has reached its reader: libraries may hold the process open with threads. Whether all of
 * it did, but for what nobody reads.
 */
export async function outputsWritten(): Promise<boolean> {
  const streams = [process.stdout, process.stderr]
  const flush = async (): Promise<void> => {
    for (const stream of streams)
      if (stream.writableLength > 0) await new Promise<void>(resolve => stream.write('', () => resolve()))
  }
  await flush()
  // a refused write is told after the one that asked for it
  await new Promise<void>(resolve => setImmediate(resolve))
  if (!telling) return true
  await telling
  await flush()
  return false
}
