import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeState } from '../src/config/code-state.ts'
import { graph, writeModel } from '../src/onnx/index.ts'
import { millrace } from './support/command.ts'
import { layProject } from './support/state-project.ts'

const base = mkdtempSync(join(tmpdir(), 'millrace-code-'))
afterAll(() => rmSync(base, { recursive: true, force: true, maxRetries: 5 }))

const git = (root: string, ...words: string[]): string =>
  execFileSync('git', ['-C', root, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...words], { encoding: 'utf8' })

/** A repository with the project in a folder of it, and code beside the project. */
function repository(name: string): string {
  const top = join(base, name)
  const root = join(top, 'project')
  layProject(root, 600)
  mkdirSync(join(top, 'shared'))
  writeFileSync(join(top, 'shared', 'trees.ts'), 'export const trees = 6\n')
  const file = join(root, 'millrace.config.ts')
  const config = readFileSync(file, 'utf8').replace('trees: 6', 'trees: count()')
  writeFileSync(file, `import { count } from './helper'\n${config}`)
  writeFileSync(
    join(root, 'helper.ts'),
    `import { trees } from '../shared/trees.js'\nexport const count = () => trees\n`,
  )
  writeFileSync(join(root, 'notes.md'), 'notes\n')
  writeFileSync(join(root, '.gitignore'), '.millrace/\nignored.ts\n')
  git(base, 'init', '-q', top)
  git(root, 'add', '-A')
  git(root, '-C', '..', 'add', '-A')
  git(root, 'commit', '-q', '-m', 'first')
  return root
}

describe('whether the code of a version is all in its commit', () => {
  let root: string
  beforeAll(() => {
    root = repository('one')
  })
  const state = async () => {
    const { dirty, changed } = await codeState(root)
    return { dirty, changed: Object.keys(changed).sort() }
  }
  const put = (name: string, text: string): void => writeFileSync(join(root, name), text)
  const back = (): void => {
    git(root, '-C', '..', 'checkout', '-q', '.')
    git(root, '-C', '..', 'clean', '-fdxq')
  }

  test('it is, whatever lies around that nobody imports', async () => {
    expect(await state()).toEqual({ dirty: false, changed: [] })
    put('unused.ts', 'export {}')
    put('more.csv', 'x')
    expect(await state()).toEqual({ dirty: false, changed: [] })
    back()
  })

  test('what Millrace itself writes is no code: its lock does not make the next version dirty', async () => {
    put('millrace.lock', '{}\n')
    git(root, 'add', 'millrace.lock')
    git(root, 'commit', '-q', '-m', 'lock')
    put('millrace.lock', '{"models":{}}\n')
    expect(await state()).toEqual({ dirty: false, changed: [] })
    back()
  })

  test.each([
    ['the project file', 'millrace.config.ts', (text: string) => `${text}// changed\n`],
    ['a helper', 'helper.ts', (text: string) => `${text}// changed\n`],
    ['code beside the project', '../shared/trees.ts', () => 'export const trees = 7\n'],
  ])('%s that changed is dirty, and kept', async (_what, name, change) => {
    put(name, change(readFileSync(join(root, name), 'utf8')))
    expect(await state()).toEqual({ dirty: true, changed: [name] })
    back()
  })

  test('a tracked file that nobody imports is dirty as ever, and not kept', async () => {
    put('notes.md', 'secret')
    expect(await state()).toEqual({ dirty: true, changed: [] })
    back()
  })

  test.each([
    ['that git does not know', 'fresh.ts', "import './fresh'"],
    ['that git ignores', 'ignored.ts', "import './ignored.ts'"],
    ['of JSON', 'settings.json', "import settings from './settings.json'"],
    ['through require', 'old.cjs', "const old = require('./old.cjs')"],
    ['two steps away', 'deep/index.ts', "export * from './deep'"],
    ['that is loaded lazily', 'late.ts', "const late = () => import('./late')"],
  ])('an imported file %s is dirty, and kept', async (_what, name, line) => {
    put('helper.ts', `${line}\n${readFileSync(join(root, 'helper.ts'), 'utf8')}`)
    git(root, 'add', 'helper.ts')
    git(root, 'commit', '-q', '-m', 'use it')
    mkdirSync(join(root, 'deep'), { recursive: true })
    put(name, name.endsWith('json') ? '{}' : '// nothing')
    expect(await state()).toEqual({ dirty: true, changed: [name] })
    git(root, 'reset', '-q', '--hard', 'HEAD~1')
    back()
  })
})

