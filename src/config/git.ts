import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { gitEnvironment } from '../internal/git-environment.ts'

const run = promisify(execFile)

/** Git without a shell, without prompts, without optional locks; undefined where there is no repository or no git. */
export async function git(root: string, ...args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run('git', ['-C', root, ...args], {
      env: gitEnvironment(),
      maxBuffer: 64e6,
    })
    return stdout
  } catch {
    return undefined
  }
}
