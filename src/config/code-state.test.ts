import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { openArtifacts } from '../adapters/artifacts/fs/open.ts'
import { digestBytes } from '../internal/digest.ts'
import { codeState, keepChanges, maxKeptChanges, moduleFiles } from './code-state.ts'

// Which files are the code of a project, and what of them no commit has. Whole projects are in test/code-state.test.ts.

const base = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-code-state-')))
afterAll(() => rmSync(base, { recursive: true, force: true, maxRetries: 5 }))

let top: string
let root: string
beforeEach(() => {
  top = mkdtempSync(join(base, 'top-'))
  root = join(top, 'project')
  mkdirSync(root)
})
const put = (files: Readonly<Record<string, string | Uint8Array>>): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
}
const modules = (...read: string[]): string[] => moduleFiles(root, read).map(path => relative(root, path))
const git = (...words: string[]): string =>
  execFileSync('git', ['-C', root, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...words], { encoding: 'utf8' })
const commit = (): string => {
  git('-C', '..', 'add', '-A')
  git('commit', '-q', '-m', 'all')
  return git('rev-parse', 'HEAD').trim()
}

describe('the code of a project', () => {
  it('is its file and what that imports, in every way in which files are named', () => {
    const names = ['a.ts', 'b.mts', 'c/index.ts', 'd.js', 'e.json', 'f.tsx', 'g.cts', 'h.ts', 'i.mts', 'j/index.js']
    put({
      'millrace.config.ts': `import a from './a'
import { b } from "./b"
export * from './c'
import './d.js'
const e = require('./e.json')
const f = await import('./f')
import type { G } from './g'
import { h } from './h.js'
import { i } from './i.mjs'
import{j}from'./j'
import { none } from './nowhere'
import { fs } from 'node:fs'
import pkg from './node_modules/pkg/index.js'
`,
      ...Object.fromEntries(names.map(name => [name, ''])),
      'node_modules/pkg/index.js': '',
      'unused.ts': '',
    })
    expect(modules()).toEqual([...names, 'millrace.config.ts'].toSorted((a, b) => (a < b ? -1 : 1)))
  })

  it('goes on from file to file, in circles and out of the folder', () => {
    put({
      'millrace.config.ts': "import './a'",
      'a.ts': "import './deep/b'",
      'deep/b.ts': "import '../a'\nimport '../../shared/c'",
      '../shared/c.ts': '',
    })
    expect(modules()).toEqual(['a.ts', 'deep/b.ts', 'millrace.config.ts', '../shared/c.ts'])
  })

  it('has what trainers read: scripts with what they import, folders but for what tools leave', () => {
    put({
      'millrace.config.ts': '',
      'train.ts': "import './own'",
      'own.ts': '',
      'train/a.py': 'import b',
      'train/deep/b.py': '',
      'train/.hidden': '',
      'train/__pycache__/a.pyc': '',
      'train/lock.txt': '',
    })
    expect(modules('train.ts', 'train', 'gone.py')).toEqual([
      'millrace.config.ts',
      'own.ts',
      'train.ts',
      'train/a.py',
      'train/deep/b.py',
      'train/lock.txt',
    ])
  })

  it('does not read data as code, though data may be named', () => {
    put({ 'millrace.config.ts': "import './e.json'", 'e.json': `{"a": "import './f'"}`, 'f.ts': '' })
    expect(modules()).toEqual(['e.json', 'millrace.config.ts'])
  })

  it('is nothing where there is no project file', () => {
    expect(modules()).toEqual([])
  })
})