describe('what trainers read is code', () => {
  let root: string
  beforeAll(() => {
    root = repository('trainers')
    mkdirSync(join(root, 'train', 'shared', '__pycache__'), { recursive: true })
    writeFileSync(join(root, 'train', 'train.ts'), "import { rate } from './rate.js'\nexport default () => rate\n")
    writeFileSync(join(root, 'train', 'rate.ts'), 'export const rate = 1\n')
    writeFileSync(join(root, 'train', 'train.py'), 'rate = 1\n')
    writeFileSync(join(root, 'train', 'shared', 'a.py'), 'a = 1\n')
    git(root, 'add', '-A')
    git(root, 'commit', '-q', '-m', 'trainers')
  })
  const state = async (read: readonly string[]) => {
    const { dirty, changed } = await codeState(root, read)
    return { dirty, changed: Object.keys(changed).sort() }
  }
  const all = ['train/train.ts', 'train/train.py', 'train/shared', 'train/none.lock']

  test('nothing of it is dirty while it is as in the commit', async () => {
    writeFileSync(join(root, 'train', 'shared', '__pycache__', 'a.pyc'), 'x')
    writeFileSync(join(root, 'train', 'shared', '.note'), 'x')
    expect(await state(all)).toEqual({ dirty: false, changed: [] })
  })

  test.each([
    ['a script', 'train/train.py', ['train/train.py']],
    ['what a script in TypeScript imports', 'train/rate.ts', ['train/train.ts']],
    ['a file of a folder', 'train/shared/a.py', ['train/shared']],
    ['a new file of a folder', 'train/shared/b.py', ['train/shared']],
    ['a script that git ignores', 'ignored.ts', ['ignored.ts']],
  ])('%s is dirty when it changes, and kept', async (_what, name, read) => {
    writeFileSync(join(root, name), '// changed\n')
    expect(await state(read)).toEqual({ dirty: true, changed: [name] })
    // Of a project that no trainer of reads it, a new file is none of its code
    expect((await state([])).changed).toEqual([])
    git(root, 'checkout', '-q', '.')
    git(root, 'clean', '-fdxq')
  })

  test('bytes that are no text are kept as they are, and tell each other apart', async () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x80])
    writeFileSync(join(root, 'train', 'scorer.onnx'), bytes)
    const one = await codeState(root, ['train/scorer.onnx'])
    expect(one.changed).toEqual({ 'train/scorer.onnx': { base64: bytes.toString('base64') } })
    writeFileSync(join(root, 'train', 'scorer.onnx'), Buffer.from([0xff, 0xfe, 0x00, 0x81]))
    expect((await codeState(root, ['train/scorer.onnx'])).diff).not.toBe(one.diff)
  })
})

test('a version made of an uncommitted script is rebuilt to the same bytes', async () => {
  const root = repository('script')
  const file = join(root, 'millrace.config.ts')
  const config = readFileSync(file, 'utf8')
    .replace('gbt, model', 'gbt, model, typescript')
    .replace('gbt({ trees: count(), depth: 3 })', "typescript('train/fare.ts', { reproducible: 'bitwise' })")
  writeFileSync(file, config)
  git(root, 'add', '-A')
  git(root, 'commit', '-q', '-m', 'a script')
  mkdirSync(join(root, 'train'))
  // Of three inputs the first counts
  const builder = graph('by hand')
  builder.input('features', 'float', ['N', 3])
  const given = { coefficients: { floats: [1.7, 0, 0] }, intercepts: { floats: [0.3] }, targets: { int: 1 } }
  builder.node('ml.LinearRegressor', ['features'], 'fares', given)
  builder.output('fares', 'float', ['N', 1])
  const onnx = Buffer.from(writeModel(builder.build(), {}, '', 'by hand')).toString('base64')
  writeFileSync(
    join(root, 'train', 'fare.ts'),
    `import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
export default ({ outputs }: { outputs: string }) => writeFileSync(join(outputs, 'model.onnx'), Buffer.from('${onnx}', 'base64'))
`,
  )
  const trained = await millrace(root, ['train'])
  expect(trained.said).toContain('train/fare.ts is kept with the version')
  rmSync(join(root, 'train'), { recursive: true })
  const again = await millrace(root, ['reproduce', 'fare@1'])
  expect(again.said).toContain('with the uncommitted changes that were kept: train/fare.ts')
  expect(again.said).toContain('rebuilt to the same bytes')
})

test('a version made of uncommitted code is rebuilt to the same bytes', async () => {
  const root = repository('two')
  writeFileSync(join(root, 'fresh.ts'), 'export const more = 3\n')
  writeFileSync(
    join(root, 'helper.ts'),
    "import { trees } from '../shared/trees'\nimport { more } from './fresh'\nexport const count = () => trees + more\n",
  )
  const trained = await millrace(root, ['train'])
  expect(trained.code, trained.said).toBe(0)
  expect(trained.said).toContain('fresh.ts, helper.ts is kept with the version')
  git(root, 'checkout', '-q', '.')
  rmSync(join(root, 'fresh.ts'))
  const again = await millrace(root, ['reproduce', 'fare@1'])
  expect(again.code, again.said).toBe(0)
  expect(again.said).toContain('with the uncommitted changes that were kept: fresh.ts, helper.ts')
  expect(again.said).toContain('rebuilt to the same bytes')
  // The lock that the first one wrote is tracked, and changes with each: the second is no dirtier for it
  git(root, 'add', '-A')
  git(root, 'commit', '-q', '-m', 'lock')
  expect((await millrace(root, ['train'])).code).toBe(0)
  expect((await millrace(root, ['train'])).code).toBe(0)
  expect((await millrace(root, ['models', 'show', 'fare@3'])).said).not.toContain('uncommitted')
})
