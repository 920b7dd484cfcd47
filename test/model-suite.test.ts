import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { CheckResult, Report } from '../src/define/report.ts'
import { seeded } from '../src/math/random/seeded.ts'
import { startUp } from './support/command.ts'
import { inside } from './support/inside.ts'
import { refused } from './support/refused.ts'

// What the guide says of model tests, through the command line, HTTP and the functions for test files.

const hour = 3_600_000

/** Rides whose chance to be late rises with their length, but for those with a flag, where it falls. */
function ridesCsv(): string {
  const random = seeded(21)
  const lines = Array.from({ length: 4_000 }, (_, i) => {
    const km = Math.round(random.next() * 400) / 10
    const flag = random.next() < 0.3
    const zone = ['north', 'south'][random.below(2)] as string
    const late = random.next() < 1 / (1 + Math.exp((flag ? km - 20 : 20 - km) / 4))
    const paid = Math.round(100 * (3 + 1.2 * km + random.normal())) / 100
    return [new Date(Date.UTC(2026, 0, 1) + i * hour).toISOString().slice(0, 19), i, km, flag, zone, late, paid].join()
  })
  return `at,id,km,flag,zone,late,paid\n${lines.join('\n')}\n`
}

interface Parts {
  readonly inputs?: string
  readonly tests?: string
  readonly label?: string
}

const configOf = ({ inputs = 'km: c.km, zone: c.zone', tests = '', label = 'c.late' }: Parts): string => `
import { csv, dataset, deployment, linear, model, project, t } from 'millrace'
const rides = dataset('rides', { source: csv('data/*.csv'), eventTime: 'at',
  columns: { at: t.timestamp('UTC'), id: t.int(), km: t.float(), flag: t.bool(), zone: t.text(), late: t.bool(), paid: t.float() } })
const late = model('late', { task: 'binary', from: rides, label: c => ${label}, inputs: c => ({ ${inputs} }),
  split: { by: 'time', train: '120d', test: '40d' }, train: linear(), test: (m, c) => [${tests}] })
const api = deployment('api', { model: late })
export default project('rides', { rides, late, api })
`

const root = mkdtempSync(join(tmpdir(), 'millrace-suite-'))
const write = (parts: Parts): void => writeFileSync(join(root, 'millrace.config.ts'), configOf(parts))
const run = (...words: string[]) => inside(root, words)
const reportOf = (out: string): Report => (JSON.parse(out) as Report[])[0] as Report
const byId = (report: Report): Record<string, CheckResult> =>
  Object.fromEntries(report.checks.map(check => [check.id, check]))

beforeAll(async () => {
  mkdirSync(join(root, 'data'))
  writeFileSync(join(root, 'data', 'rides.csv'), ridesCsv())
  write({ tests: "m.metric('auc', { min: 0.55 })" })
  expect((await run('train', 'late')).code).toBe(0)
})

