import { execFileSync } from 'node:child_process'

/**
 * Worker threads and child processes run the built package, so every test run starts from a fresh one; a compile that fails
 * ends the run, since the tests would then judge the code of before.
 */
export default function setup(): void {
  try {
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'pipe' })
    execFileSync(process.execPath, ['scripts/bundle.mjs'], { stdio: 'pipe' })
  } catch (error) {
    const said =
      error instanceof Error && 'stdout' in error
        ? `${String(error.stdout)}${'stderr' in error ? String(error.stderr) : ''}`
        : String(error)
    throw new Error(`The code does not compile; no test was run.\n${said}`)
  }
}
