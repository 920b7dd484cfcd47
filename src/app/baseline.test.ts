import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorkspace, type Workspace } from '../config/workspace.ts'
import type { Dataset } from '../define/dataset.ts'
import { csv, dataset, project, t } from '../index.ts'
import { inCi, openBaseline, pullRequestBase, viewsAt } from './baseline.ts'
import { makeSnapshot } from './snapshot.ts'

// What a change is compared with: a snapshot, or the project at a commit.

describe('the base of a pull request', () => {
  it.each<[object, string | undefined]>([
    [{}, undefined],
    [{ GITHUB_BASE_REF: 'main' }, 'origin/main'],
    // on a push GitHub sets it to nothing
    [{ GITHUB_BASE_REF: '' }, undefined],
    [{ GITHUB_BASE_REF: '', CHANGE_TARGET: 'release/2' }, 'origin/release/2'],
    [{ SYSTEM_PULLREQUEST_TARGETBRANCH: 'refs/heads/feature/a' }, 'origin/feature/a'],
    [{ SYSTEM_PULLREQUEST_TARGETBRANCH: 'main' }, 'origin/main'],
    [{ CI_MERGE_REQUEST_DIFF_BASE_SHA: '3f2c1a9b0d4e', GITHUB_BASE_REF: 'main' }, '3f2c1a9b0d4e'],
    [{ CI_MERGE_REQUEST_DIFF_BASE_SHA: '' }, undefined],
  ])('of %j is %s', (env, base) => {
    expect(pullRequestBase(env as NodeJS.ProcessEnv)).toBe(base)
  })
})

it.each<[object, boolean]>([
  [{}, false],
  [{ CI: 'true' }, true],
  [{ CI: '1' }, true],
  [{ CI: 'false' }, false],
  [{ CI: '' }, false],
  [{ TF_BUILD: 'True' }, true],
  [{ CI: 'false', JENKINS_URL: 'x' }, true],
])('whether %j is a CI system: %s', (env, is) => {
  expect(inCi(env as NodeJS.ProcessEnv)).toBe(is)
})