describe('a faulty model does not register, and is told why', () => {
  it.each<[string, Parts, string]>([
    ['the label in another form', { inputs: 'km: c.km, known: c.late.not()' }, 'known is the label, but for noise'],
    [
      'the column that the label is made of',
      { label: 'c.paid.gt(30)', inputs: 'paid: c.paid, zone: c.zone' },
      'paid is the column that the label is made of',
    ],
    [
      'an input that does not matter',
      { tests: "m.matters('zone', { least: 0.05 })" },
      'zone moves the score by 0.05 on average',
    ],
    [
      'a weak slice that is declared',
      { tests: "m.slices({ of: [c.flag], severity: 'critical' })" },
      'slices are weak: flag = 1',
    ],
    [
      'a weak slice that is found',
      { inputs: 'km: c.km, flag: c.flag', tests: "m.slices({ severity: 'critical' })" },
      'slices are weak: ',
    ],
    [
      'a group that is scored worse than the rest, by a column that is no input',
      { tests: "m.fairness({ of: c.flag, criteria: ['odds'], severity: 'critical' })" },
      'comparisons are beyond their limit; flag = ',
    ],
    ['a number of the row', { inputs: 'km: c.km, id: c.id', tests: 'm.noLeak()' }, 'id rises with every row'],
    ['scores that fall', { tests: "m.monotone('km', 'decreasing')" }, 'score never rises as km rises'],
  ])('%s', async (_, parts, words) => {
    write(parts)
    const { code, said } = await run('train', 'late')
    expect(said).toContain(words)
    expect(code).toBe(1)
  })

  it('the label itself is refused before anything runs', async () => {
    write({ inputs: 'y: c.late' })
    const { code, said } = await run('train', 'late')
    expect([code, said.includes("input 'y' is the label itself: a leak")]).toEqual([2, true])
  })

  it.each([
    ["m.metric('auc', { mn: 0.5 })", "has no option 'mn', did you mean 'min'?"],
    ["m.metric('auc', { min: 1.6 })", 'can never pass: it lies between 0 and 1, and min is 1.6'],
    ["m.metric('logLoss', { max: -0.1 })", 'can never pass: it is 0 or more, and max is -0.1'],
    ["m.metric('mcc', { min: -1 })", 'asks nothing: it lies between -1 and 1 whatever the model does'],
    ["m.metric('rmse', { max: 1 })", 'is of regression and count models'],
    ["m.monotone('kms', 'increasing')", 'input must be an input that is a number or a boolean: km'],
    ["m.size({ maxBytes: 1, severity: 'high' })", "severity must be 'critical', 'warning', 'info'"],
    ['m.fairness({ of: c.zone }), m.fairness({ of: c.zone })', "two tests have the id 'fairness-zone'"],
  ])('%s is refused at load', async (tests, words) => {
    write({ tests })
    const { code, said } = await run('train', 'late')
    expect(said).toContain(words)
    expect(code).toBe(2)
  })
})

it('train writes what was found, whether a gate said no or not', async () => {
  const files = ['junit', 'sarif', 'html', 'markdown', 'code-quality'].flatMap(one => [`--${one}`, `out/found.${one}`])
  const found = (kind: string): string => readFileSync(join(root, 'out', `found.${kind}`), 'utf8')
  write({ tests: "m.metric('auc', { min: 0.999 })" })
  expect((await run('train', 'late', ...files)).code).toBe(1)
  expect(found('junit')).toMatch(/<failure message="auc is 0\.\d+/)
  expect(found('sarif')).toMatch(/auc is 0\.\d+/)
  expect(found('markdown')).toMatch(/auc is 0\.\d+/)
  expect(found('code-quality')).toMatch(/auc is 0\.\d+/)
  expect(found('html')).toMatch(/auc is 0\.\d+/)
  expect(found('html')).not.toContain('class="figure"')
  write({ tests: "m.metric('auc', { min: 0.55 })" })
  expect((await run('train', 'late', ...files)).code).toBe(0)
  expect(found('junit')).not.toContain('<failure')
  // The rows were validated, too
  expect(found('junit')).toMatch(/testsuite name="[^"]*rides/)
  expect(found('html')).toContain('class="figure"')
})

