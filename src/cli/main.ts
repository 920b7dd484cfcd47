import { outputsWritten } from './outputs.ts'
import { fail, type MillraceError } from '../errors/index.ts'
import { type Call, perform, tellFailure, verbOf } from './perform.ts'

function interrupted(resumable: boolean): MillraceError {
  return fail('interrupted', {
    next: resumable
      ? 'What was finished is kept. An unfinished run goes on with "millrace runs resume <run>"; "millrace runs list" shows it.'
      : 'Run the command again.',
  })
}

async function leave(code: number): Promise<never> {
  process.exit((await outputsWritten()) ? code : 3)
}

/** Runs one verb and ends the process with its exit code. */
export async function main(found: string | undefined, words: readonly string[], version: string): Promise<void> {
  const call: Call = { verb: found ?? verbOf(words), words, cwd: process.cwd(), version }
  const json = words.includes('--json')
  const told = async (error: unknown): Promise<never> => leave(tellFailure(error, call))
  process.on('uncaughtException', error => void told(error))
  process.on('unhandledRejection', error => void told(error))
  let resumable = false
  // Finished work is in the store already; a command that ends in its own way (up) takes these listeners away
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      if (process.stderr.isTTY && !json) process.stderr.write('\r\u001b[2K')
      void told(interrupted(resumable)).catch(() => process.exit(130))
    })
  await leave(await perform(call, command => (resumable = command.resumable === true)))
}
