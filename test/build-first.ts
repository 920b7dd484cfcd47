import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Worker threads and child processes run the compiled package, so every test run starts from a fresh compile; a compile that
 * fails ends the run, since the tests would then judge the code of before.
 */
export default function setup(): void {
  try {
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'pipe' })
  } catch (error) {
    const said = error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)
    throw new Error(`The code does not compile; no test was run.\n${said}`)
  }
  removeOrphans('dist', 'src')
}

/** What was compiled from a file that is gone would still answer an import of it. */
function removeOrphans(folder: string, source: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const [path, from] = [join(folder, entry.name), join(source, entry.name)]
    if (path === join('dist', 'web')) continue // the dashboard, which Vite builds
    if (entry.isDirectory()) {
      if (existsSync(from)) removeOrphans(path, from)
      else rmSync(path, { recursive: true })
    } else if (!existsSync(from.replace(/\.d\.ts$|\.js$/, '.ts'))) rmSync(path)
  }
}