describe('models test', () => {
  beforeAll(() =>
    write({ tests: "m.metric('auc', { min: 0.55 }), m.monotone('km', 'increasing'), m.slices({ of: [c.flag] })" }),
  )

  it('draws other cases in every run, tells the seed, and the same by it', async () => {
    const seedOf = async (...more: string[]) =>
      byId(reportOf((await run('models', 'test', 'late@1', '--json', ...more)).out))['monotone-km']?.observed.seed
    const [first, second, again, once] = [
      await seedOf(),
      await seedOf(),
      await seedOf('--seed', '7'),
      await seedOf('--seed', '7'),
    ]
    expect(first).not.toBe(second)
    expect(again).toBe(once)
    expect((await run('models', 'test', 'late@1', '--seed', 'x')).code).toBe(2)
  })

  it('says of a slice that the frame does not carry that it was not judged', async () => {
    const report = reportOf((await run('models', 'test', 'late@1', '--json')).out)
    expect(byId(report).slices).toMatchObject({ status: 'warn', evaluated: 0 })
    expect(byId(report).slices?.message).toContain('the training frame of this version does not carry flag')
  })

  it('writes a page with pictures, what does not hold before them, the rest folded; JUnit and SARIF beside it', async () => {
    const { code } = await run(
      'models',
      'test',
      'late@1',
      '--html',
      'late.html',
      '--junit',
      'late.xml',
      '--sarif',
      'late.sarif',
    )
    expect(code).toBe(0)
    const page = readFileSync(join(root, 'late.html'), 'utf8')
    for (const title of [
      'ROC curve',
      'Precision and recall',
      'Calibration',
      'Scores by truth',
      'Confusion matrix',
      'Slices',
      'Importance of the inputs',
      'Score by km',
    ])
      expect(page).toContain(`<h3>${title}</h3>`)
    expect(page.indexOf('What does not hold')).toBeLessThan(page.indexOf('<h2>Pictures</h2>'))
    expect(page).toMatch(/<details><summary><b>All \d+ checks<\/b><\/summary>/)
    expect(readFileSync(join(root, 'late.xml'), 'utf8')).toContain('monotone-km')
    expect(JSON.parse(readFileSync(join(root, 'late.sarif'), 'utf8'))).toMatchObject({ version: '2.1.0' })
  })

  it('every reporter says what was found', async () => {
    const files = [
      '--junit',
      'a.xml',
      '--sarif',
      'a.sarif',
      '--html',
      'a.html',
      '--markdown',
      'a.md',
      '--code-quality',
      'a.json',
    ]
    writeFileSync(join(root, 'high.json'), JSON.stringify([{ metric: ['auc', { min: 0.99 }] }]))
    const asked = ['models', 'test', 'late@1', '--tests', 'high.json']
    expect((await run(...asked, ...files)).code).toBe(1)
    for (const name of ['a.xml', 'a.sarif', 'a.html', 'a.md', 'a.json'])
      expect(readFileSync(join(root, name), 'utf8'), name).toMatch(
        /auc is 0\.\d+ on [\d,]+ test rows, ≥ 0\.99 is asked/,
      )
    expect((await run(...asked, '--reporter', 'github')).out).toMatch(/^::error .*auc is 0\./m)
    expect((await run(...asked)).out).not.toContain('bounds')
    expect((await run(...asked, '--verbose')).out).toContain('bounds')
  })

  it('keeps what broke a property, lists it, and tries it first from then on', async () => {
    const tests = join(root, 'falls.json')
    writeFileSync(tests, JSON.stringify([{ monotone: ['km', 'decreasing', { id: 'falls' }] }]))
    expect((await run('models', 'test', 'late@1', '--tests', tests)).code).toBe(1)
    const kept = JSON.parse((await run('models', 'counterexamples', 'late', '--json')).out) as {
      late: { test: string }[]
    }
    expect(kept.late.filter(one => one.test === 'falls')).toHaveLength(1)
    expect((await run('models', 'counterexamples')).out).toMatch(/falls: km \S+ → km \S+, score 0\.\d+ → 0\.\d+/)
    const again = reportOf((await run('models', 'test', 'late@1', '--tests', tests, '--json')).out)
    expect(byId(again).falls?.observed.replayed).toBe(1)
    expect((await run('models', 'counterexamples', 'lates')).code).toBe(2)
  })

  it.each<[unknown, string]>([
    [{ metric: ['auc', {}] }, 'the tests are no list'],
    [[{ metrik: [] }], "did you mean 'metric'"],
    [[{ metric: ['auc', { mn: 1 }] }], "has no option 'mn'"],
    [[{ relation: ['x', {}] }], 'is made of functions: declare it in the project'],
    [[{ fairness: [{ of: 'zoone' }] }], "'zoone', which is no column"],
    [[{ noLeak: [] }, { noLeak: [] }], "two tests have the id 'leak'"],
    [['noLeak'], 'is no object with the name of one test'],
  ])('refuses tests in JSON that would check nothing: %j', async (json, words) => {
    writeFileSync(join(root, 'odd.json'), JSON.stringify(json))
    const { code, said } = await run('models', 'test', 'late@1', '--tests', 'odd.json')
    expect([code, said]).toEqual([2, expect.stringContaining(words)])
  })
})