describe('what no commit has', () => {
  beforeEach(() => {
    put({
      'millrace.config.ts': "import './a'\nimport '../shared/c'",
      'a.ts': '1',
      '../shared/c.ts': '1',
      'notes.md': 'x',
    })
  })

  it('is unknown without git, and without a first commit', async () => {
    const none = { commit: null, dirty: null, diff: null, changed: {} }
    expect(await codeState(root)).toEqual(none)
    execFileSync('git', ['init', '-q', top])
    expect(await codeState(root)).toEqual(none)
  })

  it('is nothing after a commit, whatever Millrace writes itself', async () => {
    execFileSync('git', ['init', '-q', top])
    put({ 'millrace.lock': '1', '.millrace/a': '1' })
    const head = commit()
    expect(await codeState(root)).toEqual({ commit: head, dirty: false, diff: null, changed: {} })
    put({ 'millrace.lock': '2', '.millrace/a': '2', 'unused.ts': '' })
    expect(await codeState(root)).toEqual({ commit: head, dirty: false, diff: null, changed: {} })
  })

  it.each<[string, Readonly<Record<string, string>>, Readonly<Record<string, string>>]>([
    ['a changed module', { 'a.ts': '2' }, { 'a.ts': '2' }],
    ['a changed module outside of the folder', { '../shared/c.ts': '2' }, { '../shared/c.ts': '2' }],
    // tracked, so git would have to give it back, but no code
    ['another changed file', { 'notes.md': 'y' }, {}],
  ])('is %s', async (_, change, changed) => {
    execFileSync('git', ['init', '-q', top])
    const head = commit()
    put(change)
    const found = await codeState(root)
    expect(found).toMatchObject({ commit: head, dirty: true, changed })
    expect(Object.keys(found.changed)).toEqual(Object.keys(changed))
    expect(found.diff).toMatch(/^sha256:/)
    // staged or not
    git('-C', '..', 'add', '-A')
    expect(await codeState(root)).toEqual(found)
    put(Object.fromEntries(Object.keys(change).map(name => [name, 'third'])))
    expect((await codeState(root)).diff).not.toBe(found.diff)
  })

  it('is a module that is new and staged, and one that is gone', async () => {
    execFileSync('git', ['init', '-q', top])
    commit()
    put({ 'a.ts': "import './b'", 'b.ts': '1' })
    git('add', '-A')
    expect(await codeState(root)).toMatchObject({ dirty: true, changed: { 'a.ts': "import './b'", 'b.ts': '1' } })
    git('reset', '-q', '--hard')
    git('rm', '-q', 'a.ts')
    expect(await codeState(root)).toMatchObject({ dirty: true, changed: {} })
  })

  it('is a file that git does not know, where code names it, and its content counts', async () => {
    execFileSync('git', ['init', '-q', top])
    commit()
    put({ 'train.py': 'one' })
    expect((await codeState(root)).dirty).toBe(false)
    const first = await codeState(root, ['train.py'])
    expect(first).toMatchObject({ dirty: true, changed: { 'train.py': 'one' } })
    put({ 'train.py': 'two' })
    expect((await codeState(root, ['train.py'])).diff).not.toBe(first.diff)
  })

  it('is kept as text where it is text, else as bytes', async () => {
    execFileSync('git', ['init', '-q', top])
    commit()
    const bytes = Uint8Array.of(0xff, 0xfe, 0)
    put({ 'w.bin': bytes, 'ö.txt': 'ö\r\n' })
    expect((await codeState(root, ['w.bin', 'ö.txt'])).changed).toEqual({
      'w.bin': { base64: Buffer.from(bytes).toString('base64') },
      'ö.txt': 'ö\r\n',
    })
  })
})

describe('changes of a version', () => {
  const state = (changed: Readonly<Record<string, string>>) => ({
    commit: 'c',
    dirty: true,
    diff: digestBytes(''),
    changed,
  })

  it('are kept beside it with the names of their files, in order', async () => {
    const artifacts = await openArtifacts(join(top, 'artifacts'))
    expect(await keepChanges(artifacts, state({}))).toEqual({})
    const kept = await keepChanges(artifacts, state({ 'b.ts': '2', 'a.ts': '1' }))
    expect(kept).toEqual({ changes: expect.stringMatching(/^sha256:/) as string, changedFiles: ['a.ts', 'b.ts'] })
    expect(Buffer.from(await artifacts.get(kept.changes as never)).toString()).toBe('{"a.ts":"1","b.ts":"2"}')
  })

  it('are kept up to a mebibyte; of more there are the names alone', async () => {
    const artifacts = await openArtifacts(join(top, 'artifacts'))
    expect(maxKeptChanges).toBe(2 ** 20)
    // {"a":"…"} has eight characters around the text
    const most = 'x'.repeat(2 ** 20 - 8)
    expect((await keepChanges(artifacts, state({ a: most }))).changes).toMatch(/^sha256:/)
    expect(await keepChanges(artifacts, state({ a: `${most}x` }))).toEqual({ changes: null, changedFiles: ['a'] })
    // as bytes, not as characters
    expect((await keepChanges(artifacts, state({ a: 'ö'.repeat(2 ** 19) }))).changes).toBeNull()
  })
})
