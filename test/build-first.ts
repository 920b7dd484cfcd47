import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Worker threads and child processes run the compiled package, so every test run starts from a fresh compile.
 * Type errors are for `npm run typecheck`; tests run on whatever compiles. Temporary folders of a run are all in one, which
 * goes with it.
 */
export default function setup(): () => void {
  try {
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'pipe' })
  } catch (error) {
    if (!existsSync('dist/internal/digest.js')) throw error
  }
  const folder = mkdtempSync(join(tmpdir(), 'millrace-tests-'))
  // for processes of other users, which some tests start
  chmodSync(folder, 0o755)
  process.env.TMPDIR = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