describe('models explain', () => {
  interface Answer {
    readonly name: string
    readonly method: string
    readonly importance: readonly { input: string; share: number }[]
    readonly importanceIs: string
    readonly lossWithout: readonly { input: string; rise: number }[]
    readonly explanations: readonly {
      readonly score: number
      readonly answers: readonly { readonly contributions: readonly { input: string; contribution: number }[] }[]
    }[]
  }
  const explain = async (...words: string[]): Promise<Answer> =>
    JSON.parse((await run('models', 'explain', 'late@1', ...words, '--json')).out) as Answer

  it('shows what matters, and held-out rows or those of a file', async () => {
    const held = await explain('--held-out', '5')
    expect([held.name, held.method, held.explanations.length]).toEqual(['late@1', 'linear', 5])
    expect((await explain()).explanations).toHaveLength(3)
    expect([held.importance[0]?.input, held.lossWithout[0]?.input]).toEqual(['km', 'km'])
    expect(held.lossWithout[0]?.rise).toBeGreaterThan(0)
    writeFileSync(
      join(root, 'rows.json'),
      JSON.stringify([
        { km: 40, zone: 'north' },
        { km: 0, zone: 'south' },
      ]),
    )
    const given = await explain('--rows', 'rows.json')
    const km = given.explanations.map(one => one.answers[0]?.contributions.find(({ input }) => input === 'km'))
    expect(km[0]?.contribution).toBeGreaterThan(0)
    expect(km[1]?.contribution).toBeLessThan(0)
    writeFileSync(join(root, 'rows.jsonl'), '{"km":40,"zone":"north"}\n{"km":0,"zone":"south"}\n')
    expect((await explain('--rows', 'rows.jsonl')).explanations).toEqual(given.explanations)
    const { out, code } = await run('models', 'explain', 'late@1', '--rows', 'rows.json')
    expect(code).toBe(0)
    expect(out).toMatch(/late@1, against 100 training rows/)
    expect(out).toMatch(/km +\d+\.\d % +0\.\d+/)
    expect(out).toMatch(/row 1: score 0\.\d+ \((true|false)\)\n {2}log odds -?\d\.\d+, /)
    expect(out).toMatch(/km +40 +\+\d/)
  })

  it.each<[string, string]>([
    ['[{"km":1}]', "Row 0, input 'zone': is missing"],
    ['[{"km":1,"zone":"north","kn":2}]', "input 'kn': is no input"],
    ['[{"km":"1","zone":"north"}]', "input 'km': expected a number"],
    ['[{"km":1e39,"zone":"north"}]', "input 'km': expected a number within"],
    ['[{"km":1,"zone":2}]', "input 'zone': expected a text, got 2"],
    ['[]', 'has no list of rows'],
    ['{"km"', 'is neither a JSON list nor'],
    ['[1]', 'has no list of rows'],
  ])('refuses rows that are none of the model: %s', async (rows, words) => {
    writeFileSync(join(root, 'odd-rows.json'), rows)
    const { code, said } = await run('models', 'explain', 'late@1', '--rows', 'odd-rows.json')
    expect([code, said]).toEqual([2, expect.stringContaining(words)])
  })
  it('refuses a file that is not there, and a number of rows that is none', async () => {
    expect(await run('models', 'explain', 'late@1', '--rows', 'none.json')).toMatchObject({ code: 2 })
    writeFileSync(join(root, 'short.json'), '[{"km":1}]')
    refused(await run('models', 'explain', 'late@1', '--rows', 'short.json'), 2, 'MR4116')
    const odd = await run('models', 'explain', 'late@1', '--held-out', '0')
    expect([odd.code, odd.said]).toEqual([2, expect.stringContaining('from 1 to 100')])
    expect((await run('models', 'explain', 'late@1', '--held-out', '2', '--rows', 'rows.json')).code).toBe(2)
  })
})

