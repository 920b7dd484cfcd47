import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Git without a shell, without prompts, without optional locks; undefined where there is no repository or no git. */
export async function git(root: string, ...args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run('git', ['-C', root, ...args], {
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        GIT_OPTIONAL_LOCKS: '0',
        GIT_TERMINAL_PROMPT: '0',
        LC_ALL: 'C',
      },
      maxBuffer: 64e6,
    })
    return stdout
  } catch {
    return undefined
  }
}
