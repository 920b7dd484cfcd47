import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startUp, type Said, type Server } from './support/command.ts'
import { inside } from './support/inside.ts'
import { refused } from './support/refused.ts'

// A change of feature definitions from its plan to production and back, by the command line, with a server beside it that was
// started before and never restarted. A version that is served answers as it did all along.

interface Defined {
  readonly window?: string
  readonly more?: string
  readonly paid?: string
  readonly environment?: string
}

let root = ''
let server: Server
const run = (...words: string[]): Promise<Said> => inside(root, words)
const json = async <T>(...words: string[]): Promise<T> => JSON.parse((await run(...words, '--json')).out) as T

function define({ window = '2d', more = '', paid = "paid: f.mean('paid', '2d')", environment }: Defined = {}): void {
  const inputs = paid === '' ? 'rides: zones.all.rides' : 'rides: zones.all.rides, paid: zones.all.paid'
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, deployment, entity, features, gbt, model, project, t } from 'millrace'
const rides = dataset('rides', {
  source: csv('data/rides.csv'),
  columns: { at: t.timestamp('UTC'), km: t.float(), zone: t.text(), paid: t.float() },
  eventTime: 'at',
})
const zones = features('zones', {
  entity: entity('zone', { zone: t.text() }), from: rides,
  compute: f => ({ rides: f.count('${window}'), ${paid} }),
})
${more}
const fare = model('fare', {
  task: 'regression', from: rides, features: [zones], label: c => c.paid, inputs: c => ({ km: c.km, ${inputs} }),
  split: { by: 'time', train: '20d', test: '5d' }, train: gbt({ trees: 20, depth: 3 }),
})
export default project('rides', { rides, zones, fare, api: deployment('fares', { model: fare })${more === '' ? '' : ', more'} }${
      environment === undefined ? '' : `, { environment: '${environment}' }`
    })