it('describeModel registers a test a check, which fails with what was found', async () => {
  // As who installs the package has it
  const { describeModel } = (await import(resolve('dist/testing/index.js'))) as typeof import('../src/testing/index.ts')
  const registered: { name: string; run: () => Promise<void>; skipped: boolean }[] = []
  const test = Object.assign(
    (name: string, body: () => Promise<void>) => void registered.push({ name, run: body, skipped: false }),
    { skip: (name: string, body: () => Promise<void>) => void registered.push({ name, run: body, skipped: true }) },
  )
  const suites: string[] = []
  await describeModel({ describe: (name, body) => (suites.push(name), body()), test }, 'late@1', {
    root,
    seed: 5,
    tests: m => [m.metric('auc', { min: 0.55 }), m.metric('brier', { max: 0.0001 }), m.overfit({ maxGap: 0 })],
  })
  expect(suites).toEqual(['model late@1'])
  const named = (name: string) => registered.find(one => one.name.startsWith(name))
  await expect(named('auc')?.run()).resolves.toBeUndefined()
  await expect(named('brier')?.run()).rejects.toThrow(/brier is 0\.\d+ on [\d,]+ test rows, ≤ 0\.0001 is asked/)
  await expect(describeModel({ describe: () => {}, test }, 'late@9', { root })).rejects.toMatchObject({
    code: expect.stringMatching(/^MR/) as string,
  })
})

describe('over HTTP', () => {
  it('the declared tests or those of the body run, and pytest needs nothing but the standard library', async () => {
    write({ tests: "m.metric('auc', { min: 0.55 })" })
    const server = await startUp(root)
    try {
      const url = `${server.url}/v1/models/late/versions/1:test`
      const post = async (body: unknown) => {
        const answer = await fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
        return { status: answer.status, json: (await answer.json()) as Report & { detail?: string } }
      }
      const declared = await post({})
      expect(declared.json).toMatchObject({ kind: 'model' })
      expect([declared.status, byId(declared.json).auc?.status]).toEqual([200, 'pass'])
      const own = await post({ tests: [{ metric: ['brier', { max: 0.0001 }] }], seed: 3 })
      expect(own.json).toMatchObject({ kind: 'model' })
      expect([own.status, own.json.status, byId(own.json).brier?.status]).toEqual([200, 'fail', 'fail'])
      expect((await post({ tests: [{ metric: ['brier', { mx: 1 }] }] })).status).toBe(400)
      expect((await post({ test: [] })).status).toBe(400)
      const explained = await fetch(url.replace(':test', ':explain'), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ rows: [{ km: 40, zone: null }] }),
      })
      expect([explained.status, await explained.json()]).toEqual([
        200,
        expect.objectContaining({ name: 'late@1', method: 'linear', explanations: [expect.anything()] }),
      ])
      writeFileSync(
        join(root, 'ask.py'),
        `import json, sys, urllib.request
tests = [{"metric": ["auc", {"min": 0.55}]}, {"metric": ["brier", {"max": 0.0001}]}]
request = urllib.request.Request(sys.argv[1], json.dumps({"tests": tests}).encode(), {"content-type": "application/json"})
report = json.load(urllib.request.urlopen(request))
print(sorted(check["id"] for check in report["checks"] if check["status"] == "fail"))
`,
      )
      expect(execFileSync('python3', [join(root, 'ask.py'), url], { encoding: 'utf8' }).trim()).toBe("['brier']")
    } finally {
      await server.end()
    }
  })
})
