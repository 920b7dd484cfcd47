import type { Digest } from '../src/internal/digest.ts'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWorkspace } from '../src/config/workspace.ts'
import { project } from '../src/index.ts'
import type { Said } from './support/command.ts'
import { inside } from './support/inside.ts'
import { refused } from './support/refused.ts'

// What an operator does to versions, rollouts, runs and features by the command line: what is refused, and beside it what
// just is not. One small project for all of it; no server runs.

let root: string
const run = (...words: string[]): Promise<Said> => inside(root, words)
const json = async <T>(...words: string[]): Promise<T> => JSON.parse((await run(...words, '--json')).out) as T

function define({ trees = 5, more = '', view = '2d', canary = '' } = {}): void {
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, deployment, entity, features, gbt, model, monitor, project, t } from 'millrace'
const rides = dataset('rides', {
  source: csv('data/rides.csv'),
  columns: { at: t.timestamp('UTC'), km: t.float(), zone: t.text(), paid: t.float() },
  eventTime: 'at',
})
const zones = features('zones', {
  entity: entity('zone', { zone: t.text() }), from: rides,
  compute: f => ({ rides: f.count('${view}'), paid: f.mean('paid', '2d') }),
})
const fare = model('fare', {
  task: 'regression', from: rides, features: [zones], label: c => c.paid, inputs: c => ({ km: c.km, ...zones.all }),
  split: { by: 'time', train: '20d', test: '5d' }, train: gbt({ trees: ${trees}, depth: 3 }),
})
const api = deployment('fares', { model: fare${canary} })
export default project('rides', { rides, zones, fare, api, watch: monitor('watch', { deployment: api })${more} })
`,
  )
}

interface Decided {
  readonly kind: string
  readonly verdict: string
  readonly subject: string
  readonly actor: string
  readonly rule: { readonly name: string }
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-served-'))
  mkdirSync(join(root, 'data'))
  const rows = Array.from({ length: 1_000 }, (_, i) => {
    const at = new Date(Date.UTC(2026, 0, 1) + i * 2_160_000).toISOString().slice(0, 19)
    const km = ((i * 7919) % 311) / 10
    return `${at},${km},${'abcd'[(i * 31) % 4]},${(km * 1.7 + (i % 7) / 10).toFixed(2)}`
  })
  writeFileSync(join(root, 'data', 'rides.csv'), `at,km,zone,paid\n${rows.join('\n')}\n`)
  define()
})
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

test('before anything is trained every command says what comes first', async () => {
  refused(await run('deploy'), 2, 'MR1104', 'millrace train fare')
  refused(await run('rollout', 'promote'), 2, 'MR4104')
  refused(await run('runs', 'show'), 2, 'MR3020')
  refused(await run('models', 'show'), 2, 'MR1006', 'no versions')
  for (const words of [
    'rollout status',
    'models list',
    'runs list',
    'decisions',
    'monitor',
    'data list',
    'runs recover',
  ])
    expect(await run(...words.split(' ')), words).toMatchObject({ code: 0 })
  expect((await run('rollout', 'status')).out).toContain('nothing is deployed. Next: npx millrace deploy fares')
  expect(await run('features', 'verify')).toMatchObject({ code: 1 })
  refused(await run('features', 'materialise'), 3, 'MR2002', 'millrace train')
})

test('a name that is not there, or not given where there are several, is refused with those that are', async () => {
  refused(await run('tarin'), 2, 'MR1100', 'millrace train')
  refused(await run('explain-error', 'MR9999'), 2, 'MR1106')
  expect((await run('explain-error', 'MR1106')).out).toContain('No such error code')
  for (const verb of ['show', 'resume', 'cancel']) refused(await run('runs', verb, 'nope'), 2, 'MR3020', 'nope')
  refused(await run('deploy', 'fars'), 2, 'MR1006', 'fares')
  refused(await run('train', 'fars'), 2, 'MR1006', 'fare')
  refused(await run('monitor', 'wach'), 2, 'MR1006', 'watch')
  refused(await run('features', 'materialise', 'zone'), 2, 'MR1006', 'zones')
  refused(await run('lineage', 'nowhere'), 2, 'MR1107')
  define({
    more: ", other: deployment('other', { model: fare }), second: monitor('second', { deployment: api }), tip: model('tip', { task: 'regression', from: rides, label: c => c.paid, inputs: c => ({ km: c.km }), split: { by: 'time', train: '20d', test: '5d' }, train: gbt({ trees: 1 }) })",
  })
  refused(await run('deploy'), 2, 'MR1007', 'fares, other')
  refused(await run('train'), 2, 'MR1007', 'fare, tip')
  refused(await run('monitor'), 2, 'MR1007', 'watch, second')
  expect((await run('rollout', 'status', 'other')).out).toContain('other: nothing is deployed')
  expect((await run('monitor', 'second')).out).toContain('second has seen no whole window yet.')
  define({ more: ", Bad: deployment('No Spaces', { model: fare })" })
  refused(await run('deploy'), 2, 'MR1004', 'No Spaces')
  define()
})

test('a training says why it began, and only what can be a reason', async () => {
  refused(await run('train', '--trigger', 'whim'), 2, 'MR1101', 'whim', 'schedule')
  expect(await run('train')).toMatchObject({ code: 0 })
  define({ trees: 6 })
  expect(await run('train', '--trigger', 'schedule', '--because', 'decision-7')).toMatchObject({ code: 0 })
  interface Version {
    readonly facts: { readonly trigger: string; readonly because?: string }
  }
  const [first, second] = [
    await json<Version>('models', 'show', 'fare@1'),
    await json<Version>('models', 'show', 'fare@2'),
  ]
  expect([first.facts.trigger, first.facts.because]).toEqual(['manual', undefined])
  expect([second.facts.trigger, second.facts.because]).toEqual(['schedule', 'decision-7'])
  const runs = await json<{ trigger: string }[]>('runs', 'list')
  expect(runs.map(one => one.trigger)).toEqual(['schedule', 'manual'])
  define({ trees: 7 })
  expect(await run('train')).toMatchObject({ code: 0 })
})

test('the first version is stable at once, and every command of a rollout has its decision', async () => {
  refused(await run('deploy', '--version', '99'), 2, 'MR1006', 'fare@99')
  refused(await run('deploy', '--version', 'two'), 2, 'MR1101')
  expect((await run('deploy', '--version', '1')).out).toContain('stable fare@1')
  expect((await run('rollout', 'status')).out).toContain('stable is fare@1')
  refused(await run('rollout', 'abort'), 2, 'MR4104', 'abort')
  const decided = async (kind: string): Promise<string[]> =>
    (await json<Decided[]>('decisions', '--kind', kind)).map(one => `${one.verdict}: ${one.rule.name} by ${one.actor}`)
  expect(await decided('promotion')).toEqual(['promoted: stable version by operator'])

  expect((await run('deploy', '--version', '2')).out).toContain('fare@2 against fare@1')
  refused(await run('deploy', '--version', '3'), 2, 'MR4103', 'fare@2')
  expect(await run('rollout', 'pause', '--reason', 'until the press has called')).toMatchObject({ code: 0 })
  expect((await run('rollout', 'status')).out).toContain(': until the press has called')
  expect((await run('rollout', 'status')).out).toMatch(/rollout of fare@2: shadow, held \(paused\), 0 % of traffic/)
  expect(await run('rollout', 'resume')).toMatchObject({ code: 0 })
  expect(await run('rollout', 'promote')).toMatchObject({ code: 0 })
  expect((await run('rollout', 'status')).out).toMatch(/rollout of fare@2: bake, 100 % of traffic/)
  expect(await run('rollout', 'abort')).toMatchObject({ code: 0 })
  expect((await run('rollout', 'status')).out).toContain('stable is fare@1')
  for (const verb of ['promote', 'resume', 'abort'])
    expect((await run('rollout', verb, '--reason', 'x')).code, verb).toBe(2)
  // no server has seen an event
  expect(await run('rollout', 'replay')).toMatchObject({
    code: 0,
    said: expect.stringContaining('No events') as string,
  })
  for (const verb of ['promote', 'approve', 'pause', 'resume', 'abort'])
    refused(await run('rollout', verb), 2, /MR4104|MR4511/)
  expect(await decided('rollout')).toEqual([
    'rolled-back: command abort by operator',
    'promoted: command promote by operator',
    'resumed: command resume by operator',
    'held: command pause by operator',
  ])
  // what waits for a person goes on by the command line, and the decision says so
  define({ trees: 7, canary: ", canary: { shadowRows: 0, approve: ['1%'] }" })
  expect(await run('deploy', '--version', '2')).toMatchObject({ code: 0 })
  refused(await run('rollout', 'approve'), 1, 'MR4511', 'nothing waits')
  refused(await run('rollout', 'promote'), 1, 'MR4512', 'millrace rollout approve fares')
  await run('rollout', 'abort')
  expect((await run('rollout', 'status', '--watch')).code).toBe(1)
  define({ trees: 7 })
  // without a number the newest
  expect((await run('deploy')).out).toContain('fare@3 against fare@1')
  await run('rollout', 'abort')
})

test('several versions are compared until one is taken by hand, or none, by the command line', async () => {
  refused(await run('rollout', 'choose', '--version', '2'), 2, 'MR4183')
  refused(await run('rollout', 'contest'), 2, 'MR1101', '--versions')
  refused(await run('rollout', 'contest', '--versions', '2,x'), 2, 'MR1101', '"x"')
  refused(await run('rollout', 'contest', '--versions', '2'), 2, 'MR4182')
  refused(await run('rollout', 'contest', '--versions', '2,99'), 2, 'MR1006', 'fare@99')
  const { code, out } = await run('rollout', 'contest', '--versions', '2,3')
  expect([code, out]).toEqual([0, expect.stringMatching(/contest of fare@2, fare@3 against fare@1: running, until /)])
  refused(await run('deploy', '--version', '2'), 2, 'MR4180', 'fare@2, fare@3')
  refused(await run('rollout', 'promote'), 2, 'MR4180')
  refused(await run('rollout', 'choose'), 2, 'MR1101', '--version')
  refused(await run('rollout', 'choose', '--version', '1'), 2, 'MR4181', 'fare@2, fare@3')
  const standing = await run('rollout', 'status')
  expect(standing.out).toMatch(/challenger +stands +rows +errors +time-outs +labelled +loss difference +between/i)
  expect(standing.out).toMatch(/fare@3 +open +0 +0 of 0 +0 of 0 +0/)
  expect(await run('rollout', 'abort', '--reason', 'later')).toMatchObject({ code: 0 })
  expect((await run('rollout', 'status')).out).toMatch(
    /contest of fare@2, fare@3 against fare@1: ended, none was chosen/,
  )
  expect(await run('rollout', 'contest', '--versions', '2,3')).toMatchObject({ code: 0 })
  const chosen = await run('rollout', 'choose', '--version', '3', '--reason', 'it is smaller')
  expect(chosen.out).toContain('fare@3 against fare@1: shadow')
  const decided = await json<Decided[]>('decisions', '--kind', 'contest')
  expect(decided.map(one => `${one.verdict}: ${one.rule.name} by ${one.actor}`)).toEqual([
    'chosen: command choose by operator',
    'ended: command abort by operator',
  ])
  expect(await run('rollout', 'abort')).toMatchObject({ code: 0 })
  expect((await run('rollout', 'status')).out).toContain('rollout of fare@3: rolled-back')
})

test('a rollout runs as its canary says, and by the defaults of the guide', async () => {
  interface Config {
    readonly weights: readonly number[]
    readonly labels: string
    readonly minRequests: number
    readonly maxWait: number
    readonly alpha: number
    readonly [name: string]: unknown
  }
  const minute = 60_000_000
  /** The rules by which a rollout that begins now is run. */
  const begun = async (canary: string): Promise<Config> => {
    define({ trees: 7, canary })
    expect(await run('deploy', '--version', '2')).toMatchObject({ code: 0 })
    const { rollout } = await json<{ rollout: { config: Config } }>('rollout', 'status')
    expect(await run('rollout', 'abort')).toMatchObject({ code: 0 })
    return rollout.config
  }
  const guide = {
    weights: [0.01, 0.05, 0.2, 0.5],
    labels: 'advisory',
    minRequests: 200,
    maxWait: 30 * minute,
    alpha: 0.01,
    shadowRows: 1000,
    bake: 60 * minute,
    margin: 0.01,
    labelAlpha: 0.05,
    expected: {},
    maxLatency: null,
    slower: 0.15,
    timeout: 1_000_000,
    maxMemory: 2 ** 30,
    guardrails: ['error', 'timeout', 'latency'],
    metrics: {},
    metricAlpha: 0.05,
    approve: [],
    hours: null,
    after: [],
  }
  expect(await begun('')).toMatchObject(guide)
  const said = "{ steps: ['10%', '40%'], labels: 'required', minRequests: 7, maxWait: '90m', alpha: 0.2 }"
  const wanted = { weights: [0.1, 0.4], labels: 'required', minRequests: 7, maxWait: 90 * minute, alpha: 0.2 }
  expect(await begun(`, canary: ${said}`)).toMatchObject(wanted)
  const more =
    "{ shadowRows: 5, bake: '2h', margin: 0.03, labelAlpha: 0.1, expected: { meanDifference: 2 }, maxLatency: '20ms', slower: 0.4, timeout: '250ms', maxMemory: 2 ** 29 }"
  expect(await begun(`, canary: ${more}`)).toMatchObject({
    shadowRows: 5,
    bake: 120 * minute,
    margin: 0.03,
    labelAlpha: 0.1,
    expected: { meanDifference: 2 },
    maxLatency: 20_000,
    slower: 0.4,
    timeout: 250_000,
    maxMemory: 2 ** 29,
    guardrails: ['error', 'timeout', 'slow', 'latency'],
  })
  define({ trees: 7 })
})

test('decisions are told by kind and number, and a kind that is none is refused', async () => {
  const all = await json<Decided[]>('decisions')
  expect(new Set(all.map(one => one.kind))).toEqual(new Set(['contest', 'gate', 'rollout', 'promotion']))
  expect(await json<Decided[]>('decisions', '--limit', '2')).toEqual(all.slice(0, 2))
  expect((await json<Decided[]>('decisions', '--kind', 'gate')).every(one => one.kind === 'gate')).toBe(true)
  refused(await run('decisions', '--kind', 'gates'), 2, 'MR1101', 'gates', 'gate')
  refused(await run('decisions', '--limit', '0'), 2, 'MR1101')
  // thirty are told where nobody says how many
  const workspace = await openWorkspace(root, { project: project('rides', {}) })
  try {
    for (let i = 0; i < 40; i++)
      await workspace.store.addDecision({
        ...((await workspace.store.listDecisions({ kind: 'gate' }))[0] as never as object),
        id: `more-${i}`,
        kind: 'alert',
        verdict: 'pending',
      } as never)
  } finally {
    await workspace.close()
  }
  expect(await json<Decided[]>('decisions')).toHaveLength(30)
})

test('a version whose golden rows are answered otherwise is not served', async () => {
  const workspace = await openWorkspace(root, { project: project('rides', {}) })
  try {
    const record = await workspace.store.getModelVersion('fare', 1)
    if (!record) throw new Error('not trained')
    const golden = JSON.parse(
      Buffer.from(await workspace.artifacts.get(record.facts['golden'] as Digest)).toString(),
    ) as { scores: number[] }
    const changed = { ...golden, scores: golden.scores.map((score, i) => (i === 0 ? score + 1 : score)) }
    const { digest } = await workspace.artifacts.put(Buffer.from(JSON.stringify(changed)))
    const { version: _, ...rest } = record
    await workspace.store.addModelVersion({ ...rest, facts: { ...rest.facts, golden: digest } })
  } finally {
    await workspace.close()
  }
  refused(await run('deploy', '--version', '4'), 1, 'MR4101', 'fare@4')
  expect((await run('rollout', 'status')).out).toContain('stable is fare@1')
  expect(await run('models', 'test', 'fare@4')).toMatchObject({ code: 1 })
  expect(await run('models', 'test', 'fare@1')).toMatchObject({ code: 0 })
})

describe('features', () => {
  test('are applied as they were planned, or not at all', async () => {
    const plan = await json<{ digest: string }>('features', 'plan')
    const short = plan.digest.slice(7, 19)
    expect(await run('features', 'apply', '--plan', short)).toMatchObject({ code: 0 })
    define({ trees: 6, view: '4d' })
    refused(await run('features', 'apply', '--plan', short), 1, 'MR1105', short)
    define({ trees: 6 })
    expect(await run('features', 'apply')).toMatchObject({ code: 0 })
  })

  test('are written as known at a moment, and proven by as many samples as asked', async () => {
    refused(await run('features', 'materialise', '--until', 'soon'), 2, 'MR1101', 'soon')
    const at = async (...more: string[]) =>
      (await json<{ until: number; entities: number }[]>('features', 'materialise', 'zones', ...more))[0]
    const newest = (await at())?.until
    expect(newest).toBe(Date.UTC(2026, 0, 1) * 1000 + 999 * 2_160_000_000)
    expect((await at('--until', '2026-01-05T00:00:00Z'))?.until).toBe(Date.UTC(2026, 0, 5) * 1000)
    await at()
    const compared = async (...more: string[]) =>
      (await json<{ compared: number; mismatches: number }[]>('features', 'verify', ...more))[0]
    expect(await compared('--sample', '5')).toMatchObject({ compared: 10, mismatches: 0 })
    expect(await compared('--sample', '7')).toMatchObject({ compared: 14, mismatches: 0 })
    expect(await compared()).toMatchObject({ compared: 4000, mismatches: 0 })
    refused(await run('features', 'verify', '--sample', '0'), 2, 'MR1101')
  })
})

test('a version that the project does not make any more cannot be rebuilt, one that it makes can', async () => {
  define({ trees: 5 })
  expect((await run('reproduce', 'fare@1')).out).toContain('fare@1 was rebuilt to the same bytes')
  define({ trees: 6 })
  expect(await run('reproduce', 'fare@1')).toMatchObject({ code: 1, out: expect.stringContaining('NOT') as unknown })
  writeFileSync(
    join(root, 'millrace.config.ts'),
    "import { project } from 'millrace'\nexport default project('p', {})\n",
  )
  refused(await run('reproduce', 'fare@1'), 2, 'MR4106', 'does not define the model')
  define({ trees: 6 })
})
