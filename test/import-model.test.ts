import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graph, writeModel } from '../src/onnx/index.ts'
import { inside } from './support/inside.ts'

// A model that was made elsewhere, taken through the command line: verified, held to what is expected of it, tested, registered.

const root = mkdtempSync(join(tmpdir(), 'millrace-import-'))
const elsewhere = mkdtempSync(join(tmpdir(), 'millrace-elsewhere-'))
afterAll(() => {
  for (const folder of [root, elsewhere]) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

/** sigmoid(slope × (km − 20) + hour / 100), in one input of two columns: the names do not say which is which. */
function scorer(slope: number): Uint8Array {
  const builder = graph('scorer')
  builder.input('x', 'float', ['N', 2])
  builder.node('ml.LinearRegressor', ['x'], 'margins', {
    coefficients: { floats: [0.01, slope] },
    intercepts: { floats: [-20 * slope] },
    targets: { int: 1 },
  })
  builder.node('Sigmoid', ['margins'], 'probabilities')
  builder.output('probabilities', 'float', ['N', 1])
  return writeModel(builder.build(), {}, '', 'elsewhere')
}
const scoreOf = (km: number, hour: number): number => 1 / (1 + Math.exp(-(0.5 * (km - 20) + hour / 100)))

const at = (name: string): string => join(elsewhere, name)
const config = (train: string) => `
import { csv, dataset, deployment, gbt, model, project, t } from '${pathToFileURL(resolve('dist/index.js')).href}'
const rides = dataset('rides', { source: csv('rides.csv'), columns: { id: t.int(), km: t.float(), hour: t.int(), late: t.bool() } })
const late = model('late', {
  task: 'binary', from: rides, label: c => c.late, inputs: c => ({ km: c.km, hour: c.hour }),
  split: { by: 'random', test: 0.25 }, train: ${train},
  test: m => [m.metric('auc', { min: 0.8, notWorseThan: 'champion' })],
})
export default project('imports', { rides, late, api: deployment('api', { model: late }) })
`

beforeAll(() => {
  const lines = Array.from({ length: 400 }, (_, i) => {
    const km = ((i * 37) % 400) / 10
    return `${i},${km},${i % 24},${((i * 17) % 100) / 100 < 1 / (1 + Math.exp((20 - km) / 2))}`
  })
  mkdirSync(join(root, 'models'))
  writeFileSync(join(root, 'rides.csv'), `id,km,hour,late\n${lines.join('\n')}\n`)
  writeFileSync(join(root, 'millrace.config.ts'), config('gbt({ trees: 5 })'))
  writeFileSync(at('scorer.onnx'), scorer(0.5))
  writeFileSync(at('upside-down.onnx'), scorer(-0.5))
  const bytes = scorer(0.5)
  writeFileSync(at('damaged.onnx'), bytes.subarray(0, bytes.length - 40))
  writeFileSync(at('mapping.json'), '{ "x": ["hour", "km"] }')
  const rows = [
    [0, 3],
    [12.5, 0],
    [20, 12],
    [39, 23],
  ] as const
  const table = (wrongBy: number) =>
    ['km,hour,score', ...rows.map(([km, hour]) => [km, hour, scoreOf(km, hour) + wrongBy].join())].join('\n')
  writeFileSync(at('rows.csv'), table(0))
  writeFileSync(
    at('rows-jsonl.jsonl'),
    rows.map(([km, hour]) => JSON.stringify({ km, hour, score: scoreOf(km, hour) })).join('\n'),
  )
  writeFileSync(at('wrong.csv'), table(0.01))
  writeFileSync(at('no-score.csv'), 'km,hour\n1,2\n')
  writeFileSync(at('no-number.csv'), 'km,hour,score\nfar,2,0.5\n')
  writeFileSync(at('empty.csv'), 'km,hour,score\n')
})

const run = (...words: string[]) => inside(root, ['models', 'import', ...words])
const fed = ['--inputs', 'x=hour,km']
interface Version {
  readonly version: number
  readonly facts: Readonly<Record<string, string>>
  readonly metrics: Readonly<Record<string, number>>
}
const version = async (name: string): Promise<Version> =>
  JSON.parse((await inside(root, ['models', 'show', name, '--json'])).out) as Version
const artifact = (digest: string): unknown => {
  const hex = digest.slice('sha256:'.length)
  return JSON.parse(
    readFileSync(join(root, '.millrace/artifacts/cas/sha256', hex.slice(0, 2), hex.slice(2, 4), hex.slice(4)), 'utf8'),
  )
}

describe('a file that keeps its promises', () => {
  it('is a version like any other: its lineage, its golden rows those that were given, served and rebuilt', async () => {
    const done = await run(at('scorer.onnx'), '--model', 'late', ...fed, '--expected', at('rows.csv'))
    expect([done.code, done.said]).toEqual([0, expect.stringContaining('late@1')])
    // Where it lay is no matter any more
    rmSync(at('scorer.onnx'))
    const { facts, metrics } = await version('late@1')
    expect(metrics.auc).toBeGreaterThan(0.9)
    expect(facts).toMatchObject({ trigger: 'import' })
    const golden = artifact(facts.golden ?? '') as { features: number[]; scores: number[] }
    expect(golden.features).toEqual([0, 3, 12.5, 0, 20, 12, 39, 23])
    for (const [i, score] of golden.scores.entries())
      expect(score).toBeCloseTo(scoreOf(golden.features[2 * i] ?? 0, golden.features[2 * i + 1] ?? 0), 6)
    expect(artifact(facts.declaration ?? '')).toMatchObject({
      model: {
        trainer: {
          kind: 'onnx',
          file: 'scorer.onnx',
          expected: 'rows.csv',
          kept: { file: expect.stringMatching(/^sha256:/) },
        },
      },
    })
    expect((await inside(root, ['lineage', 'model:late@1'])).code).toBe(0)
    expect((await inside(root, ['reproduce', 'late@1'])).said).toContain('late@1')
    expect((await inside(root, ['reproduce', 'late@1'])).code).toBe(0)
    expect((await inside(root, ['models', 'test', 'late@1'])).code).toBe(0)
    expect((await inside(root, ['deploy', 'api'])).code).toBe(0)
  })

  it('is fed as a file says, and held to JSON lines', async () => {
    writeFileSync(at('again.onnx'), scorer(0.5))
    const again = await run(
      at('again.onnx'),
      '--inputs',
      at('mapping.json'),
      '--expected',
      at('rows-jsonl.jsonl'),
      '--json',
    )
    expect(again.code).toBe(0)
    expect(JSON.parse(again.out)).toMatchObject({ model: 'late', version: 2, chosen: null })
    expect((await version('late@2')).metrics).toEqual((await version('late@1')).metrics)
  })

  it('is challenged by what is trained, and without rows of its own answers as itself', async () => {
    const trained = await inside(root, ['train'])
    expect(trained.said).toContain('late')
    const own = await run(at('again.onnx'), ...fed)
    expect(own.code).toBe(0)
    const latest = JSON.parse((await inside(root, ['models', 'list', '--json'])).out) as readonly {
      readonly version: number
    }[]
    const { facts } = await version(`late@${Math.max(...latest.map(one => one.version))}`)
    expect((artifact(facts.golden ?? '') as { scores: number[] }).scores).toHaveLength(32)
  })

  it('is taken by the project file in the same way', async () => {
    writeFileSync(join(root, 'models', 'scorer.onnx'), scorer(0.5))
    writeFileSync(join(root, 'models', 'rows.csv'), readFileSync(at('rows.csv')))
    const other = mkdtempSync(join(elsewhere, 'declared-'))
    for (const [name, text] of [
      [
        'millrace.config.ts',
        config("onnx('scorer.onnx', { inputs: { x: ['hour', 'km'] }, expected: 'wrong.csv' })").replace(
          'gbt,',
          'onnx,',
        ),
      ],
      ['rides.csv', readFileSync(join(root, 'rides.csv'), 'utf8')],
      ['wrong.csv', readFileSync(at('wrong.csv'), 'utf8')],
    ] as const)
      writeFileSync(join(other, name), text)
    writeFileSync(join(other, 'scorer.onnx'), scorer(0.5))
    const wrong = await inside(other, ['train'])
    expect([wrong.code, wrong.said]).toEqual([
      1,
      expect.stringMatching(/trainer and (of )?its ONNX file|scores of the trainer|differ/),
    ])
    writeFileSync(join(other, 'wrong.csv'), readFileSync(at('rows.csv')))
    expect((await inside(other, ['train'])).code).toBe(0)
  })
})

it.each([
  ['a file that is not there', ['nix.onnx'], 3, 'nix.onnx'],
  ['one that is no model', ['mapping.json'], 1, 'MR4001'],
  ['one that is damaged', ['damaged.onnx'], 1, 'MR4001'],
  ['one that answers the other way round', ['upside-down.onnx', ...fed], 1, 'auc'],
  ['other answers than are expected', ['again.onnx', ...fed, '--expected', 'wrong.csv'], 1, '4 of 4'],
  [
    'expected rows without a score',
    ['again.onnx', ...fed, '--expected', 'no-score.csv'],
    2,
    'it has no column score; it has km, hour',
  ],
  [
    'expected rows that are no numbers',
    ['again.onnx', ...fed, '--expected', 'no-number.csv'],
    2,
    'km of its row 1 is no number: "far"',
  ],
  ['no expected rows', ['again.onnx', ...fed, '--expected', 'empty.csv'], 2, 'it has no rows'],
  ['expected rows that are not there', ['again.onnx', ...fed, '--expected', 'nix.csv'], 3, 'it does not exist'],
  ['inputs in another order than they are meant', ['again.onnx'], 1, 'auc is'],
  ['inputs that the model has not', ['again.onnx', '--inputs', 'x=hour,miles'], 2, "feeds 'miles', which is no input"],
  ['a mapping that is none', ['again.onnx', '--inputs', 'hour'], 2, '--inputs takes x=bill,mass;y=age'],
  ['a mapping file that is none', ['again.onnx', '--inputs', 'rows.json'], 2, 'cannot be read'],
  ['an output that there is not', ['again.onnx', ...fed, '--output', 'nix'], 1, 'nix'],
  ['a model that is not declared', ['again.onnx', '--model', 'nix'], 2, 'MR1006'],
])('refuses %s, and registers nothing', async (_, [file = '', ...words], code, said) => {
  const count = async () => (JSON.parse((await inside(root, ['models', 'list', '--json'])).out) as unknown[]).length
  const before = await count()
  const files = new Set(['--expected'])
  const given = words.map((word, i) => (files.has(words[i - 1] ?? '') || word.endsWith('.json') ? at(word) : word))
  const refused = await run(at(file), ...given)
  expect([refused.code, refused.said]).toEqual([code, expect.stringContaining(said)])
  expect(refused.said).not.toContain('bug in Millrace')
  expect(await count()).toBe(before)
})

it('says with a code what is wrong with expected rows', async () => {
  const { out } = await run(at('again.onnx'), ...fed, '--expected', at('no-score.csv'), '--json')
  expect(JSON.parse(out).error).toMatchObject({ code: 'MR4034', exit: 2 })
})
