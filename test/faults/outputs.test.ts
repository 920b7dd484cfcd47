import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const bin = resolve('dist/cli/bin.js')
const root = mkdtempSync(join(tmpdir(), 'millrace-outputs-'))

const config = `import { csv, dataset, project, t } from 'millrace'
const columns = { id: t.int() }
const good = dataset('good', { source: csv('good.csv'), columns })
const bad = dataset('bad', { source: csv('bad.csv'), columns, expect: c => [c.id.between(0, 1)] })
export default project('p', { bad, good })
`

beforeAll(() => {
  mkdirSync(join(root, 'out'))
  writeFileSync(join(root, 'millrace.config.ts'), config)
  writeFileSync(join(root, 'good.csv'), 'id\n1\n')
  writeFileSync(join(root, 'bad.csv'), 'id\n1\n2\n')
})
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

/** The exit code where those who read these outputs have gone before anything was said. */
function unread(closed: readonly ('stdout' | 'stderr')[], ...args: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, [bin, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  for (const name of ['stdout', 'stderr'] as const) {
    if (closed.includes(name)) child[name].destroy()
    else child[name].resume()
  }
  return new Promise(done => child.once('close', code => done(code)))
}

describe('an output that nobody reads', () => {
  for (const closed of [['stdout'], ['stderr'], ['stdout', 'stderr']] as const)
    test(`${closed.join(' and ')}: the work is done to its end, and the verdict is the exit code`, async () => {
      expect(await unread(closed, 'validate', '--junit', 'out/all.xml')).toBe(1)
      expect(readFileSync(join(root, 'out/all.xml'), 'utf8')).toMatch(/validation of bad[^]*validation of good/)
      expect(await unread(closed, 'validate', 'good')).toBe(0)
      rmSync(join(root, 'out/all.xml'))
    })
})

test('a pipe that is named as the file of a report is written into, not replaced', () => {
  const pipe = join(root, 'out/pipe')
  execFileSync('mkfifo', [pipe])
  const shell = 'cat out/pipe & "$0" "$1" validate good --junit out/pipe >out/said; wait'
  const { stdout } = spawnSync('sh', ['-c', shell, process.execPath, bin], {
    cwd: root,
    encoding: 'utf8',
    timeout: 60_000,
  })
  expect(stdout).toContain('<testsuites')
  expect(statSync(pipe).isFIFO()).toBe(true)
})

test('a report that cannot stand where it is to is an error with its name', () => {
  for (const path of ['out', 'good.csv/junit.xml']) {
    const argv = [bin, 'validate', 'good', '--junit', path]
    const { status, stderr } = spawnSync(process.execPath, argv, { cwd: root, encoding: 'utf8' })
    expect(status).toBe(3)
    expect(stderr).toContain(`${path} cannot be written: `)
    expect(stderr).toContain('MR1115')
  }
})
