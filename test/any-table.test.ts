import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorkspace, type Workspace } from '../src/config/workspace.ts'
import { baseline, dataset, deployment, gbt, json, linear, model, project, t, type Model } from '../src/index.ts'
import { snapshotSql } from '../src/stages/features/frame.ts'
import { startTraining } from '../src/stages/pipeline/run.ts'
import { LiveServing } from '../src/stages/serve/serving.ts'

// Tables without any time, of every task: real penguins and real cars, with their missing values, texts and truth values.

const root = mkdtempSync(join(tmpdir(), 'millrace-any-table-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

type Row = Readonly<Record<string, string | number | boolean | null>>
const read = (name: string): Record<string, never>[] =>
  JSON.parse(readFileSync(`node_modules/vega-datasets/data/${name}.json`, 'utf8')) as Record<string, never>[]
const lines = (rows: readonly Row[]): string => `${rows.map(row => JSON.stringify(row)).join('\n')}\n`

const penguinRows: readonly Row[] = read('penguins').map((row, id) => ({
  id,
  species: row['Species'] as never,
  island: row['Island'] as never,
  bill: row['Beak Length (mm)'] as never,
  depth: row['Beak Depth (mm)'] as never,
  mass: row['Body Mass (g)'] as never,
  male: row['Sex'] === 'MALE' ? true : row['Sex'] === 'FEMALE' ? false : null,
}))
const carRows: readonly Row[] = read('cars').map(row => ({
  name: row['Name'] as never,
  mpg: row['Miles_per_Gallon'] as never,
  cylinders: row['Cylinders'] as never,
  power: row['Horsepower'] as never,
  weight: row['Weight_in_lbs'] as never,
  origin: row['Origin'] as never,
}))

const penguins = dataset('penguins', {
  source: json('data/penguins.jsonl'),
  columns: {
    id: t.int(),
    species: t.text(),
    island: t.text(),
    bill: t.nullable(t.float()),
    depth: t.nullable(t.float()),
    mass: t.nullable(t.float()),
    male: t.nullable(t.bool()),
  },
})
const cars = dataset('cars', {
  source: json('data/cars.jsonl'),
  columns: {
    name: t.text(),
    mpg: t.nullable(t.float()),
    cylinders: t.int(),
    power: t.nullable(t.float()),
    weight: t.float(),
    origin: t.text(),
  },
})

const trees = gbt({ trees: 30, leaves: 8, minLeaf: 5 })
const ofPenguins = {
  from: penguins,
  inputs: (c: { bill: never; depth: never; island: never; mass: never; male: never }) => ({
    bill: c.bill,
    depth: c.depth,
    island: c.island,
    mass: c.mass,
    male: c.male,
  }),
} as const
const ofCars = {
  from: cars,
  inputs: (c: { cylinders: never; power: never; weight: never; origin: never }) => ({
    cylinders: c.cylinders,
    power: c.power,
    weight: c.weight,
    origin: c.origin,
  }),
} as const
const declare = (name: string, options: object): Model => model(name, options as never) as Model

interface Trained {
  readonly status: string
  readonly error: string
  readonly metrics: Readonly<Record<string, number>>
  readonly rows: readonly Readonly<Record<string, unknown>>[]
}

let at: string
beforeAll(() => {
  at = mkdtempSync(join(root, 'project-'))
  mkdirSync(join(at, 'data'))
  writeFileSync(join(at, 'millrace.config.ts'), '')
  writeFileSync(join(at, 'data', 'penguins.jsonl'), lines(penguinRows))
  writeFileSync(join(at, 'data', 'cars.jsonl'), lines(carRows))
})

/** Trains, and gives the rows of the frame as they were split. */
async function train(
  made: Model,
  then?: (workspace: Workspace) => Promise<void>,
  datasets: object = {},
): Promise<Trained> {
  const own = project('any', {
    penguins,
    cars,
    ...datasets,
    [`model_${made.name}`]: made,
    api: deployment('api', { model: made as never }),
  } as never)
  const workspace = await openWorkspace(at, { project: own })
  try {
    const request = { model: made, trigger: 'manual', stepEnvironment: null, runEnvironment: {} }
    const done = await (await startTraining(workspace, await workspace.engineOf(), request)).done
    const [version] = await workspace.store.listModelVersions(made.name)
    const frame = done.steps.find(one => one.step.startsWith('features-'))?.outputs?.['frame']
    const engine = await workspace.engine()
    const rows = frame
      ? await engine.rows(await snapshotSql(engine, await workspace.artifacts.localPath(frame.digest)))
      : []
    await then?.(workspace)
    return {
      status: done.status,
      error: String((done.error as { reason?: string } | undefined)?.reason ?? ''),
      metrics: version?.metrics ?? {},
      rows,
    }
  } finally {
    await workspace.close()
  }
}

const partOf = (rows: Trained['rows'], part: string) => rows.filter(row => row['millrace_split'] === part)
const share = (rows: Trained['rows']): number => partOf(rows, 'test').length / rows.length

describe('every task is trained, tested, registered and served', () => {
  const random = { by: 'random', test: 0.3 } as const
  const species = (c: { species: never }) => c.species
  const mpg = (c: { mpg: never }) => c.mpg
  it.each<[string, object, (metrics: Readonly<Record<string, number>>) => unknown, unknown]>([
    [
      'classes by trees',
      { task: 'multiclass', label: species, split: random, train: trees, ...ofPenguins },
      m => (m['accuracy'] ?? 0) > 0.93,
      true,
    ],
    [
      'classes by a linear model',
      { task: 'multiclass', label: species, split: random, train: linear(), ...ofPenguins },
      m => (m['accuracy'] ?? 0) > 0.96,
      true,
    ],
    [
      'classes by a baseline',
      { task: 'multiclass', label: species, split: random, train: baseline(), ...ofPenguins },
      m => (m['accuracy'] ?? 0) < 0.5,
      true,
    ],
    [
      'whole numbers as classes',
      {
        task: 'multiclass',
        label: (c: { cylinders: never }) => c.cylinders,
        split: random,
        train: trees,
        from: cars,
        inputs: (c: { power: never; weight: never }) => ({ power: c.power, weight: c.weight }),
      },
      m => (m['accuracy'] ?? 0) > 0.75,
      true,
    ],
    [
      'a number by trees',
      { task: 'regression', label: mpg, split: random, train: trees, ...ofCars },
      m => (m['r2'] ?? 0) > 0.7,
      true,
    ],
    [
      'a number by a linear model',
      { task: 'regression', label: mpg, split: random, train: linear(), ...ofCars },
      m => (m['r2'] ?? 0) > 0.6,
      true,
    ],
    [
      'a quantile',
      { task: 'quantile', quantile: 0.9, label: mpg, split: random, train: trees, ...ofCars },
      m => Math.abs((m['coverage'] ?? 0) - 0.9) < 0.12,
      true,
    ],
    [
      'a count by trees',
      {
        task: 'count',
        label: (c: { cylinders: never }) => c.cylinders,
        split: random,
        train: trees,
        from: cars,
        inputs: (c: { power: never; weight: never }) => ({ power: c.power, weight: c.weight }),
      },
      m => (m['poissonDeviance'] ?? 9) < 0.2,
      true,
    ],
    [
      'a count by a linear model',
      {
        task: 'count',
        label: (c: { cylinders: never }) => c.cylinders,
        split: random,
        train: linear(),
        from: cars,
        inputs: (c: { power: never; weight: never }) => ({ power: c.power, weight: c.weight }),
      },
      m => (m['poissonDeviance'] ?? 9) < 0.3,
      true,
    ],
  ])('%s', async (name, options, of, wanted) => {
    const made = declare(name.replaceAll(' ', '-'), options)
    const { status, error, metrics } = await train(made, async workspace => {
      const serving = await LiveServing.open(workspace, await workspace.online())
      const live = serving.get('api')
      await live?.deploy(1, 'test')
      const row = made.from.name === 'cars' ? carRows[0] : penguinRows[0]
      const columns = new Set((live?.columns ?? []).map(column => column.name))
      const [answer] =
        (await live?.predict([
          { id: 'a', row: Object.fromEntries(Object.entries(row ?? {}).filter(([key]) => columns.has(key))) as never },
        ])) ?? []
      expect(Number.isFinite(answer?.score)).toBe(true)
      expect(await live?.feedback([{ id: 'a', label: 1 }])).toBe(1)
      if (made.task === 'multiclass') {
        const { scores = {}, label } = answer ?? {}
        expect(Object.values(scores).reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 5)
        expect(scores[String(label)]).toBe(answer?.score)
        expect(Object.keys(scores)).toEqual(live?.classes)
      }
      await serving.close()
    })
    expect([status, error]).toEqual(['succeeded', ''])
    expect(of(metrics), JSON.stringify(metrics)).toBe(wanted)
  })
})

it('several classes are rolled out: both versions answer, are compared by their classes, and labels count for both', async () => {
  const split = { by: 'random', test: 0.3 }
  const of = (train: object): Model =>
    declare('rolled', { task: 'multiclass', label: (c: { species: never }) => c.species, split, train, ...ofPenguins })
  await train(of(linear()))
  await train(of(trees), async workspace => {
    const serving = await LiveServing.open(workspace, await workspace.online())
    const live = serving.get('api')
    await live?.deploy(1, 'test')
    expect((await live?.rollOut(2, 'test'))?.rollout).toMatchObject({ phase: 'shadow' })
    const rows = penguinRows.map(({ bill, depth, island, mass, male }) => ({ bill, depth, island, mass, male }))
    const answers = (await live?.predict(rows.map((row, i) => ({ id: `p${i}`, row: row as never })))) ?? []
    await live?.settled()
    expect(
      answers.every(one => one.version === 1 && ['Adelie', 'Chinstrap', 'Gentoo'].includes(String(one.label))),
    ).toBe(true)
    const places = penguinRows.map(row => live?.classes.indexOf(String(row['species'])) ?? -1)
    expect(await live?.feedback(places.map((label, i) => ({ id: `p${i}`, label })))).toBe(rows.length)
    const { rollout, labels } = live?.status() ?? {}
    expect(labels?.waiting).toBe(rows.length)
    // trees and a linear model agree about nearly every penguin, and not about all
    const { shadow } = rollout as unknown as { shadow: { rows: number; flips: number; nonFinite: number } }
    expect(shadow).toMatchObject({ rows: rows.length, nonFinite: 0 })
    expect(shadow.flips).toBeGreaterThan(0)
    expect(shadow.flips).toBeLessThan(rows.length / 10)
    await serving.close()
  })
})

it('a label may stand in a column of any name, such as class or place', async () => {
  writeFileSync(
    join(at, 'data', 'named.jsonl'),
    lines(Array.from({ length: 90 }, (_, i) => ({ class: 'abc'[i % 3] as string, place: i % 3, x: i }))),
  )
  const named = dataset('named', {
    source: json('data/named.jsonl'),
    columns: { class: t.text(), place: t.int(), x: t.int() },
  })
  const own = model('named', {
    task: 'multiclass',
    from: named,
    label: c => c.class,
    inputs: c => ({ x: c.x }),
    split: { by: 'random', test: 0.3 },
    train: baseline(),
  })
  const { status, error, rows } = await train(own as never, undefined, { named })
  expect([status, error]).toEqual(['succeeded', ''])
  // Classes are numbered in their order
  for (const row of rows) expect(row['millrace_label']).toBe('abc'.indexOf(String(row['millrace_class'])))
})

describe('rows are split', () => {
  const common = { task: 'multiclass', label: (c: { species: never }) => c.species, train: baseline(), ...ofPenguins }
  const split = (name: string, by: object) => train(declare(name, { ...common, split: by }))

  it('at random by a seed, with the same share of every class', async () => {
    const first = await split('random', { by: 'random', test: 0.25, seed: 3 })
    for (const name of ['Adelie', 'Chinstrap', 'Gentoo'])
      expect(share(first.rows.filter(row => row['millrace_class'] === name))).toBeCloseTo(0.25, 1)
    const again = await split('random', { by: 'random', test: 0.25, seed: 3 })
    expect(again.rows).toEqual(first.rows)
    const other = await split('random', { by: 'random', test: 0.25, seed: 4 })
    expect(partOf(other.rows, 'test')).not.toEqual(partOf(first.rows, 'test'))
  })

  it('by a hash of values: a row stays where it is whatever comes after it', async () => {
    const by = { by: 'hash', of: (c: { id: never }) => c.id, test: 0.3 }
    const ids = { ...common, inputs: (c: { id: never; bill: never }) => ({ bill: c.bill, id: c.id }) }
    const of = async (): Promise<Map<unknown, unknown>> => {
      const { rows } = await train(declare('hashed', { ...ids, split: by }))
      return new Map(rows.map(row => [row['id'], row['millrace_split']]))
    }
    const before = await of()
    expect([...before.values()].filter(one => one === 'test').length / before.size).toBeCloseTo(0.3, 1)
    writeFileSync(
      join(at, 'data', 'penguins.jsonl'),
      lines([...penguinRows.slice(0, 20).map(row => ({ ...row, id: 1000 + Number(row['id']) })), ...penguinRows]),
    )
    const after = await of()
    writeFileSync(join(at, 'data', 'penguins.jsonl'), lines(penguinRows))
    expect(after.size).toBe(before.size + 20)
    for (const [id, part] of before) expect(after.get(id)).toBe(part)
  })

  it('by groups: none is on both sides', async () => {
    const { rows } = await train(
      declare('grouped', {
        ...common,
        task: 'regression',
        label: (c: { mass: never }) => c.mass,
        inputs: (c: { bill: never; depth: never }) => ({ bill: c.bill, depth: c.depth }),
        split: { by: 'group', of: (c: { bill: never }) => c.bill, test: 0.3 },
      }),
    )
    const groups = (part: string) => new Set(partOf(rows, part).map(row => row['bill']))
    const [inTrain, inTest] = [groups('train'), groups('test')]
    expect([...inTest].filter(one => inTrain.has(one))).toEqual([])
    expect(inTest.size / (inTrain.size + inTest.size)).toBeCloseTo(0.3, 2)
  })

  it('by what they say themselves', async () => {
    const { rows } = await split('said', {
      by: 'column',
      test: (c: { island: { eq(name: string): never } }) => c.island.eq('Dream'),
    })
    for (const row of rows) expect(row['millrace_split']).toBe(row['island'] === 'Dream' ? 'test' : 'train')
  })
})

describe('rows count', () => {
  const common = {
    task: 'binary',
    label: (c: { male: never }) => c.male,
    from: penguins,
    train: baseline(),
    split: { by: 'random', test: 0.3 },
  }
  const inputs = (c: { bill: never }) => ({ bill: c.bill })

  it('what their weight says: what counts nothing is as if it were not there', async () => {
    const weight = (c: { species: { eq(name: string): { case: never } }; bill: never }) =>
      (c as never as { bill: { coalesce(n: number): { times(n: number): never } } }).bill.coalesce(0).times(0)
    const none = await train(declare('weightless', { ...common, inputs, weight }))
    expect(none.error).toMatch(/count nothing: all are 0/)
    const wrong = await train(
      declare('missing', {
        ...common,
        task: 'multiclass',
        label: (c: { species: never }) => c.species,
        inputs,
        weight: (c: { bill: never }) => c.bill,
      }),
    )
    expect(wrong.error).toMatch(/\d+ rows have none that is a number of 0 or more/)
  })

  it('as much for each class as for each other where that is asked', async () => {
    const balanced = {
      ...common,
      task: 'multiclass',
      label: (c: { species: never }) => c.species,
      inputs,
      classWeights: 'balanced',
    }
    const { rows } = await train(declare('balanced', balanced))
    const sums = new Map<unknown, number>()
    for (const row of partOf(rows, 'train'))
      sums.set(row['millrace_class'], (sums.get(row['millrace_class']) ?? 0) + Number(row['millrace_weight']))
    const [one = 0, ...others] = [...sums.values()]
    expect(sums.size).toBe(3)
    for (const other of others) expect(other).toBeCloseTo(one, 6)
    // held-out rows are judged as they come
    expect(new Set(partOf(rows, 'test').map(row => row['millrace_weight']))).toEqual(new Set([1]))
    const stranger = await train(declare('stranger', { ...balanced, classWeights: { Emperor: 3 } }))
    expect(stranger.error).toMatch(/names the class 'Emperor', which no row has: Adelie, Chinstrap, Gentoo/)
  })
})

describe('what cannot be learnt is told before anything is trained', () => {
  const random = { by: 'random', test: 0.3 }
  it.each<[string, object, RegExp]>([
    [
      'one class',
      {
        task: 'binary',
        label: (c: { id: { gte(n: number): never } }) => c.id.gte(0),
        from: penguins,
        inputs: (c: { bill: never }) => ({ bill: c.bill }),
        split: random,
        train: trees,
      },
      /is true in every training row/,
    ],
    [
      'a count below 0',
      {
        task: 'count',
        label: (c: { id: { minus(n: number): never } }) => c.id.minus(5),
        from: penguins,
        inputs: (c: { bill: never }) => ({ bill: c.bill }),
        split: random,
        train: trees,
      },
      /5 of its labels are below 0/,
    ],
    [
      'a number beyond float32',
      {
        task: 'regression',
        label: (c: { mass: never }) => c.mass,
        from: penguins,
        inputs: (c: { bill: { times(n: number): never } }) => ({ far: c.bill.times(1e38) }),
        split: random,
        train: trees,
      },
      /cannot take its input far: it is beyond ±3\.4e38 in \d+ of its rows, such as .*e\+39/,
    ],
    [
      'no row for testing',
      {
        task: 'regression',
        label: (c: { mass: never }) => c.mass,
        from: penguins,
        inputs: (c: { bill: never }) => ({ bill: c.bill }),
        split: { by: 'column', test: (c: { island: { eq(s: string): never } }) => c.island.eq('Nowhere') },
        train: trees,
      },
      /its split by column leaves one of them empty/,
    ],
  ])('%s', async (name, options, said) => {
    const { status, error } = await train(declare(name.replaceAll(' ', '-'), options))
    expect(status).toBe('failed')
    expect(error).toMatch(said)
  })

  it.each<[string, object, RegExp]>([
    [
      'time where there is none',
      { split: { by: 'time', train: '30d', test: '10d' } },
      /has no eventTime: split by 'random' or 'hash'/,
    ],
    ['a label of another type', { task: 'binary' }, /a binary label cannot be text: bool/],
    ['a quantile without one', { task: 'quantile', label: (c: { mass: never }) => c.mass }, /needs quantile/],
    ['a quantile that is none', { quantile: 0.9 }, /quantile has no effect: it is of quantile models/],
    [
      'weights of classes that there are not',
      { task: 'regression', label: (c: { mass: never }) => c.mass, classWeights: 'balanced' },
      /classWeights has no effect/,
    ],
    [
      'a stratum without classes',
      {
        task: 'regression',
        label: (c: { mass: never }) => c.mass,
        inputs: (c: { bill: never }) => ({ bill: c.bill }),
        split: { by: 'random', test: 0.3, stratify: true },
      },
      /split.stratify has no effect/,
    ],
    ['an option of another split', { split: { by: 'random', test: 0.3, of: () => 1 } }, /has no option 'of'/],
    [
      'a split that there is not',
      { split: { by: 'size', test: 0.3 } },
      /split must be an object of options with by: 'time', 'hash', 'group', 'random', 'column'/,
    ],
    ['a share that is none', { split: { by: 'random', test: 1 } }, /split.test must be a number between 0 and 1/],
    [
      'a key that is none',
      { split: { by: 'group', of: () => 1, test: 0.3 } },
      /split.of is no expression over columns/,
    ],
    [
      'a condition that is none',
      { split: { by: 'column', test: (c: { mass: never }) => c.mass } },
      /split.test is float: it must be a condition/,
    ],
    ['a weight that is none', { weight: (c: { island: never }) => c.island }, /weight cannot be text/],
  ])('%s is refused where it is declared', (_, over, said) => {
    const common = {
      task: 'multiclass',
      label: (c: { species: never }) => c.species,
      split: { by: 'random', test: 0.3 },
      train: trees,
      ...ofPenguins,
    }
    expect(() => declare('refused', { ...common, ...over })).toThrow(said)
  })
})
