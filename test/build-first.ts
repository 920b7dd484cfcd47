import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/**
 * Worker threads and child processes run the compiled package, so every test run starts from a fresh compile.
 * Type errors are for `npm run typecheck`; tests run on whatever compiles.
 */
export default function setup(): void {
  try {
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'pipe' })
  } catch (error) {
    if (!existsSync('dist/internal/digest.js')) throw error
  }
}
