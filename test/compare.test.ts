import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { inside as millrace } from './support/inside.ts'

const config = `import { csv, dataset, project, t } from 'millrace'
const sales = dataset('sales', {
  source: csv('data/*.csv'),
  columns: { id: t.int(), amount: t.float() },
  expect: c => [
    c.amount.between(0, 100, { id: 'fair', mostly: 0.9 }),
    c.amount.mean({ min: 0 }),
    c.id.between(0, 1000),
  ],
})
const other = dataset('other', { source: csv('other.csv'), columns: { id: t.int() } })
export default project('p', { sales, other })
`

const roots: string[] = []
const ofCi = ['CI', 'TF_BUILD', 'JENKINS_URL', 'GITHUB_BASE_REF', 'CI_MERGE_REQUEST_DIFF_BASE_SHA', 'CHANGE_TARGET']
beforeEach(() => ofCi.forEach(name => vi.stubEnv(name, '')))
afterEach(() => {
  vi.unstubAllEnvs()
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

const sales = (bad: number): string =>
  `id,amount\n${Array.from({ length: 100 }, (_, i) => `${i},${i < bad ? -5 : 30}`).join('\n')}\n`

interface Project {
  readonly root: string
  git(...args: string[]): string
  validate(...args: string[]): Promise<{ readonly code: number; readonly said: string; readonly reports: Told[] }>
}

interface Told {
  readonly evidence: { readonly part?: string }
  readonly subject: string
  readonly checks: readonly { readonly id: string }[]
  readonly comparison?: {
    readonly with: string
    readonly checks: readonly {
      readonly id: string
      readonly change: string
      readonly before?: { readonly bad: number }
    }[]
  }
}

/** A repository whose first commit holds but for two bad rows of a hundred. */
function repository(ignored = ''): Project {
  const root = mkdtempSync(join(tmpdir(), 'millrace-compare-'))
  roots.push(root)
  mkdirSync(join(root, 'data'))
  writeFileSync(join(root, 'millrace.config.ts'), config)
  writeFileSync(join(root, 'data/a.csv'), sales(2))
  writeFileSync(join(root, 'other.csv'), 'id\n1\n')
  writeFileSync(join(root, '.gitignore'), `.millrace\n${ignored}`)
  const git = (...args: string[]): string =>
    execFileSync(
      'git',
      ['-c', 'user.name=T', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false', ...args],
      {
        cwd: root,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    )
  git('init', '-q', '-b', 'main')
  git('add', '.')
  git('commit', '-qm', 'first')
  return {
    root,
    git,
    async validate(...args) {
      const { code, said, out } = await millrace(root, ['validate', '--json', ...args])
      return { code, said, reports: out.startsWith('[') ? (JSON.parse(out) as Told[]) : [] }
    },
  }
}

function change(root: string, from: string, to: string): void {
  const file = join(root, 'millrace.config.ts')
  writeFileSync(file, readFileSync(file, 'utf8').replace(from, to))
}

const changes = (told: Told | undefined): Record<string, string> =>
  Object.fromEntries((told?.comparison?.checks ?? []).map(one => [one.id, one.change]))

test('data that got worse, within what is allowed and beyond', async () => {
  const { root, git, validate } = repository()
  writeFileSync(join(root, 'data/a.csv'), sales(5))
  const within = await validate('--compare', 'HEAD')
  expect(within.code).toBe(0)
  expect(within.reports[0]?.comparison?.with).toMatch(/^HEAD \([0-9a-f]{12}\)$/)
  expect(within.reports[0]?.comparison?.checks[0]).toMatchObject({ id: 'fair', change: 'worse', before: { bad: 2 } })
  expect(new Set(Object.values(changes(within.reports[1])))).toEqual(new Set(['same']))
  writeFileSync(join(root, 'data/a.csv'), sales(50))
  expect((await validate('--compare', 'main')).code).toBe(1)
  writeFileSync(join(root, 'data/a.csv'), sales(0))
  expect(changes((await validate('--compare', 'HEAD')).reports[0]).fair).toBe('better')
  // nothing is left behind
  expect(git('worktree', 'list').trim().split('\n')).toHaveLength(1)
})

test('one row less and one bad value more, under a limit that is a share', async () => {
  const { root, validate } = repository()
  writeFileSync(join(root, 'data/a.csv'), sales(0))
  const made = await millrace(root, ['data', 'snapshot', 'sales', '--json'])
  const { snapshot } = JSON.parse(made.out) as { snapshot: string }
  const rows = sales(1).trimEnd().split('\n')
  writeFileSync(join(root, 'data/a.csv'), `${rows.slice(0, 50).join('\n')}\n`)
  const now = (await validate('sales', '--compare', snapshot)).reports[0]
  expect(now?.comparison?.checks[0]).toMatchObject({ id: 'fair', change: 'worse', before: { bad: 0 } })
  expect(Object.values(changes(now)).filter(one => one !== 'same')).toEqual(['worse'])
  // two bad rows of a hundred then: fewer rows now, and none bad
  writeFileSync(join(root, 'data/a.csv'), `${sales(0).trimEnd().split('\n').slice(0, 50).join('\n')}\n`)
  expect(changes((await validate('sales', '--compare', 'HEAD')).reports[0]).fair).toBe('better')
  // the same under another name
  change(root, "id: 'fair'", "id: 'sound'")
  expect(changes((await validate('sales', '--compare', 'HEAD')).reports[0]).sound).toBe('better')
})

test('expectations that are new, gone, or asked with other limits', async () => {
  const { root, validate } = repository()
  change(root, 'c.amount.mean({ min: 0 })', 'c.amount.max({ max: 50 })')
  change(root, 'c.id.between(0, 1000)', 'c.id.between(0, 10)')
  const { reports } = await validate('--compare', 'HEAD')
  const told = reports[0]?.comparison?.checks.map(one => one.change).filter(one => one !== 'same')
  expect(told).toEqual(['changed', 'new', 'gone'])
})

test('data that git does not have is looked at as it is, by the expectations of then', async () => {
  const { root, validate } = repository('data\n')
  change(root, 'mostly: 0.9 ', 'mostly: 0.99 ')
  const { reports } = await validate('--compare', 'HEAD')
  expect(reports[0]?.comparison?.checks[0]).toMatchObject({ id: 'fair', change: 'changed', before: { bad: 2 } })
  // it may have changed: everything of it is asked
  expect((await validate('--only', 'changed')).reports.map(one => [one.subject, one.checks.length > 3])).toEqual([
    ['sales', true],
  ])
})

test('only what can have changed is looked at', async () => {
  const { root, git, validate } = repository()
  expect((await validate('--only', 'changed')).reports).toEqual([])
  change(root, 'c.id.between(0, 1000)', "c.id.between(0, 500, { id: 'narrow' })")
  const narrow = (await validate('--only', 'changed')).reports
  expect(narrow.map(one => one.checks.map(check => check.id))).toEqual([['narrow']])
  expect(narrow[0]?.evidence.part).toMatch(/^1 of \d+ checks, --only changed$/)
  // a moved line is no change
  git('commit', '-qam', 'second')
  change(root, 'expect: c => [', 'expect: c => [\n')
  expect((await validate('--only', 'changed')).reports).toEqual([])
  writeFileSync(join(root, 'data/b.csv'), 'id,amount\n200,1\n')
  const { reports } = await validate('--only', 'changed')
  // all of it: no part
  expect(reports[0]?.evidence.part).toBeUndefined()
  expect(reports.map(one => one.subject)).toEqual(['sales'])
  expect(reports[0]?.checks.length).toBeGreaterThan(5)
  expect((await validate('--only', 'changed', '--compare', 'HEAD~1')).reports).toHaveLength(1)
})

test('in CI nothing changed since the last commit: outside of a pull request everything is looked at', async () => {
  const { root, git, validate } = repository()
  vi.stubEnv('CI', 'true')
  const { reports } = await validate('--only', 'changed')
  expect(reports.map(one => [one.subject, one.evidence.part])).toEqual([
    ['sales', undefined],
    ['other', undefined],
  ])
  expect((await millrace(root, ['validate', '--only', 'changed'])).said).toContain('everything is looked at')
  // what is named is taken at its word, and a pull request has its base
  expect((await validate('--only', 'changed', '--compare', 'HEAD')).reports).toEqual([])
  vi.stubEnv('GITHUB_BASE_REF', 'main')
  git('update-ref', 'refs/remotes/origin/main', 'HEAD')
  expect((await validate('--only', 'changed')).reports).toEqual([])
})

test('a snapshot, and what is none', async () => {
  const { root, validate } = repository()
  const made = await millrace(root, ['data', 'snapshot', 'sales', '--json'])
  const { snapshot } = JSON.parse(made.out) as { snapshot: string }
  writeFileSync(join(root, 'data/a.csv'), sales(5))
  for (const name of [snapshot, snapshot.slice(7, 19)])
    expect(changes((await validate('sales', '--compare', name)).reports[0]).fair).toBe('worse')
  for (const name of ['sha256:0000000000000000', 'no-such-branch', '--upload-pack=x']) {
    const { code, said } = await validate(`--compare=${name}`)
    expect([code, said]).toEqual([2, expect.stringContaining('MR2019') as string])
  }
  expect((await validate('--only', 'new')).code).toBe(2)
})
