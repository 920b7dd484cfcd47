import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seeded } from '../src/math/random/seeded.ts'
import { inside } from './support/inside.ts'

// Options of the definition API by what they change: the base is trained, one option is set, and what must differ differs,
// what must not stays. An option that is given its documented default changes nothing at all.

let root: string
const base = {
  dataset: "source: csv('data/*.csv'), columns, eventTime: 'at', knownAt: { late: c => c.at.plus('2h') }",
  view: "entity: shop, from: orders, compute: f => ({ n: f.count('6h'), late: f.share(c => c.late, '1d') })",
  model: `task: 'binary', from: orders, features: [shops], label: c => c.late, inputs: c => ({ ...shops.all, km: c.km, weight: c.weight }),
    split: { by: 'time', train: '30d', test: '10d' }`,
  train: 'gbt({ trees: 6, leaves: 8 })',
}

function define({ dataset, view, model, train }: Partial<typeof base>): void {
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, entity, features, gbt, linear, model, project, t } from 'millrace'
const columns = { id: t.int(), at: t.timestamp('UTC'), shop: t.text(), km: t.float(), weight: t.float(), late: t.bool() }
const shop = entity('shop', { shop: t.text() })
const orders = dataset('orders', { ${dataset ?? base.dataset} })
const shops = features('shops', { ${view ?? base.view} })
const made = model('late', { ${model ?? base.model}, train: ${train ?? base.train} })
export default project('effects', { orders, shops, made })
`,
  )
}

/** Not the ONNX file: it also names the definition that it was made by. */
interface Outcome {
  readonly frame: string
  readonly model: string
  readonly scaler: string
}

/** Trains; what came out by its digests. The run before is reused where nothing changed. */
async function outcome(overrides: Partial<typeof base>): Promise<Outcome> {
  define(overrides)
  const trained = await inside(root, ['train', '--json'])
  expect(trained.code, trained.said).toBe(0)
  const { version } = JSON.parse(trained.out) as { version: number }
  const shown = JSON.parse((await inside(root, ['models', 'show', `late@${version}`, '--json'])).out) as {
    facts: Record<string, string>
  }
  const { frame = '', model = '', scaler = '' } = shown.facts
  return { frame, model, scaler }
}

let first: Outcome
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-effects-'))
  mkdirSync(join(root, 'data'))
  const random = seeded(5)
  const rows = Array.from({ length: 1_200 }, (_, i) => {
    const at = new Date(Date.UTC(2026, 0, 1) + i * 3_600_000).toISOString().slice(0, 19)
    const [km, weight] = [Math.round(random.next() * 400) / 10, Math.round(random.next() * 900) / 10]
    const late = random.next() < 1 / (1 + Math.exp((20 - km) / 4 + (weight - 45) / 30))
    return `${i},${at},${'abc'[random.below(3)]},${km},${weight},${late}`
  })
  writeFileSync(join(root, 'data', 'a.csv'), `id,at,shop,km,weight,late\n${rows.join('\n')}\n`)
  first = await outcome({})
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

describe('trees', () => {
  test('every option changes the trees, and its default none', async () => {
    const defaults = [
      'depth: 64',
      'learningRate: 0.1',
      'minLeaf: 20',
      'l2: 0',
      'seed: 0',
      'subsample: 1',
      'columnSample: 1',
    ]
    expect(await outcome({ train: `gbt({ trees: 6, leaves: 8, ${defaults.join(', ')} })` })).toEqual(first)
    const changed = [
      'trees: 7, leaves: 8',
      'trees: 6, leaves: 4',
      'trees: 6, leaves: 8, depth: 2',
      'trees: 6, leaves: 8, learningRate: 0.2',
      'trees: 6, leaves: 8, minLeaf: 90',
      'trees: 6, leaves: 8, l2: 30',
      // the newest tenth is held back
      'trees: 6, leaves: 8, earlyStopping: 1',
      // what is drawn is drawn by the seed
      'trees: 6, leaves: 8, subsample: 0.5',
      'trees: 6, leaves: 8, subsample: 0.5, seed: 1',
      'trees: 6, leaves: 8, columnSample: 0.5',
      'trees: 6, leaves: 8, columnSample: 0.5, seed: 1',
    ]
    const models = new Set([first.model])
    for (const options of changed) {
      const { model, frame, scaler } = await outcome({ train: `gbt({ ${options} })` })
      expect([options, models.has(model), frame, scaler]).toEqual([options, false, first.frame, first.scaler])
      models.add(model)
    }
    const drawn = 'gbt({ trees: 6, leaves: 8, subsample: 0.5'
    expect(await outcome({ train: `${drawn}, seed: 0 })` })).toEqual(await outcome({ train: `${drawn} })` }))
    // 31 leaves where nothing is said, as many as fit into the depth where it is
    const plain = await outcome({ train: 'gbt({ trees: 3 })' })
    expect(await outcome({ train: 'gbt({ trees: 3, leaves: 31 })' })).toEqual(plain)
    const shallow = await outcome({ train: 'gbt({ trees: 3, depth: 2 })' })
    expect(await outcome({ train: 'gbt({ trees: 3, depth: 2, leaves: 4 })' })).toEqual(shallow)
  })
})

describe('linear models', () => {
  test('the penalty is 1 of probabilities and 0 of numbers', async () => {
    const plain = await outcome({ train: 'linear()' })
    expect(await outcome({ train: 'linear({ l2: 1 })' })).toEqual(plain)
    expect((await outcome({ train: 'linear({ l2: 50 })' })).model).not.toBe(plain.model)
    const model = base.model
      .replace("'binary'", "'regression'")
      .replace('c => c.late', 'c => c.weight')
      .replace(', weight: c.weight', '')
    const number = await outcome({ model, train: 'linear()' })
    expect(await outcome({ model, train: 'linear({ l2: 0 })' })).toEqual(number)
    expect((await outcome({ model, train: 'linear({ l2: 1 })' })).model).not.toBe(number.model)
  })
})

describe('models', () => {
  test('what is learnt, from which rows, by which scale', async () => {
    const changes: readonly (readonly [string, string, keyof Outcome])[] = [
      ['label', base.model.replace('c => c.late', 'c => c.km.gt(20)'), 'frame'],
      ['inputs', base.model.replace('km: c.km', 'km: c.km.div(1.609)'), 'frame'],
      ['features', base.model.replace('...shops.all, ', '').replace('features: [shops], ', ''), 'frame'],
      ['split.train', base.model.replace("'30d'", "'20d'"), 'frame'],
      ['split.test', base.model.replace("'10d'", "'5d'"), 'frame'],
      ['split.until', base.model.replace("'10d' }", "'10d', until: '2026-02-15T00:00:00Z' }"), 'frame'],
      ['scale', `${base.model}, scale: 'robust'`, 'scaler'],
      ['scale by input', `${base.model}, scale: { km: 'none' }`, 'scaler'],
    ]
    for (const [option, model, part] of changes)
      expect([option, (await outcome({ model }))[part]]).not.toEqual([option, first[part]])
    const same = ["scale: 'standard'", 'threshold: 0.5']
    for (const option of same)
      expect([option, await outcome({ model: `${base.model}, ${option}` })]).toEqual([option, first])
    // the newest event is the end where none is said
    const until = base.model.replace("'10d' }", "'10d', until: '2026-02-19T23:00:00.000001Z' }")
    expect(await outcome({ model: until })).toEqual(first)
  })
})

describe('features', () => {
  test('what is counted, for how long, by which knowledge', async () => {
    const frames = new Set([first.frame])
    for (const view of [
      base.view.replace("'6h'", "'3h'"),
      `${base.view}, ttl: '5h'`,
      `${base.view}, knownTime: 'ignore'`,
      base.view.replace('entity: shop', "entity: entity('order', { id: t.int() })"),
    ]) {
      const { frame } = await outcome({ view })
      expect([view, frames.has(frame)]).toEqual([view, false])
      frames.add(frame)
    }
    // it is online where nothing is said, and then materialised
    const views = async (view: string): Promise<number> => {
      await outcome({ view })
      return (JSON.parse((await inside(root, ['features', 'materialise', '--json'])).out) as unknown[]).length
    }
    expect([
      await views(base.view),
      await views(`${base.view}, online: true`),
      await views(`${base.view}, online: false`),
    ]).toEqual([1, 1, 0])
  })
})

describe('datasets', () => {
  test('when something was known, and which rows are one', async () => {
    const later = base.dataset.replace("'2h'", "'30h'")
    expect((await outcome({ dataset: later })).frame).not.toBe(first.frame)
    expect((await outcome({ dataset: base.dataset.replace(/, knownAt.*/, '') })).frame).not.toBe(first.frame)
    const zone = base.dataset.replace('columns,', "columns: { ...columns, at: t.timestamp('Asia/Kolkata') },")
    expect((await outcome({ dataset: zone })).frame).not.toBe(first.frame)
  })
})