`,
  )
}

const at = '2026-01-26T00:00:00Z'
const ask = async (path: string, body?: unknown, method = 'POST'): Promise<{ status: number; body: never }> => {
  const answer = await fetch(server.url + path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  return { status: answer.status, body: (await answer.json()) as never }
}
const vector = async (): Promise<readonly (number | null)[] | undefined> =>
  (
    (await ask('/v1/features/zones:get', { entities: [{ zone: 'a' }], asOf: at })).body as {
      entities: { values: (number | null)[] }[]
    }
  ).entities[0]?.values
const score = async (): Promise<number | undefined> =>
  (
    (await ask('/v1/deployments/fares/predict', { rows: [{ km: 3, zone: 'a' }], at })).body as {
      predictions?: { score: number }[]
    }
  ).predictions?.[0]?.score

interface Plan {
  readonly digest: string
  readonly environment: string
  readonly applied: number | null
  readonly breaking: boolean
  readonly changes: readonly Readonly<Record<string, unknown>>[]
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-changes-'))
  mkdirSync(join(root, 'data'))
  const rows = Array.from({ length: 1_000 }, (_, i) => {
    const when = new Date(Date.UTC(2026, 0, 1) + i * 2_160_000).toISOString().slice(0, 19)
    const km = ((i * 7919) % 311) / 10
    return `${when},${km},${'abcd'[(i * 31) % 4]},${(km * 1.7 + (i % 70)).toFixed(2)}`
  })
  writeFileSync(join(root, 'data', 'rides.csv'), `at,km,zone,paid\n${rows.join('\n')}\n`)
  define()
  for (const words of ['train fare', 'deploy fares']) {
    const { code, said } = await run(...words.split(' '))
    if (code !== 0) throw new Error(`${words}: ${said}`)
  }
  server = await startUp(root)
}, 120_000)
afterAll(async () => {
  await server?.end()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

test('a plan says what is added, who reads it and what has to be written, and is applied as it is', async () => {
  expect((await run('features', 'history')).out).toContain('Nothing was applied yet')
  refused(await run('features', 'rollback'), 2, 'MR2075', 'nothing else was applied')
  const plan = await json<Plan>('features', 'plan')
  expect(plan).toMatchObject({
    environment: 'dev',
    applied: null,
    breaking: false,
    changes: [
      {
        view: 'zones',
        change: 'new',
        models: ['fare'],
        served: [{ deployment: 'fares', arm: 'stable', version: 'fare@1', reads: 'planned' }],
        features: [
          { feature: 'rides', change: 'added', before: null, after: 'count over 2d' },
          {
            feature: 'paid',
            change: 'added',
            after: 'mean of paid over 2d',
            readers: ['fare', 'fares: fare@1 (stable)'],
          },
        ],
        backfill: { rows: 1_000, entities: 4 },
      },
    ],
  })
  // the beginning of a digest that could be any other's names no plan
  refused(await run('features', 'apply', '--plan', plan.digest.slice(7, 9)), 1, 'MR1105')
  const said = await run('features', 'apply', '--plan', plan.digest.slice(7, 19))
  expect(said.out).toBe('zones: applied\nChange 1 of dev. Back:  npx millrace features rollback\n')
  // nothing to do is no change
  expect((await run('features', 'apply')).out).toBe('zones: unchanged\n')
  refused(await run('features', 'apply', '--plan', plan.digest.slice(7, 19)), 1, 'MR1105')
  expect(await json('features', 'history')).toMatchObject([{ number: 1, action: 'apply', actor: 'operator' }])
  expect((await vector())?.[0]).toBe(20)
})

test('what was applied is answered by the server that runs; a version that is served goes on with its own', async () => {
  const before = await score()
  const [old] = [await vector()]
  expect(before).toBeTypeOf('number')
  define({ window: '4d' })
  const people = await run('features', 'plan')
  expect(people).toMatchObject({ code: 0 })
  expect(people.out).toMatch(/zones +materialise +1 changed +fare, fares: fare@1 \(stable\)/)
  expect(people.out).toMatch(/zones\.rides +changed +count over 2d → count over 4d +fare, fares: fare@1/)
  expect(people.out).toMatch(/To be written: zones 1,000 rows, 4 entities, about \d/)
  expect(people.out).toContain('fare@1 of fares goes on with the definition that it was made with')
  const markdown = await run('features', 'plan', '--format', 'markdown')
  expect(markdown.out).toContain('### Features: dev, 1 view changed\n')
  expect(markdown.out).toContain(
    '| zones.rides | changed | count over 2d → count over 4d | fare, fares: fare@1 (stable) |',
  )
  expect(markdown.out).toContain('- fare@1 of fares goes on with the definition')
  // planned is not applied
  expect(await vector()).toEqual(old)
  expect(await run('features', 'apply')).toMatchObject({ code: 0 })
  const now = await vector()
  expect([now?.[0], now?.[1]]).toEqual([40, old?.[1]])
  expect(JSON.parse((await run('features', 'get', 'zones', 'zone=a', '--at', at, '--json')).out)).toMatchObject({
    entities: [{ values: now }],
  })
  // what the version reads: two days of rides, as it was trained on
  expect(await score()).toBe(before)
  expect((await ask('/v1/features/plan', undefined, 'GET')).body).toMatchObject({
    applied: 2,
    changes: [{ view: 'zones' }],
  })
  // both are written, and proven, for as long as somebody reads them
  const written = await json<{ records: string; readers: string[] }[]>('features', 'materialise')
  expect(written.map(one => one.readers)).toEqual([['declared', 'applied'], ['fares: fare@1']])
  expect(new Set(written.map(one => one.records)).size).toBe(2)
  expect(await json('features', 'verify', '--sample', '50')).toMatchObject([
    { mismatches: 0, compared: 100 },
    { mismatches: 0, compared: 100, readers: ['fares: fare@1'] },
  ])
})

test('goes back as a whole, to the change before or to one that is named, and forth again', async () => {
  const served = await score()
  const back = await run('features', 'rollback')
  expect(back.out).toContain('Change 3 of dev.')
  expect((await vector())?.[0]).toBe(20)
  refused(await run('features', 'rollback', '--to', '9'), 2, 'MR2075', 'change 9', '1, 2')
  expect((await ask('/v1/features/rollback', { to: 2 })).body).toMatchObject({
    applied: { number: 4, action: 'rollback', from: '#2', actor: 'local' },
  })
  expect((await vector())?.[0]).toBe(40)
  expect((await ask('/v1/features/rollback', { to: 9 })).status).toBe(409)
  expect((await ask('/v1/features/history', undefined, 'GET')).body).toMatchObject({
    history: [{ action: 'rollback' }, { action: 'rollback', from: '#1' }, { action: 'apply' }, { action: 'apply' }],
  })
  expect(await score()).toBe(served)
})

test('a feature that is read and goes is breaking, one that nobody reads is not', async () => {
  define({ window: '4d', paid: '' })
  const breaking = await run('features', 'plan')
  expect(breaking).toMatchObject({ code: 1 })
  expect(breaking.out).toMatch(/zones +breaking +paid is gone or of another type/)
  expect(breaking.out).toMatch(/zones\.paid +removed \(breaking\) +mean of paid over 2d +fares: fare@1 \(stable\)/)
  const markdown = await run('features', 'plan', '--format', 'markdown')
  expect([markdown.code, markdown.out.includes(', **breaking**')]).toEqual([1, true])
  const more =
    "const more = features('more', { entity: entity('zone', { zone: t.text() }), from: rides, compute: f => ({ far: f.max('km', '1d'), near: f.min('km', '1d') }) })"
  define({ window: '4d', more })
  await run('features', 'apply')
  define({ window: '4d', more: more.replace(", near: f.min('km', '1d')", '').replace('1d', '2d') })
  const plan = await json<Plan>('features', 'plan')
  expect([plan.breaking, plan.changes[1]]).toMatchObject([
    false,
    {
      change: 'materialise',
      why: '1 removed, 1 changed',
      features: [{ change: 'changed' }, { change: 'removed', breaking: false }],
    },
  ])
  define({ window: '4d' })
  expect((await json<Plan>('features', 'plan')).changes).toMatchObject([
    { view: 'zones', change: 'none' },
    { view: 'more', change: 'gone', features: [{ change: 'removed' }, { change: 'removed' }] },
  ])
  expect(await run('features', 'apply')).toMatchObject({ code: 0 })
})

test('environments keep what they serve apart, and one is promoted to the next as it is', async () => {
  define({ window: '6d', environment: 'prod' })
  refused(await run('features', 'promote', 'prod'), 2, 'MR2076', 'the environment itself')
  refused(await run('features', 'promote', 'staging'), 2, 'MR2076', 'nothing was applied in it')
  const plan = await json<Plan>('features', 'plan', '--from', 'dev')
  expect(plan).toMatchObject({ environment: 'prod', applied: null, changes: [{ view: 'zones', change: 'new' }] })
  expect((await run('features', 'plan', '--from', 'dev')).out).toContain('npx millrace features promote dev --plan')
  const own = (await json<Plan>('features', 'plan')).digest
  refused(await run('features', 'promote', 'dev', '--plan', own), 1, 'MR1105')
  expect(existsSync(join(root, '.millrace/prod/online'))).toBe(false)
  // four days, as they are in dev, and not the six that the file says by now
  expect(await run('features', 'promote', 'dev', '--plan', plan.digest)).toMatchObject({ code: 0 })
  expect(existsSync(join(root, '.millrace/prod/online'))).toBe(true)
  const inProd = async (): Promise<unknown> =>
    (await json<{ entities: { values: number[] }[] }>('features', 'get', 'zones', 'zone=a', '--at', at)).entities[0]
      ?.values[0]
  expect(await inProd()).toBe(40)
  expect(await json('features', 'history')).toMatchObject([{ number: 1, action: 'promote', from: 'dev#6' }])
  expect(await run('features', 'apply')).toMatchObject({ code: 0 })
  expect(await inProd()).toBe(60)
  // of which dev, and its server, see nothing
  expect((await vector())?.[0]).toBe(40)
  refused(await run('features', 'plan', '--format', 'html'), 2, 'MR1101', 'markdown')
  define({ environment: 'no env' })
  refused(await run('features', 'plan'), 2, 'MR1005', 'environment')
  define()
  expect((await ask('/v1/features/promote', { from: 'prod' })).body).toMatchObject({
    plan: { environment: 'dev' },
    applied: { action: 'promote', from: 'prod#2' },
  })
  expect((await vector())?.[0]).toBe(60)
})

test('what CI runs for a pull request says what the change means, against its base, and proves it', async () => {
  define()
  const git = (...args: string[]): void => {
    const who = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org', '-c', 'commit.gpgsign=false']
    execFileSync('git', [...who, ...args], { cwd: root, stdio: 'pipe' })
  }
  git('init', '-q', '-b', 'main')
  git('add', 'millrace.config.ts')
  git('commit', '-qm', 'Rides')
  define({ window: '3d', paid: '' })
  const script = (await run('ci', 'gitlab', '--print')).out
  const job = script.slice(script.indexOf('\nfeatures:'))
  const lines = [...job.matchAll(/^ {4}- (npx millrace .+)$/gm)].map(match => String(match[1]).split(' ').slice(2))
  expect(lines.map(words => words.slice(0, 2).join(' '))).toEqual([
    'data snapshot',
    'features plan',
    'features materialise',
    'features verify',
  ])
  mkdirSync(join(root, 'millrace-report'))
  const [snapshot, plan, ...rest] = lines as [string[], string[], ...string[][]]
  expect(await run(...snapshot)).toMatchObject({ code: 0 })
  const before = process.env.GITHUB_BASE_REF
  process.env.GITHUB_BASE_REF = 'main'
  try {
    git('update-ref', 'refs/remotes/origin/main', 'HEAD')
    expect(await run(...plan)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^Compared with .*main \([0-9a-f]{12}\)/) as string,
    })
  } finally {
    if (before === undefined) delete process.env.GITHUB_BASE_REF
    else process.env.GITHUB_BASE_REF = before
  }
  const said = readFileSync(join(root, 'millrace-report/features.md'), 'utf8')
  expect(said).toContain('### Features: dev, 1 view changed, **breaking**')
  expect(said).toContain('| zones.rides | changed | count over 2d → count over 3d |')
  expect(said).toMatch(/\| zones\.paid \| removed, breaking \| mean of paid over 2d \| fares: fare@1/)
  for (const words of rest) expect(await run(...words), words.join(' ')).toMatchObject({ code: 0 })
  // outside of one it is what would be applied; what is no commit is refused
  expect((await run(...plan)).said).toContain('No pull request')
  refused(await run('features', 'plan', '--compare', 'nowhere'), 2, 'MR2019', 'nowhere')
  expect(await json<Plan>('features', 'plan', '--compare', 'HEAD')).toMatchObject({ breaking: true })
  refused(await run('features', 'plan', '--compare', 'HEAD', '--from', 'prod'), 2, 'MR1101')
})
