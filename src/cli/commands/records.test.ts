import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inside } from '../../../test/support/inside.ts'
import { refused } from '../../../test/support/refused.ts'
import { openWorkspace } from '../../config/workspace.ts'
import { project } from '../../index.ts'
import { digestBytes } from '../../internal/digest.ts'
import { ulid } from '../../internal/ids.ts'

// What commands print of what is on record, for people and as JSON, over a project that was never trained.

let root: string
const run = (...words: string[]) => inside(root, words)
const json = async <T>(...words: string[]): Promise<T> => {
  const { code, out, said } = await run(...words, '--json')
  expect(code, said).toBe(0)
  return JSON.parse(out) as T
}
/** Something on record, as another process would have left it. */
async function recorded(
  work: (store: Awaited<ReturnType<typeof openWorkspace>>['store']) => Promise<unknown>,
): Promise<void> {
  const workspace = await openWorkspace(root, { project: project('shop', {}) })
  try {
    await work(workspace.store)
  } finally {
    await workspace.close()
  }
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-commands-'))
  mkdirSync(join(root, 'data'))
  mkdirSync(join(root, 'node_modules'))
  symlinkSync(resolve('.'), join(root, 'node_modules', 'millrace'))
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, project, t } from 'millrace'
const columns = { id: t.int(), amount: t.float() }
const sales = dataset('sales', { source: csv('data/*.csv'), columns, expect: c => [c.amount.between(0, 10, { id: 'amount' })] })
const strict = dataset('strict', { source: csv('data/*.csv'), columns, quarantine: false, expect: c => [c.amount.between(0, 10)] })
export default project('shop', { sales, strict })
`,
  )
  const lines = Array.from({ length: 1_200 }, (_, i) => `${i},${i === 7 ? 20 : 5}`)
  writeFileSync(join(root, 'data', 'a.csv'), `id,amount\n${lines.join('\n')}\n`)
})
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

describe('where nothing is on record', () => {
  it.each([
    [['decisions'], 'Nothing was decided yet.'],
    [['runs', 'list'], 'No run yet. Next: npx millrace train'],
    [['models', 'list'], 'No version yet. Next: npx millrace train'],
    [['token', 'list'], 'No token yet. Next: npx millrace token create <name> --scope read'],
    [['data', 'list'], 'There is no snapshot yet:  npx millrace data snapshot'],
  ])('%j says what comes next, and is an empty list', async (words, text) => {
    expect((await run(...words)).out).toBe(`${text}\n`)
    expect(await json(...words)).toEqual([])
  })

  it.each<[readonly string[], number, string | RegExp]>([
    [['runs', 'show'], 2, /\(none yet\)/],
    [['runs', 'show', 'r1'], 2, /r1/],
    [['models', 'show', 'late@1'], 2, /late@1/],
    [['lineage', 'nothing'], 2, /nothing/],
    [['data', 'list', 'sale'], 2, /sales/],
    [['data', 'snapshot'], 2, /Say which dataset: sales, strict/],
    [['data', 'quarantine', 'sales'], 1, /no snapshot yet/],
    [['token', 'revoke', 'x'], 2, /x/],
    [['decisions', '--limit', '0'], 2, /--limit must be a whole number from 1 on, but is "0"/],
    [['decisions', '--limit', '2.5'], 2, /--limit must be/],
    [['decisions', '--kind', 'none'], 2, /gate/],
    [['token', 'create', 'a', '--scope', 'all'], 2, /read, write, predict/],
    [['token', 'create', 'a', '--expires-in', 'soon'], 2, /"soon" is not a duration such as 30d/],
    [['explain-error', 'MR0000'], 2, /MR0000/],
  ])('%j is refused', async (words, exit, text) => {
    refused(await run(...words), exit, text as never)
  })
})

describe('snapshots', () => {
  it('are told with what was set aside, listed once each, and found by the start of their digest', async () => {
    const made = await run('data', 'snapshot', 'sales')
    expect(made.code).toBe(0)
    expect(made.out).toMatch(
      /^sales: snapshot [0-9a-f]{12}, 1,199 rows\n {2}.*1 .*\nNext: {2}npx millrace data quarantine sales\n/,
    )
    await run('data', 'snapshot', 'sales')
    const [one, ...others] = await json<
      { dataset: string; digest: string; rows: number; quarantined: number; readmitted: number; at: number }[]
    >('data', 'list')
    expect([others, one]).toMatchObject([[], { dataset: 'sales', rows: 1_199, quarantined: 1, readmitted: 0 }])
    expect((await run('data', 'list', 'sales')).out).toContain(one?.digest.slice(7, 19))
    expect(Math.abs((one?.at ?? 0) / 1000 - Date.now())).toBeLessThan(600_000)
    expect(await json('data', 'list', 'strict')).toEqual([])
    const lineage = await run('lineage', (one?.digest ?? '').slice(7, 19))
    expect(lineage.out).toMatch(/made from\n.*\n/)
    expect(lineage.out).toMatch(/used for: nothing that is recorded/)
    // and from the file on
    expect((await json<{ usedFor: { to: string }[] }>('lineage', 'data/a.csv')).usedFor.map(edge => edge.to)).toContain(
      one?.digest,
    )
  })

  it('that are refused end with 1 and the reason', async () => {
    const { code, out } = await run('data', 'snapshot', 'strict')
    expect(code).toBe(1)
    expect(out).toMatch(/^strict: no snapshot; .*amount/)
    // no row is to be mended: the gate takes none of them
    expect(out).not.toContain('Next:')
    const answer = await run('data', 'snapshot', 'strict', '--json')
    expect([answer.code, JSON.parse(answer.out)]).toMatchObject([1, { snapshot: null, status: 'failed' }])
  })
})

describe('runs and decisions', () => {
  it('are listed newest first, with how long they took and how they stand', async () => {
    const at = Date.UTC(2026, 0, 2, 3, 4, 5) * 1000
    const [first, second] = [ulid(), ulid()]
    const run_ = {
      kind: 'pipeline',
      name: 'train-late',
      trigger: 'schedule',
      startedAt: at,
      environment: {},
      parameters: {},
    } as const
    await recorded(async store => {
      await store.createRun({ ...run_, id: first, status: 'succeeded', endedAt: at + 12_340_000 })
      await store.createRun({
        ...run_,
        id: second,
        kind: 'score',
        name: 'score-late',
        status: 'failed',
        endedAt: at + 1,
        error: { reason: 'no room' },
      })
      await store.putStep({
        runId: second,
        step: 'score',
        status: 'failed',
        attempt: 1,
        startedAt: at,
        endedAt: at + 2_000_000,
        reason: 'x'.repeat(100),
      })
      await store.addDecision({
        id: 'd1',
        kind: 'gate',
        subject: 'model late',
        at,
        verdict: 'refused',
        reason: 'y'.repeat(200),
        rule: { name: 'n', threshold: 1 },
        inputs: {},
        evidence: [digestBytes('e')],
        actor: 'a',
      })
    })
    const list = (await run('runs', 'list')).out.split('\n')
    const line = list.find(text => text.includes(first)) ?? ''
    for (const word of ['train-late', 'succeeded', 'schedule', '2026-01-02T03:04:05', '12.3 s'])
      expect(line).toContain(word)
    expect(list.findIndex(text => text.includes(second))).toBeLessThan(list.indexOf(line))
    const shown = (await run('runs', 'show', second)).out
    expect(shown).toMatch(new RegExp(`^score-late {2}failed {2}${second} {2}\\(schedule\\)\\n {2}no room\\n`))
    expect(shown).toContain('2.0 s')
    expect(shown).toContain('x'.repeat(90))
    expect(shown).not.toContain('x'.repeat(91))
    // scores go on by the same call, other runs by their id
    expect(shown).toContain('Next:  the same "npx millrace score …" again')
    expect((await run('runs', 'show', first)).out).not.toContain('Next:')
    const [decision] = await json<{ id: string }[]>('decisions', '--kind', 'gate', '--limit', '1')
    expect(decision?.id).toBeDefined()
    const told = (await run('decisions', '--limit', '500')).out
    expect(told).toContain('y'.repeat(110))
    expect(told).not.toContain('y'.repeat(111))
    expect(await json('decisions', '--kind', 'rollout')).toEqual([])
  })
})

describe('versions', () => {
  it('are listed with their aliases, the same file told', async () => {
    const version = {
      model: 'late',
      createdAt: Date.UTC(2026, 0, 2) * 1000,
      runId: 'r',
      metrics: { auc: 0.712345 },
      facts: { trigger: 'drift' },
      tags: {},
    }
    await recorded(async store => {
      for (const name of ['a', 'b', 'a'])
        await store.addModelVersion({ ...version, digest: digestBytes(name) } as never)
      await store.setAlias('late', 'champion', 2)
      await store.setAlias('late', 'previous', 2)
    })
    const versions = await json<{ version: number; aliases: string[]; sameAs: number | null }[]>(
      'models',
      'list',
      'late',
    )
    expect(versions.map(one => [one.version, one.aliases.toSorted((a, b) => (a < b ? -1 : 1)), one.sameAs])).toEqual([
      [3, [], 1],
      [2, ['champion', 'previous'], null],
      [1, [], null],
    ])
    const lines = (await run('models', 'list')).out.split('\n')
    const third = lines.find(line => line.startsWith('late@3')) ?? ''
    for (const word of ['2026-01-02', 'drift', digestBytes('a').slice(7, 19), '= @1', 'auc 0.7123'])
      expect(third).toContain(word)
    expect(lines.find(line => line.startsWith('late@2'))).toMatch(/champion previous|previous champion/)
    expect(await json('models', 'list', 'fare')).toEqual([])
  })
})

describe('tokens', () => {
  it('are shown once, listed without their secret, and ended', async () => {
    const made = await json<{ token: string; id: string; scopes: string[]; expiresAt: number }>(
      'token',
      'create',
      'ci',
      '--scope',
      'read,operate',
      '--expires-in',
      '1d',
    )
    expect(made.scopes).toEqual(['read', 'operate'])
    expect(Math.abs(made.expiresAt / 1000 - Date.now() - 86_400_000)).toBeLessThan(600_000)
    const plain = await run('token', 'create', 'plain')
    expect(plain.out).toMatch(/^mlr_[0-9a-z]{10}_[\w-]{43}\n/)
    const listed = await run('token', 'list')
    expect(listed.out).toContain(`ci (${made.id}): read, operate, until`)
    // ninety days and reading alone where nothing is said
    expect(listed.out).toMatch(/plain \(\w{10}\): read, until/)
    expect(listed.out).not.toContain(made.token)
    expect((await run('token', 'revoke', made.id)).out).toBe(`${made.id} is no longer accepted\n`)
    expect((await run('token', 'list')).out).not.toContain(made.id)
  })
})

describe('an error code', () => {
  it('is explained, whatever case it is written in; all of them in short', async () => {
    const { out } = await run('explain-error', 'mr4112')
    expect(out).toMatch(/^MR4112 {2}Row that cannot be scored\n/)
    expect(out).toContain('Exit code 1, HTTP status 422; the move is yours.')
    const all = (await run('explain-error')).out.trim().split('\n')
    expect(all).toEqual(all.toSorted((a, b) => (a < b ? -1 : 1)))
    expect(all).toContain('MR4112  Row that cannot be scored')
  })
})
