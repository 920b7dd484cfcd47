import { resolve } from 'node:path'
import type { Call } from '../../src/cli/perform.ts'
import type { Said } from './command.ts'

interface Performer {
  readonly perform: (call: Call) => Promise<number>
  readonly verbOf: (words: readonly string[]) => string | undefined
}

/** The mutation lane puts its faults into the sources: there the command line is these and not what was compiled of them. */
const ofSources = process.env.MILLRACE_TEST_SOURCES === '1'

const performer = (): Promise<Performer> =>
  ofSources ? import('../../src/cli/perform.ts') : (import(resolve('dist/cli/perform.js')) as Promise<Performer>)

/**
 * The command line in a folder, as `millrace` of command.ts, but in this process: the same words, outputs and exit code, a
 * tenth of the time. Of one file only one call at a time. For what is no matter of processes.
 */
export async function inside(cwd: string, words: readonly string[]): Promise<Said> {
  const { perform, verbOf } = await performer()
  let [out, said] = ['', '']
  const written = { stdout: process.stdout.write, stderr: process.stderr.write }
  process.stdout.write = text => {
    out += String(text)
    said += String(text)
    return true
  }
  process.stderr.write = text => {
    said += String(text)
    return true
  }
  try {
    return { code: await perform({ verb: verbOf(words), words, cwd, version: 'test' }), out, said }
  } finally {
    process.stdout.write = written.stdout
    process.stderr.write = written.stderr
  }
}
