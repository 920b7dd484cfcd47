import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const repository = realpathSync('.')
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-ci-')))
const origin = join(folder, 'origin')
/** The project stands in a folder of its repository. */
const within = 'ml/orders'
const home = join(origin, within)
const git = (...args: string[]): void => {
  const who = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org', '-c', 'commit.gpgsign=false']
  execFileSync('git', [...who, ...args], { cwd: origin, stdio: 'pipe' })
}
const millrace = (...args: string[]): string =>
  execFileSync(process.execPath, [join(repository, 'dist/cli/bin.js'), ...args], { cwd: home, encoding: 'utf8' })

beforeAll(() => {
  mkdirSync(home, { recursive: true })
  cpSync(join(repository, 'examples/expectations'), home, {
    recursive: true,
    filter: path => !/node_modules|\.millrace/.test(path),
  })
  const dependencies = { millrace: `file:${repository}` }
  writeFileSync(
    join(home, 'package.json'),
    JSON.stringify({ name: 'orders', private: true, type: 'module', dependencies }),
  )
  writeFileSync(join(home, '.gitignore'), 'node_modules\n.millrace\nmillrace-report\n.npm\n')
  // What is tested is the linked package; its own dependencies are there already.
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--package-lock-only'], { cwd: home })
  mkdirSync(join(home, 'node_modules'), { recursive: true })
  execFileSync('ln', ['-sfn', repository, join(home, 'node_modules/millrace')])
  git('init', '-q', '-b', 'main')
  git('add', '.')
  git('commit', '-qm', 'Orders')
})
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

/** The shell commands of a CI file, in its order. */
const commands: Readonly<Record<string, (text: string) => string[]>> = {
  github: text => [...text.matchAll(/^ +(?:- )?run: (.+)$/gm)].map(match => match[1] ?? ''),
  azure: text => [...text.matchAll(/^ +- script: (.+)$/gm)].map(match => match[1] ?? ''),
  gitlab: text =>
    [...(/^ {2}script:\n((?: {4}- .+\n)+)/m.exec(text)?.[1] ?? '').matchAll(/- (.+)/g)].map(m => m[1] ?? ''),
  jenkins: text => [...text.matchAll(/^ +sh '(.+)'$/gm)].map(match => match[1] ?? ''),
}

/** Runs the commands that a CI file holds, as a pull request in a clone. */
function runInClone(system: string, clone: string): { status: number | null; stdout: string; stderr: string } {
  const text = millrace('ci', system, '--print')
  const lines = (commands[system]?.(text) ?? [])
    .map(line => (line.startsWith('"') ? String(JSON.parse(line)) : line))
    .filter(line => !line.startsWith('cd '))
  expect(lines).toHaveLength(2)
  const env = {
    ...process.env,
    GITHUB_STEP_SUMMARY: join(clone, within, 'millrace-report/step-summary.md'),
    GITHUB_BASE_REF: 'main',
    CI_PROJECT_DIR: clone,
    WORKSPACE: clone,
    npm_config_offline: 'true',
  }
  mkdirSync(join(clone, within, 'millrace-report'), { recursive: true })
  return spawnSync('bash', ['-e'], { cwd: join(clone, within), env, input: lines.join('\n'), encoding: 'utf8' })
}

const systems = Object.keys(commands)
/** Where each system shows what a pull request changed; elsewhere in the log. */
const summaries: Readonly<Record<string, string>> = { github: 'step-summary.md', azure: 'summary.md' }

test.each(systems)('the commands for %s validate a clean clone', system => {
  const clone = join(folder, system)
  execFileSync('git', ['clone', '-q', origin, clone])
  const { status, stderr, stdout } = runInClone(system, clone)
  expect({ status, said: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, said: '' })
  const reports = join(clone, within, 'millrace-report')
  const summary = summaries[system]
  expect(summary ? readFileSync(join(reports, summary), 'utf8') : stdout).toMatch(/ompared with origin\/main/)
  for (const name of ['junit.xml', 'results.sarif', 'index.html']) expect(existsSync(join(reports, name))).toBe(true)
  expect(existsSync(join(clone, within, '.millrace/validation'))).toBe(true)
})

/** What each system reads to show findings on their lines. */
const findings: Readonly<Record<string, (stdout: string, reports: string) => string>> = {
  github: stdout => stdout,
  azure: stdout => stdout,
  gitlab: (_, reports) => readFileSync(join(reports, 'code-quality.json'), 'utf8'),
  jenkins: (_, reports) => readFileSync(join(reports, 'results.sarif'), 'utf8'),
}

test.each(systems)('the commands for %s stop a pull request with bad rows, on the line of the expectation', system => {
  const clone = join(folder, `${system}-bad`)
  execFileSync('git', ['clone', '-q', origin, clone])
  const orders = join(clone, within, 'data/orders.csv')
  const [head, first, ...others] = readFileSync(orders, 'utf8').split('\n') as [string, string, ...string[]]
  writeFileSync(orders, [head, first, first, ...others].join('\n'))
  const { status, stdout, stderr } = runInClone(system, clone)
  expect({ status, said: status === 1 ? '' : stdout + stderr }).toEqual({ status: 1, said: '' })
  const told = findings[system]?.(stdout, join(clone, within, 'millrace-report')) ?? ''
  const config = readFileSync(join(home, 'millrace.config.ts'), 'utf8').split('\n')
  const line = config.findIndex(text => /unique\(|primaryKey\(/.test(text)) + 1
  expect(line).toBeGreaterThan(0)
  expect(told).toContain(`${within}/millrace.config.ts`)
  expect(told).toMatch(new RegExp(`(line=|linenumber=|"begin": |"startLine": )${line}\\b`))
  if (system === 'azure')
    expect(stdout).toContain(`##vso[task.uploadsummary]${clone}/${within}/millrace-report/summary.md`)
})

test('the branch is the repository’s own, unless it is said', () => {
  const branches = (...args: string[]) => /branches: \[(.+)\]/.exec(millrace('ci', 'github', '--print', ...args))?.[1]
  expect(branches()).toBe('"main"')
  git('branch', '-m', 'main', 'trunk')
  try {
    expect(branches()).toBe('"trunk"')
    expect(branches('--branch', 'release/1')).toBe('"release/1"')
    // what the remote calls its default counts before what is checked out
    git('update-ref', 'refs/remotes/origin/stable', 'HEAD')
    git('symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/remotes/origin/stable')
    expect(branches()).toBe('"stable"')
  } finally {
    git('symbolic-ref', '--delete', 'refs/remotes/origin/HEAD')
    git('update-ref', '-d', 'refs/remotes/origin/stable')
    git('branch', '-m', 'trunk', 'main')
  }
})