describe('a baseline', () => {
  const lines = `id,amount\n${Array.from({ length: 200 }, (_, i) => `${i},${i === 7 ? 20 : 5}`).join('\n')}\n`
  const root = mkdtempSync(join(tmpdir(), 'millrace-baseline-'))
  let workspace: Workspace
  const source = (more = '') => `import { csv, dataset, project, t } from 'millrace'
const sales = dataset('sales', {
  source: csv('data/*.csv'),
  columns: { id: t.int(), amount: t.float() },
  expect: c => [c.amount.between(0, 10, { id: 'amount' })${more}],
})
const loose = dataset('loose', { source: csv('loose/*.csv'), columns: { id: t.int() }, expect: c => [c.id.between(0, 9, { id: 'ids' })] })
export default project('shop', { sales, loose })
`
  const declared = (over: object = {}): Dataset =>
    dataset('sales', {
      source: csv('data/*.csv'),
      columns: { id: t.int(), amount: t.float() },
      expect: c => [c.amount.between(0, 10, { id: 'amount' })],
      ...over,
    }) as unknown as Dataset
  const git = (...words: string[]): string => execFileSync('git', words, { cwd: root, encoding: 'utf8' }).trim()
  let commit = ''

  beforeAll(async () => {
    mkdirSync(join(root, 'data'))
    mkdirSync(join(root, 'node_modules'))
    // the project's own copy of the package: what it declares is data
    execFileSync('ln', ['-s', process.cwd(), join(root, 'node_modules', 'millrace')])
    writeFileSync(join(root, '.gitignore'), 'node_modules\n.millrace\nloose\n')
    writeFileSync(join(root, 'millrace.config.ts'), source())
    writeFileSync(join(root, 'data', 'a.csv'), lines)
    git('init', '-q', '-b', 'main')
    git('add', '.')
    git('-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-qm', 'first')
    commit = git('rev-parse', 'HEAD')
    workspace = await openWorkspace(root, { project: project('shop', { sales: declared() } as never) })
  })
  afterAll(async () => {
    await workspace.close()
    rmSync(root, { recursive: true, force: true, maxRetries: 5 })
  })

  it.each([
    ['--upload-pack=x', 'it is no name'],
    ['nowhere', 'it is neither a commit of this repository nor a snapshot of a dataset'],
    ['abcdefabcdef', 'it is neither a commit of this repository nor a snapshot of a dataset'],
  ])('%s is none', async (ref, reason) => {
    await expect(openBaseline(workspace, ref)).rejects.toMatchObject({ details: { ref, reason } })
  })

  it('of a commit validates as was declared then, on the data of then, and goes without a trace', async () => {
    const before = readdirSync(tmpdir()).filter(name => name.startsWith('millrace-tree-'))
    const baseline = await openBaseline(workspace, 'main')
    try {
      expect(baseline.words).toBe(`main (${commit.slice(0, 12)})`)
      // the data are others by now
      writeFileSync(join(root, 'data', 'a.csv'), `id,amount\n1,5\n`)
      const report = await baseline.reportOf(declared())
      expect(report?.checks.find(check => check.id.endsWith('amount'))).toMatchObject({
        status: 'fail',
        bad: 1,
        evaluated: 200,
      })
      expect(await baseline.reportOf({ ...declared(), name: 'other' })).toBeUndefined()
      // so any verdict may be another
      expect(await baseline.changed(declared())).toEqual(declared().expectations)
    } finally {
      await baseline.close()
      writeFileSync(join(root, 'data', 'a.csv'), lines)
    }
    expect(readdirSync(tmpdir()).filter(name => name.startsWith('millrace-tree-'))).toEqual(before)
    expect(git('worktree', 'list').split('\n')).toHaveLength(1)
  })

  it.each<[string, object, readonly string[] | 'all']>([
    ['nothing', {}, []],
    [
      'a bound',
      { expect: (c: never) => [(c as never as Declared).amount.between(0, 11, { id: 'amount' })] },
      ['amount'],
    ],
    [
      'one more rule',
      {
        expect: (c: never) => [
          (c as never as Declared).amount.between(0, 10, { id: 'amount' }),
          (c as never as Declared).id.between(0, 9, { id: 'ids' }),
        ],
      },
      ['ids'],
    ],
    ['how a column is read', { columns: { id: t.int(), amount: t.nullable(t.float()) } }, 'all'],
    ['which texts are null', { treatAsNull: ['-'] }, 'all'],
  ])('knows what changed: %s', async (_, over, ids) => {
    const baseline = await openBaseline(workspace, commit)
    try {
      const now = declared(over)
      const all = now.expectations.map(one => one.id)
      expect((await baseline.changed(now)).map(one => one.id)).toEqual(ids === 'all' ? all : ids)
    } finally {
      await baseline.close()
    }
  })

  it('knows nothing of data that git does not have: any verdict may be another', async () => {
    mkdirSync(join(root, 'loose'), { recursive: true })
    writeFileSync(join(root, 'loose', 'a.csv'), 'id\n1\n')
    const now = dataset('loose', {
      source: csv('loose/*.csv'),
      columns: { id: t.int() },
      expect: c => [c.id.between(0, 9, { id: 'ids' })],
    }) as unknown as Dataset
    const baseline = await openBaseline(workspace, commit)
    try {
      expect(await baseline.changed(now)).toEqual(now.expectations)
      // what was declared then is judged on the data as they are
      expect((await baseline.reportOf(now))?.checks.find(check => check.id === 'ids')).toMatchObject({ evaluated: 1 })
      const table = { ...declared(), source: { kind: 'sqlite', path: 'sales', file: 'a.db' } } as never
      expect(await baseline.changed(table)).toEqual(declared().expectations)
    } finally {
      await baseline.close()
    }
  })

  it('of a snapshot is its report; all that is declared counts as changed', async () => {
    const made = await makeSnapshot(
      workspace,
      {},
      { chapter: () => undefined, say: () => undefined, warn: () => undefined },
    )
    const digest = made.snapshot as string
    const baseline = await openBaseline(workspace, digest.slice(7, 19))
    expect(baseline.words).toBe(`snapshot ${digest.slice(7, 19)}`)
    expect((await baseline.reportOf(declared()))?.id).toBe(made.report?.id)
    expect(await baseline.reportOf({ ...declared(), name: 'other' })).toBeUndefined()
    expect(await baseline.changed(declared())).toEqual(declared().expectations)
    await baseline.close()
  })

  it('gives the views of then', async () => {
    expect(await viewsAt(workspace, 'main')).toEqual({ views: new Map(), words: `main (${commit.slice(0, 12)})` })
  })
})

interface Declared {
  readonly id: { between(min: number, max: number, options: object): never }
  readonly amount: { between(min: number, max: number, options: object): never }
}
