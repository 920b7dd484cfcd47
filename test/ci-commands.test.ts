import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const repository = realpathSync('.')
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-ci-')))
const origin = join(folder, 'origin')
const git = (...args: string[]): void => {
  const who = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org', '-c', 'commit.gpgsign=false']
  execFileSync('git', [...who, ...args], { cwd: origin, stdio: 'pipe' })
}
const millrace = (...args: string[]): string =>
  execFileSync(process.execPath, [join(repository, 'dist/cli/bin.js'), ...args], { cwd: origin, encoding: 'utf8' })

beforeAll(() => {
  mkdirSync(origin)
  cpSync(join(repository, 'examples/expectations'), origin, {
    recursive: true,
    filter: path => !/node_modules|\.millrace/.test(path),
  })
  const dependencies = { millrace: `file:${repository}` }
  writeFileSync(
    join(origin, 'package.json'),
    JSON.stringify({ name: 'orders', private: true, type: 'module', dependencies }),
  )
  writeFileSync(join(origin, '.gitignore'), 'node_modules\n.millrace\nmillrace-report\n.npm\n')
  // What is tested is the linked package; its own dependencies are there already.
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--package-lock-only'], { cwd: origin })
  mkdirSync(join(origin, 'node_modules'), { recursive: true })
  execFileSync('ln', ['-sfn', repository, join(origin, 'node_modules/millrace')])
  git('init', '-q', '-b', 'main')
  git('add', '.')
  git('commit', '-qm', 'Orders')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The shell commands of a CI file, in its order. */
const commands: Readonly<Record<string, (text: string) => string[]>> = {
  github: text => [...text.matchAll(/^ +(?:- )?run: (.+)$/gm)].map(match => match[1] ?? ''),
  azure: text => [...text.matchAll(/^ +- script: (.+)$/gm)].map(match => match[1] ?? ''),
  gitlab: text =>
    [...(/^ {2}script:\n((?: {4}- .+\n)+)/m.exec(text)?.[1] ?? '').matchAll(/- (.+)/g)].map(m => m[1] ?? ''),
  jenkins: text => [...text.matchAll(/^ +sh '(.+)'$/gm)].map(match => match[1] ?? ''),
}

test.each(Object.keys(commands))('the commands for %s validate a clean clone', system => {
  const text = millrace('ci', system, '--print')
  const lines = (commands[system]?.(text) ?? []).map(line => (line.startsWith('"') ? String(JSON.parse(line)) : line))
  expect(lines).toHaveLength(2)
  const clone = join(folder, system)
  execFileSync('git', ['clone', '-q', origin, clone])
  const summary = join(folder, `${system}.md`)
  const inherited = { ...process.env, GITHUB_STEP_SUMMARY: summary }
  const base = { GITHUB_BASE_REF: 'main' }
  const env = { ...inherited, ...base, CI_PROJECT_DIR: clone, WORKSPACE: clone, npm_config_offline: 'true' }
  const { status, stderr, stdout } = spawnSync('bash', ['-e'], {
    cwd: clone,
    env,
    input: lines.join('\n'),
    encoding: 'utf8',
  })
  expect({ status, said: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, said: '' })
  // a pull request is compared with its base: on GitHub in the summary, elsewhere in the log
  expect(system === 'github' ? readFileSync(summary, 'utf8') : stdout).toMatch(/ompared with origin\/main/)
  for (const name of ['junit.xml', 'results.sarif', 'index.html'])
    expect(existsSync(join(clone, 'millrace-report', name))).toBe(true)
  expect(existsSync(join(clone, '.millrace/validation'))).toBe(true)
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
