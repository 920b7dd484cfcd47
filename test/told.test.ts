import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Said } from './support/command.ts'
import { inside } from './support/inside.ts'
import { refused } from './support/refused.ts'

// What the commands that look at things tell, whole: an operator reads this at three in the morning. Ids, digests, times and
// measured figures are left out; everything else stands here as it is printed.

let root: string
const run = (...words: string[]): Promise<Said> => inside(root, words)
const json = async <T>(...words: string[]): Promise<T> => JSON.parse((await run(...words, '--json')).out) as T

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-told-'))
  mkdirSync(join(root, 'data'))
  const rows = Array.from({ length: 1_000 }, (_, i) => {
    const at = new Date(Date.UTC(2026, 0, 1) + i * 2_160_000).toISOString().slice(0, 19)
    const km = i === 500 || i === 600 ? -1 : ((i * 7919) % 311) / 10
    return `${at},${km},${'abcd'[(i * 31) % 4]},${(Math.abs(km) * 1.7 + (i % 7) / 10).toFixed(2)}`
  })
  writeFileSync(join(root, 'data', 'rides.csv'), `at,km,zone,paid\n${rows.join('\n')}\n`)
  define()
})
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

function define({ trees = 5, more = '' } = {}): void {
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, deployment, entity, features, gbt, model, monitor, project, t } from 'millrace'
const rides = dataset('rides', {
  source: csv('data/*.csv'),
  columns: { at: t.timestamp('UTC'), km: t.float(), zone: t.text(), paid: t.float() },
  eventTime: 'at',
  expect: c => [c.km.between(0, 100, { id: 'km' })],
})
const zones = features('zones', {
  entity: entity('zone', { zone: t.text() }), from: rides, compute: f => ({ rides: f.count('2d') }),
})
const fare = model('fare', {
  task: 'regression', from: rides, features: [zones], label: c => c.paid, inputs: c => ({ km: c.km, ...zones.all }),
  split: { by: 'time', train: '20d', test: '5d' }, train: gbt({ trees: ${trees}, depth: 3 }),
  test: m => [m.metric('rmse', { max: 30 })],
})
const api = deployment('fares', { model: fare })
export default project('told', { rides, zones, fare, api, watch: monitor('watch', { deployment: api })${more} })
`,
  )
}

/** What was printed, without what is another each time. Columns keep one space between them. */
function plain({ said }: Said): string {
  return said
    .replaceAll(root, 'ROOT')
    .replaceAll(/sha256:[0-9a-f]{64}/g, 'DIGEST')
    .replaceAll(/\b01[0-9A-HJKMNP-TV-Z]{24}\b|…[0-9A-HJKMNP-TV-Z]{6}\b/g, 'RUN')
    .replaceAll(/\b[0-9a-f]{12}\b/g, 'SHORT')
    .replaceAll(/\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?/g, 'WHEN')
    .replaceAll(/\b\d+\.\d+ s\b/g, 'SECS')
    .replaceAll(/\b\d+\.\d{2,}\b/g, 'FIGURE')
    .replaceAll(/about \d+ (s|min)\b/g, 'about A WHILE')
    .replaceAll(/v20[.\d]+/g, 'NODE')
    .split('\n')
    .map(line => line.trimEnd().replaceAll(/(?<=\S) {2,}/g, ' '))
    .filter(line => line !== '' && !/^\s*(\[\d+:\d\d\]|[a-z]+-[a-z]+: |reading )/.test(line))
    .join('\n')
}
const told = async (words: string, text: string, code = 0): Promise<void> => {
  const said = await run(...words.split(' '))
  expect(plain(said), words).toBe(text.trim().replaceAll(/\n {4}/g, '\n'))
  expect(said.code, words).toBe(code)
}

test('a snapshot, its quarantine and a training say what came of them and what is next', async () => {
  await told('data list', 'There is no snapshot yet: npx millrace data snapshot')
  await told('models list', 'No version yet. Next: npx millrace train')
  await told('decisions', 'Nothing was decided yet.')
  await told(
    'data snapshot',
    `rides: snapshot SHORT, 998 rows
      2 of 1,000 rows stay out of snapshots: 2 by km
    Next: npx millrace data quarantine rides`,
  )
  await told(
    'data list rides',
    `DATASET SNAPSHOT ROWS QUARANTINED READMITTED MADE
    rides SHORT 998 2 0 WHEN`,
  )
  await told(
    'data quarantine',
    `2 rows of rides in quarantine
    REASON ROWS
    km between 0 and 100 2
    Next: npx millrace data quarantine rides --out repaired.csv`,
  )
  await told(
    'train',
    `STEP WHY
    validate-rides reused nothing changed since run RUN
    features-fare succeeded it never ran before
    train-fare succeeded it never ran before
    verify-fare succeeded it never ran before
    evaluate-fare succeeded it is declared to run every time
    register-fare succeeded it is declared to run every time
    fare@1 mae FIGURE r2 FIGURE rmse FIGURE
    Next: npx millrace deploy`,
  )
  expect((await json<{ digest: string; rows: number }[]>('data', 'list'))[0]).toMatchObject({
    dataset: 'rides',
    rows: 998,
    quarantined: 2,
    readmitted: 0,
  })
})

test('versions are listed and shown with what they are made of', async () => {
  await told(
    'models list',
    `VERSION ALIAS MADE TRIGGER DIGEST SAME AS METRICS
    fare@1 WHEN manual SHORT mae FIGURE r2 FIGURE rmse FIGURE`,
  )
  await told(
    'train',
    `STEP WHY
    validate-rides reused nothing changed since run RUN
    features-fare reused nothing changed since run RUN
    train-fare reused nothing changed since run RUN
    verify-fare reused nothing changed since run RUN
    evaluate-fare succeeded it is declared to run every time
    register-fare succeeded it is declared to run every time
    fare@2 mae FIGURE r2 FIGURE rmse FIGURE
    Next: npx millrace deploy`,
  )
  await told(
    'models show fare@2',
    `fare@2 made WHEN by run RUN (manual)
      the same file as fare@1: nothing that training reads had changed
      mae FIGURE
      r2 FIGURE
      rmse FIGURE
    PART DIGEST
    onnx DIGEST
    card DIGEST
    data:rides DIGEST
    declaration DIGEST
    definition DIGEST
    explanation DIGEST
    figures DIGEST
    frame DIGEST
    golden DIGEST
    metrics DIGEST
    profile DIGEST
    report DIGEST
    scaler DIGEST
    commit none, node NODE`,
  )
  await told('deploy --version 1', 'fares stable fare@1')
  const rows = plain(await run('models', 'list', 'fare')).split('\n')
  expect(rows.slice(1)).toEqual([
    'fare@2 WHEN manual SHORT = @1 mae FIGURE r2 FIGURE rmse FIGURE',
    'fare@1 champion WHEN manual SHORT mae FIGURE r2 FIGURE rmse FIGURE',
  ])
  expect(await json('models', 'list', 'fare')).toMatchObject([
    { version: 2, aliases: [], sameAs: 1 },
    { version: 1, aliases: ['champion'], sameAs: null },
  ])
  expect(await json('models', 'list', 'other')).toEqual([])
  // without a number the champion
  expect(await json('models', 'show')).toMatchObject({ version: 1, sameAs: null, run: { name: 'train-fare' } })
  await told(
    'models test fare@1',
    `! model of fare@1: 1 warning, 7 checks passed
      ! km leak km alone predicts the label with R² FIGURE: is it known before the label is?`,
  )
})

test('runs are listed, shown, explained and looked after', async () => {
  await told(
    'runs list',
    `RUN NAME STATUS TRIGGER STARTED TOOK
    RUN train-fare succeeded manual WHEN SECS
    RUN train-fare succeeded manual WHEN SECS
    RUN snapshot-rides succeeded manual WHEN SECS`,
  )
  const steps = `STEP STATUS TOOK WHY
    validate-rides reused SECS nothing changed since run RUN
    features-fare reused SECS nothing changed since run RUN
    train-fare reused SECS nothing changed since run RUN
    verify-fare reused SECS nothing changed since run RUN
    evaluate-fare succeeded SECS it is declared to run every time
    register-fare succeeded SECS it is declared to run every time`
  await told('runs show', `train-fare succeeded RUN (manual)\n    ${steps}`)
  const [run1] = await json<{ id: string; status: string }[]>('runs', 'list')
  expect(await json('runs', 'show', run1?.id ?? '')).toMatchObject({ id: run1?.id, status: 'succeeded' })
  expect((await json<{ steps: unknown[] }>('runs', 'show')).steps).toHaveLength(6)
  await told('explain train-fare', 'train-fare reused: nothing changed since run RUN')
  expect((await json<{ step: string }[]>('explain', run1?.id ?? '')).map(one => one.step)).toHaveLength(6)
  await told('runs recover', 'No run has lost its process.')
  // one that has ended has nothing to go on with, or to stop
  const id = run1?.id ?? ''
  expect((await run('runs', 'resume', id)).code).not.toBe(99)
  refused(await run('runs', 'cancel', id), 2, /MR30\d\d/, id)
  define({ trees: 6 })
  expect(plain(await run('train')).split('\n')[3]).toMatch(/^train-fare succeeded /)
  expect((await run('explain', 'train-fare')).out).toMatch(/train-fare {2}succeeded: .+\n {4}\S/)
})

test('what was decided, deployed and watched', async () => {
  await told(
    'rollout status',
    `fares: stable is fare@1
    VERDICT REASON
    promoted operator deployed fare@1`,
  )
  await told('monitor', 'watch has seen no whole window yet.\n    No alert is firing.')
  const decided = plain(await run('decisions')).split('\n')
  expect(decided[0]).toBe('WHEN KIND ABOUT VERDICT REASON')
  expect(decided).toContain('WHEN promotion deployment fares promoted operator deployed fare@1')
  expect(decided.at(-1)).toMatch(
    /^WHEN quarantine dataset rides quarantined 2 of 1,000 rows go to quarantine; the others are accepted: km between 0/,
  )
  // a reason is cut where a line of a terminal ends
  expect(Math.max(...decided.map(line => line.length))).toBeLessThan(180)
})

test('lineage goes back to the data and forward to the deployment', async () => {
  const lines = plain(await run('lineage', 'fare@1')).split('\n')
  expect(lines.slice(0, 4)).toEqual(['fare@1', 'made from', '  made run RUN', '  registered as SHORT'])
  expect(lines.slice(-3)).toEqual(['used for', '  serves deployment fares', 'Whole digests: --json'])
  expect(lines.map(line => line.trim())).toEqual(expect.arrayContaining(['rides SHORT', 'onnx verify-fare in run RUN']))
  const forward = plain(await run('lineage', 'data/rides.csv')).split('\n')
  expect(forward.slice(0, 4)).toEqual(['SHORT', 'made from: nothing that is recorded', 'used for', '  snapshot SHORT'])
  expect(forward.map(line => line.trim())).toEqual(
    expect.arrayContaining(['registered as fare@1', 'serves deployment fares']),
  )
  const { node, usedFor } = await json<{ node: string; usedFor: unknown[] }>('lineage', 'data/rides.csv')
  expect(node).toMatch(/^sha256:/)
  expect(usedFor.length).toBeGreaterThan(10)
})

test('features are planned, applied, written and proven', async () => {
  const readers = 'fare, fares: fare@1 (stable)'
  await told(
    'features plan',
    `VIEW CHANGE WHY USED BY
    zones new was not applied yet ${readers}
    FEATURE CHANGE DEFINITION READ BY
    zones.rides added count over 2d ${readers}
    To be written: zones 998 rows, 4 entities, about A WHILE
    Next: npx millrace features apply --plan SHORT`,
  )
  await told('features apply', 'zones: applied\n    Change 1 of dev. Back: npx millrace features rollback')
  await told('features plan', `VIEW CHANGE WHY USED BY\n    zones none is as it was applied ${readers}`)
  await told('features materialise', 'zones: 4 entities from 998 rows')
  await told('features verify', '✓ zones: 2,000 values compared, 0 differ')
})

test('a model file is looked at and verified', async () => {
  const { digest } = await json<{ digest: string }>('models', 'show', 'fare@1')
  const path = join('.millrace/artifacts/cas/sha256', digest.slice(7, 9), digest.slice(9, 11), digest.slice(11))
  await told(`onnx verify ${path}`, `✓ all ${(await json<unknown[]>('onnx', 'verify', path)).length} checks pass`)
  const lines = plain(await run('onnx', 'inspect', path)).split('\n')
  expect(lines[0]).toMatch(/bytes, IR \d+, .*ai\.onnx.* \d+.*, by millrace/i)
  expect(lines).toEqual(expect.arrayContaining([expect.stringMatching(/^ {2}input features: float32 \[N, 2\]$/)]))
  expect(lines).toEqual(expect.arrayContaining([expect.stringMatching(/^ {2}trees 5 with \d+ nodes/)]))
  expect(lines).toEqual(expect.arrayContaining([expect.stringMatching(/^ {2}millrace\.model = fare/)]))
  expect(lines.slice(1).filter(line => line.length > 140)).toEqual([])
  writeFileSync(join(root, 'broken.onnx'), 'no model')
  refused(await run('onnx', 'inspect', 'broken.onnx'), 1, 'MR4001', 'broken.onnx')
  refused(await run('onnx', 'verify', 'nowhere.onnx'), 3, 'MR2002', 'nowhere.onnx cannot be read: it does not exist')
})

test('a scaler is proven, and what was not judged is named', async () => {
  await told(
    'scaler check fare@1',
    `✓ scaler of fare@1: 3 skipped, 11 checks passed
      - scaler-constant-moved no feature was constant in training
      - scaler-serving-range fewer than 1,000 rows are too few for a verdict on ranges
      - scaler-window-unit fewer than 500 rows are too few for a verdict on units`,
  )
})

test('this machine and project are looked over', async () => {
  const found = await json<{ what: string; status: string; found: string }[]>('doctor')
  expect(found.map(one => one.what)).toEqual([
    'node',
    'DuckDB',
    'ONNX Runtime, native',
    'ONNX Runtime, WebAssembly',
    'git',
    'disk',
    'project file',
    'where steps run',
    'stores',
    'database',
    'online store',
    'keystore',
    'audit log',
    'serving journals',
    'rollout events',
    'set aside',
  ])
  const of = Object.fromEntries(found.map(one => [one.what, one.found]))
  expect(of).toMatchObject({
    node: process.version,
    'project file': 'told: 1 datasets, 1 feature views, 1 models, 1 deployments',
    'where steps run': 'inline',
    stores: 'sqlite, 4 runs, 3 model versions',
    database: 'whole',
    keystore: 'none yet',
    'serving journals': '0 segments',
    'set aside': 'nothing',
  })
  expect(found.filter(one => one.status === 'fail')).toEqual([])
  const said = await run('doctor')
  expect(said.code).toBe(0)
  expect(said.out).toMatch(/✓ {2}stores +sqlite, 4 runs, 3 model versions/)
  // a project that cannot be read is damage, outside of any there is nothing to look at
  define({ more: ', oops' })
  const broken = await run('doctor')
  expect(broken.code).toBe(3)
  expect(broken.out).toMatch(/✗ {2}project file +.*oops/)
  define({ trees: 6 })
  await told('audit verify', '✓ there is no audit log yet: no key was ever used')
})

test('an error code is explained, and all are listed', async () => {
  await told(
    'explain-error mr1106',
    `MR1106 No such error code
      There is no error '{code}'.
      What to do: Codes look like MR1001; "millrace explain-error" lists them all.
      Exit code 2, HTTP status 400; the move is yours.`,
  )
  expect(await json('explain-error', 'MR2002')).toMatchObject({ code: 'MR2002', exit: 3 })
  const lines = (await run('explain-error')).out.trim().split('\n')
  expect(lines.length).toBeGreaterThan(150)
  expect(lines).toContain('MR1106  No such error code')
  expect(lines).toEqual(lines.toSorted((a, b) => (a < b ? -1 : 1)))
  expect(await json<unknown[]>('explain-error')).toHaveLength(lines.length)
})

test('data is profiled, and suggestions come as a patch', async () => {
  const lines = plain(await run('profile', 'data/rides.csv')).split('\n')
  expect(lines).toEqual(
    expect.arrayContaining([
      'data/rides.csv 1,000 rows in 1 file of 32.3 kB',
      '! km, paid: one tells the other (r = FIGURE)',
      'Could be a key: at',
      expect.stringMatching(/^zone text 0 % 4 a d /),
    ]),
  )
  const { out } = await run('suggest', 'rides')
  expect(out).toContain('4 suggestions for rides, found in 800 rows before 2026-01-20, held to 200 after')
  expect(out).toContain("+    c.zone.inSet(['a', 'b', 'c', 'd']), // all 800 rows before 2026-01-20, all 200 after")
  expect(
    plain(await run('validate'))
      .split('\n')
      .slice(0, 2),
  ).toEqual(['✗ validation of rides: 1 of 12 checks failed', '  2 of 1,000 rows stay out of snapshots: 2 by km'])
})
