import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import { csv, dataset, deployment, entity, features, gbt, model, project, t, type Project } from '../../index.ts'
import type { Row } from '../../ports/data-engine.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import { manualClock, type ManualClock } from '../../testing/manual-clock.ts'
import { startTraining } from '../pipeline/run.ts'
import type { LiveDeployment } from '../serve/deployment.ts'
import { LiveServing } from '../serve/serving.ts'
import { featureBlocks } from './blocks.ts'
import { openRows } from './read-rows.ts'
import { scoreFiles } from './score.ts'

// Rows of a model with features whose columns are called as what stands beside them on their way; a served request is the oracle.

const hour = 3_600_000_000
const first = Date.UTC(2026, 0, 1) * 1000
const root = mkdtempSync(join(tmpdir(), 'millrace-blocks-'))
const rows = Array.from({ length: 600 }, (_, i) => ({
  at: first + i * hour,
  zone: i % 3 === 0 ? 'a' : 'b',
  n: (i * 7919) % 41,
  problem: (i * 31) % 5,
  paid: ((i * 7919) % 41) + 3 * ((i * 31) % 5) + (i % 24),
}))
const taxis = dataset('taxis', {
  source: csv('data/*.csv'),
  columns: { at: t.timestamp('UTC'), zone: t.text(), n: t.float(), problem: t.int(), paid: t.float() },
  eventTime: 'at',
  key: ['at', 'zone'],
})
const recent = features('recent', {
  entity: entity('zone', { zone: t.text() }),
  from: taxis,
  online: true,
  // counts of a week: how many depends on the moment for as long as data are a week old
  compute: f => ({ rides: f.count('7d'), mean: f.mean('n', '7d') }),
})
const fare = model('fare', {
  task: 'regression',
  from: taxis,
  label: c => c.paid,
  features: [recent],
  inputs: c => ({ ...recent.all, n: c.n, problem: c.problem }),
  split: { by: 'time', train: '18d', test: '6d' },
  train: gbt({ trees: 30, leaves: 8, seed: 1 }),
})
const made = project('taxis', {
  taxis,
  recent,
  fare,
  fares: deployment('fares', { model: fare } as never),
} as never) as Project

let workspace: Workspace
let clock: ManualClock
let record: ModelVersion
let serving: LiveServing
let live: LiveDeployment
const time = (at: number): string => new Date(at / 1000).toISOString().slice(0, 19)
const write = (name: string, given: readonly Partial<(typeof rows)[number]>[]): string => {
  const names = Object.keys(given[0] ?? {}) as (keyof (typeof rows)[number])[]
  const cell = (row: (typeof given)[number], one: (typeof names)[number]) =>
    one === 'at' ? time(row.at as number) : String(row[one])
  const lines = given.map(row => names.map(one => cell(row, one)).join(','))
  writeFileSync(join(root, name), `${[names.join(','), ...lines].join('\n')}\n`)
  return join(root, name)
}

beforeAll(async () => {
  mkdirSync(join(root, 'data'))
  writeFileSync(join(root, 'millrace.config.ts'), '')
  write('data/taxis.csv', rows)
  clock = manualClock(first + 600 * hour)
  workspace = await openWorkspace(root, { project: made, clock })
  const run = await startTraining(workspace, await workspace.engineOf(), {
    model: fare as never,
    trigger: 'manual',
    stepEnvironment: null,
    runEnvironment: {},
  })
  expect(await run.done).toMatchObject({ status: 'succeeded' })
  record = (await workspace.store.listModelVersions('fare'))[0] as ModelVersion
  serving = await LiveServing.open(workspace, await workspace.online())
  await serving.push(taxis as never, { rows: rows.map(row => ({ ...row })) })
  live = serving.get('fares') as LiveDeployment
  await live.deploy(record.version, 'test')
})
afterAll(async () => {
  await serving.close()
  await workspace.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

const scored = async (name: string, keep: readonly string[] = [], at?: number): Promise<readonly Row[]> => {
  const out = join(root, `${name}.parquet`)
  await scoreFiles({ ...workspace, batchRuntime: workspace.runtime }, record, {
    files: [join(root, name)],
    out,
    keep,
    at,
  })
  const engine = await workspace.engine()
  return engine.rows(`SELECT * FROM read_parquet('${out}')`)
}
const asked = rows.slice(200, 260).map(({ paid: _, ...row }) => row)
const answered = async (at: (row: (typeof asked)[number]) => number): Promise<readonly number[]> =>
  (
    await live.predict(
      asked.map(({ zone, n, problem, at: event }) => ({
        row: { zone, n, problem, at: event },
        at: at({ zone, n, problem, at: event }),
      })),
    )
  ).map(one => one.score as number)

describe('rows of a model with features', () => {
  it('are their own, whatever their columns are called, and stay in order', async () => {
    write('asked.csv', asked)
    const found = await scored('asked.csv', ['n', 'problem'])
    expect(found.map(row => row.row)).toEqual(asked.map((_, i) => i))
    expect(found.map(row => [row.n, row.problem])).toEqual(asked.map(row => [row.n, row.problem]))
    expect(found.map(row => row.score)).toEqual(await answered(row => row.at))
  })

  it('whose file has no time are of the moment that is given, else of now', async () => {
    write(
      'timeless.csv',
      asked.map(({ at: _, ...row }) => row),
    )
    const then = first + 100 * hour
    const [given, now] = [await answered(() => then), await answered(() => clock.now())]
    expect(given).not.toEqual(now)
    expect((await scored('timeless.csv', [], then)).map(row => row.score)).toEqual(given)
    write(
      'timeless-now.csv',
      asked.map(({ at: _, ...row }) => row),
    )
    expect((await scored('timeless-now.csv')).map(row => row.score)).toEqual(now)
  })

  it('are read from a number on where the others are there, and leave nothing in the engine', async () => {
    const engine = await workspace.engine()
    const path = write('long.csv', asked)
    const declared = fare as never
    const blocks = await featureBlocks(workspace, engine, record, declared, ['n'], clock.now())
    const read: unknown[] = []
    try {
      const opened = await openRows(engine, declared, { path, shown: 'long.csv' }, ['n'])
      for await (const { rows: count, numbers, problems, columns } of blocks.read(opened, 45))
        for (let i = 0; i < count; i++) read.push([numbers[i], problems[i], columns.get('k0')?.values[i]])
      // a file that is through has no more
      for await (const block of blocks.read(opened, 60)) read.push(block)
    } finally {
      await blocks.close()
    }
    expect(read).toEqual(asked.slice(45).map((row, i) => [45 + i, 0, row.n]))
    const left = "table_name LIKE 'rows_%' OR table_name LIKE 'features_%' OR table_name LIKE 'log_%'"
    expect(await engine.rows(`SELECT table_name FROM information_schema.tables WHERE ${left}`)).toEqual([])
  })
})
