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
  model: `task: 'binary', from: orders, features: [shops], label: c => c.late, inputs: c => ({ ...shops.all, km: c.km, weight: c.weight, place: c.place }),
    split: { by: 'time', train: '30d', test: '10d' }`,
  train: 'gbt({ trees: 6, leaves: 8 })',
}

function define({ dataset, view, model, train }: Partial<typeof base>): void {
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { baseline, csv, dataset, entity, features, gbt, linear, model, project, t } from 'millrace'
const columns = { id: t.int(), at: t.timestamp('UTC'), shop: t.text(), km: t.float(), weight: t.float(), place: t.text(), late: t.bool() }
const shop = entity('shop', { shop: t.text() })
const orders = dataset('orders', { ${dataset ?? base.dataset} })
const shops = features('shops', { ${view ?? base.view} })
const made = model('late', { ${model ?? base.model}, train: ${train ?? base.train} })
export default project('effects', { orders, shops, made })
`,
  )
}

interface Outcome {
  readonly frame: string
  /** Its golden rows, with their scores: the ONNX file also names the definition that it was made by. */
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
  const { frame = '', golden: model = '', scaler = '' } = shown.facts
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
    const place = random.below(12)
    const late = random.next() < 1 / (1 + Math.exp((20 - km) / 4 + (weight - 45) / 30 - (place % 3) + 1))
    const name = i % 300 === 7 ? 'rare' : i % 300 === 8 ? 'scarce' : `place ${place}`
    return `${i},${at},${'abc'[random.below(3)]},${km},${weight},${name},${late}`
  })
  writeFileSync(join(root, 'data', 'a.csv'), `id,at,shop,km,weight,place,late\n${rows.join('\n')}\n`)
  first = await outcome({})
})
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

describe('trees', () => {
  test('every option changes the trees, and its default none', async () => {
    const defaults = [
      'depth: 64',
      'learningRate: 0.1',
      'minLeaf: 20',
      'l2: 0',
      'seed: 0',
      'maxBins: 255',
      'subsample: 1',
      'columnSample: 1',
      'categoryL2: 10',
      'categorySmoothing: 10',
      'maxCategories: 1000',
      'minCategoryRows: 10',
    ]
    expect(await outcome({ train: `gbt({ trees: 6, leaves: 8, ${defaults.join(', ')} })` })).toEqual(first)
    const changed = [
      'trees: 7, leaves: 8',
      'trees: 6, leaves: 4',
      'trees: 6, leaves: 8, depth: 2',
      'trees: 6, leaves: 8, learningRate: 0.2',
      'trees: 6, leaves: 8, minLeaf: 90',
      'trees: 6, leaves: 8, l2: 30',
      'trees: 6, leaves: 8, maxBins: 8',
      "trees: 6, leaves: 8, monotone: { weight: 'increasing' }",
      "trees: 6, leaves: 8, monotone: { weight: 'decreasing', n: 'increasing' }",
      'trees: 6, leaves: 8, categoryL2: 200',
      'trees: 6, leaves: 8, categorySmoothing: 2000',
      'trees: 6, leaves: 8, maxCategories: 5',
      'trees: 6, leaves: 8, minCategoryRows: 66',
      "trees: 6, leaves: 8, calibrate: 'platt'",
      "trees: 6, leaves: 8, calibrate: 'isotonic'",
      // the newest tenth is held back
      'trees: 6, leaves: 8, earlyStopping: 1',
      // folds say how many rounds, and all rows are learned from
      'trees: 60, leaves: 8, earlyStopping: 1, stoppingFolds: 3',
      // what is drawn is drawn by the seed
      'trees: 6, leaves: 8, subsample: 0.5',
      'trees: 6, leaves: 8, subsample: 0.5, seed: 1',
      'trees: 6, leaves: 8, columnSample: 0.5',
      'trees: 6, leaves: 8, columnSample: 0.5, seed: 1',
    ]
    const models = new Set([first.model])
    for (const options of changed) {
      const { model, frame, scaler } = await outcome({ train: `gbt({ ${options} })` })
      // What the codes of a text are, the scaler has in its statistics
      const codes = /maxCategories|minCategoryRows/.test(options)
      const wanted = [options, false, first.frame, codes ? scaler : first.scaler]
      expect([options, models.has(model), frame, scaler]).toEqual(wanted)
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
  test('every option changes the model, and its default none', async () => {
    const plain = await outcome({ train: 'linear()' })
    const defaults = 'l1: 0, l2: 1, maxCategories: 1000, minCategoryRows: 10'
    expect(await outcome({ train: `linear({ ${defaults} })` })).toEqual(plain)
    const models = new Set([plain.model])
    for (const options of [
      'l2: 50',
      'l1: 5',
      'maxCategories: 5',
      'minCategoryRows: 1',
      "calibrate: 'platt'",
      "calibrate: 'isotonic'",
    ]) {
      const { model } = await outcome({ train: `linear({ ${options} })` })
      expect([options, models.has(model)]).toEqual([options, false])
      models.add(model)
    }
    const model = base.model
      .replace("'binary'", "'regression'")
      .replace('c => c.late', 'c => c.weight')
      .replace(', weight: c.weight', '')
    const number = await outcome({ model, train: 'linear()' })
    expect(await outcome({ model, train: 'linear({ l2: 1 })' })).toEqual(number)
    expect((await outcome({ model, train: 'linear({ l2: 0 })' })).model).not.toBe(number.model)
  })
})

describe('baselines', () => {
  test('answer with a constant, or with the value of the input that is named', async () => {
    const model = base.model
      .replace("'binary'", "'regression'")
      .replace('c => c.late', 'c => c.weight')
      .replace('weight: c.weight', 'before: c.km.times(2)')
    const constant = await outcome({ model, train: 'baseline()' })
    const km = await outcome({ model, train: "baseline({ input: 'km' })" })
    const before = await outcome({ model, train: "baseline({ input: 'before' })" })
    expect(new Set([constant.model, km.model, before.model]).size).toBe(3)
  })

  test('what a trainer cannot do is refused where it is declared, in words', async () => {
    const refused = async (overrides: Partial<typeof base>): Promise<string> => {
      define(overrides)
      const { code, said } = await inside(root, ['train', '--json'])
      expect(code).toBe(2)
      return said
    }
    for (const [train, words] of [
      ['gbt({ trees: 2, stoppingFolds: 3 })', 'stoppingFolds says nothing without earlyStopping'],
      ["gbt({ trees: 2, monotone: { kms: 'increasing' } })", "monotone names 'kms', which is no input"],
      ["gbt({ trees: 2, monotone: { place: 'increasing' } })", "monotone names 'place', a text, which has no order"],
      ["gbt({ trees: 2, monotone: { km: 'up' } })", "monotone must be an object of 'increasing' or 'decreasing'"],
      ["gbt({ trees: 2, calibrate: 'yes' })", "calibrate must be 'platt', 'isotonic'"],
      ["baseline({ input: 'kms' })", "baseline names 'kms', which is no input"],
      ["baseline({ input: 'place' })", "baseline names 'place', a text: it must be a number"],
      ["baseline({ input: 'km' })", 'has no probabilities, which a binary task needs'],
      ['linear({ l1: -1 })', 'l1 must be a number, 0 or more'],
    ] as const)
      expect(await refused({ train })).toContain(words)
    const model = base.model
      .replace("'binary'", "'regression'")
      .replace('c => c.late', 'c => c.weight')
      .replace(', weight: c.weight', '')
    expect(await refused({ model, train: "linear({ calibrate: 'platt' })" })).toContain(
      'calibrate is for probabilities, a regression task has none',
    )
  })
})

describe('models', () => {
  test('what is learnt, from which rows, by which scale', async () => {
    const changes: readonly (readonly [string, string, keyof Outcome])[] = [
      ['label', base.model.replace('c => c.late', "c => c.shop.in(['a', 'b'])"), 'frame'],
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
