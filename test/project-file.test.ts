import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { settling } from '../src/config/exit-guard.ts'
import { fail } from '../src/errors/index.ts'
import { millrace } from './support/command.ts'

let root = ''
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace project-')))
  writeFileSync(join(root, 'a.csv'), 'id\n1\n2\n')
})
afterEach(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const project = (before: string, check = 'c.id.between(0, 1)'): string =>
  `import { csv, dataset, project, t } from 'millrace'
${before}
const a = dataset('a', { source: csv('a.csv'), columns: { id: t.int() }, expect: c => [${check}] })
export default project('p', { a })
`

const write = (name: string, text: string): void => writeFileSync(join(root, name), text)

test.each([
  ['at the top', 'process.exit(0)', 'millrace.config.ts:2'],
  ['where its error is swallowed', 'try { process.exit(0) } finally { void 0 }', 'millrace.config.ts:2'],
  ['after an await', 'await 0\nprocess.exit()', 'millrace.config.ts:3'],
  [
    'later',
    'setTimeout(() => process.exit(0), 1)\nawait new Promise(go => setTimeout(go, 500))',
    'millrace.config.ts:2',
  ],
])('a project file that ends the process %s is told, and does not pass', async (_, code, place) => {
  write('millrace.config.ts', project(code))
  const { code: exit, said } = await millrace(root, ['validate'])
  expect(said).toContain('process.exit(')
  expect(said).toContain(place)
  expect(said).toContain('MR1002')
  expect(exit).toBe(2)
})

test('so does a module that it imports', async () => {
  write('helper.ts', 'export const stop = (): never => process.exit(0)\n')
  write('millrace.config.ts', project("import { stop } from './helper.ts'\nstop()"))
  const { code, said } = await millrace(root, ['validate'])
  expect(said).toContain('helper.ts:1')
  expect(code).toBe(2)
})

test('a project file that waits for what never comes is told', async () => {
  write('millrace.config.ts', project('await new Promise(() => {})'))
  for (const verb of ['validate', 'doctor', 'train']) {
    const { code, said } = await millrace(root, [verb])
    expect(said).toMatch(/millrace\.config\.ts .*never comes/)
    expect(code).toBe(verb === 'doctor' ? 3 : 2)
  }
})

test('beside a timer that lives on too, once it has waited long enough', async () => {
  const alive = setInterval(() => undefined, 5)
  try {
    const never = new Promise<never>(() => undefined)
    const stalled = (waited?: number) => fail('configThrew', { file: 'f', reason: `waits ${String(waited)}` })
    await expect(settling(never, stalled, 20)).rejects.toThrow('waits 20')
    await expect(settling(Promise.resolve(7), stalled, 20)).resolves.toBe(7)
  } finally {
    clearInterval(alive)
  }
})

test('what ends the process when a check calls it is told as that, not as a fault of loading', async () => {
  write(
    'millrace.config.ts',
    project(
      '',
      "expect.batches([c.id], ({ id }) => { process.exit(0); return id.map(() => true) }, { says: 'leaves' })",
    ).replace('import { csv,', 'import { expect, csv,'),
  )
  const { code, said } = await millrace(root, ['validate'])
  expect(said).toMatch(/millrace\.config\.ts:\d+ calls process\.exit\(0\)/)
  expect(said).not.toContain('could not be loaded')
  expect(code).toBe(1)
})

test.each([
  ['csv', 'csv.gz', 'id\n1\n2\n'],
  ['json', 'jsonl.gz', '{"id":1}\n{"id":2}\n'],
  ['csv', 'csv.zst', 'id\n1\n2\n'],
])('%s in a file called .%s that is plain text is read by what is in it', async (kind, ending, text) => {
  write(`a.${ending}`, text)
  write('millrace.config.ts', project('').replaceAll('csv', kind).replace(`a.${kind}`, `a.${ending}`))
  const { code, said } = await millrace(root, ['validate'])
  expect(said).toContain('1 row of 2')
  expect(code).toBe(1)
})

test('a folder of that name is told', async () => {
  mkdirSync(join(root, 'millrace.config.ts'))
  const { code, said } = await millrace(root, ['validate'])
  expect(said).toMatch(/millrace\.config\.ts cannot be read: it is a folder/)
  expect(code).toBe(3)
})

test.each(['helper.ts', 'millrace.config.ts'])(
  '%s that may not be read is named, and no fault of its code',
  async name => {
    write('helper.ts', 'export const a = 1\n')
    write('millrace.config.ts', project("import './helper.ts'"))
    chmodSync(root, 0o755)
    chmodSync(join(root, name), 0)
    const asUser =
      process.getuid?.() === 0 ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] : ['env']
    const [command = '', ...args] = [
      ...asUser,
      process.execPath,
      resolve('dist/cli/bin.js'),
      'validate',
    ] as readonly string[]
    const { status, stderr } = spawnSync(command, args, {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    })
    expect(stderr).toContain(`${join(root, name)} cannot be read: permission is denied`)
    expect(stderr).toContain('MR1117')
    expect(status).toBe(3)
  },
)

test('one that takes its time is waited for', async () => {
  write('millrace.config.ts', project('await new Promise(go => setTimeout(go, 300))'))
  const { code, said } = await millrace(root, ['validate'])
  expect(said).toContain('1 row of 2')
  expect(code).toBe(1)
})

const imported = "import { expect } from 'millrace'"
test.each([
  ['a second condition', 'expect.that(c.id.gt(0).and(c.id.lt(9), c.id.lt(1)))', imported, 'and', 'takes other'],
  ['options of a comparison', "expect.that(c.id.gt(0, { nulls: 'bad' }))", imported, 'gt', 'takes other'],
  ['an argument where there is none', 'expect.that(c.id.abs(3).gt(0))', imported, 'abs', 'takes no arguments'],
  ['an empty list', 'expect.that(c.id.expr.in([]))', imported, 'in', 'not an empty one'],
  [
    'a line end that parts cells',
    'c.id.between(0, 1)',
    String.raw`csv('b.csv', { delimiter: '\n' })`,
    'csv',
    'line end',
  ],
  ['a quote that parts cells', 'c.id.between(0, 1)', `csv('b.csv', { delimiter: '"' })`, 'csv', 'must differ'],
])('%s is refused as the project is loaded', async (_, check, before, name, words) => {
  write('millrace.config.ts', project(before, check))
  const { code, said } = await millrace(root, ['validate'])
  expect(said).toContain('MR1005')
  expect(said).toContain(`${name}: `)
  expect(said).toContain(words)
  expect(code).toBe(2)
})
