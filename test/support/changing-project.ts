import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'vitest'
import type { Up, UpOptions } from '../../src/cli/serve/up.ts'
import { seeded } from '../../src/math/random/seeded.ts'
import { inside } from './inside.ts'
import { copyProject } from './copy.ts'

// A project of two deployments whose file is changed beside them, one part at a time or several.

const hour = 3_600_000
const first = Date.UTC(2026, 0, 1)
const rides = 1_000

/** Rides that come late with their length, one an hour. */
function ridesCsv(): string {
  const random = seeded(11)
  const lines = Array.from({ length: rides }, (_, i) => {
    const km = Math.round(random.next() * 400) / 10
    const zone = ['north', 'south'][random.below(2)]
    const late = random.next() < 1 / (1 + Math.exp((20 - km) / 2))
    return `${new Date(first + i * hour).toISOString().slice(0, 19)},${zone},${km},${random.below(5)},${late}`
  })
  return `at,zone,km,seats,late\n${lines.join('\n')}\n`
}

/** The parts of the project file that a change replaces. */
export interface Parts {
  columns: string
  window: string
  views: string
  inputs: string
  name: string
  task: string
  split: string
  scale: string
  threshold: string
  train: string
  tests: string
  deployments: string
  monitors: string
}
export const original: Parts = {
  columns: 'at: t.timestamp("UTC"), zone: t.text(), km: t.float(), seats: t.int(), late: t.bool()',
  window: '6h',
  views: 'features: [recent],',
  inputs: '({ ...recent.all, km: c.km, seats: c.seats, hour: c.at.hour() })',
  name: 'late',
  task: "task: 'binary', label: c => c.late,",
  split: "train: '30d', test: '10d'",
  scale: '',
  threshold: 'threshold: 0.4,',
  train: 'gbt({ trees: 12, leaves: 4, seed: 1 })',
  tests: "m.metric('auc', { min: 0.6, notWorseThan: 'champion' })",
  deployments: "api: deployment('api', { model: late }), fares: deployment('fares', { model: fare }),",
  monitors: "watch: monitor('watch', { deployment: deployment('api', { model: late }) }),",
}

export const configOf = (
  parts: Parts,
): string => `import { csv, dataset, deployment, entity, features, gbt, linear, model, monitor, project, t } from 'millrace'
const rides = dataset('rides', { source: csv('data/*.csv'), columns: { ${parts.columns} }, eventTime: 'at' })
const recent = features('recent', { entity: entity('zone', { zone: t.text() }), from: rides, compute: f => ({ rides: f.count('${parts.window}'), km_recent: f.mean('km', '${parts.window}') }) })
const late = model('${parts.name}', { from: rides, ${parts.task} ${parts.views} inputs: c => ${parts.inputs}, split: { by: 'time', ${parts.split} }, ${parts.scale} ${parts.threshold} train: ${parts.train}, test: m => [${parts.tests}] })
const fare = model('fare', { task: 'regression', from: rides, label: c => c.km.times(1000), inputs: c => ({ km: c.km, zone: c.zone }), split: { by: 'time', train: '30d', test: '10d' }, train: gbt({ trees: 12, leaves: 4 }) })
const api = deployment('api', { model: late })
const all = { ${parts.deployments.replace("deployment('api', { model: late })", 'api')} }
export default project('rides', { rides, recent, late, fare, ...all, ${parts.monitors.replace("deployment('api', { model: late })", 'api')} })
`

export interface Change {
  readonly parts: Partial<Parts>
  /** Why the two versions cannot be compared; undefined where they are. */
  readonly incomparable?: RegExp
  /** What a request carries besides, once version 2 is tried. */
  readonly request?: Readonly<Record<string, unknown>>
  /** What training ends with. */
  readonly train?: 'refused'
  /** The deployment has no model in the project any more. */
  readonly gone?: true
}

export const changes: Readonly<Record<string, Change>> = {
  'an input more': {
    parts: { inputs: '({ ...recent.all, km: c.km, seats: c.seats, hour: c.at.hour(), day: c.at.dayOfWeek() })' },
  },
  'an input that reads a column more': {
    parts: { inputs: '({ ...recent.all, km: c.km, seats: c.seats, hour: c.at.hour(), there: c.zone })' },
  },
  'an input less': { parts: { inputs: '({ ...recent.all, km: c.km })' } },
  'inputs in another order': { parts: { inputs: '({ hour: c.at.hour(), km: c.km, seats: c.seats, ...recent.all })' } },
  'an input under another name': {
    parts: { inputs: '({ ...recent.all, length: c.km, seats: c.seats, hour: c.at.hour() })' },
  },
  'an input of another type': {
    parts: { inputs: '({ ...recent.all, km: c.km, seats: c.seats.gt(2), hour: c.at.hour() })' },
  },
  'another window of a feature': { parts: { window: '2d' } },
  'no feature view': { parts: { views: '', inputs: '({ km: c.km, hour: c.at.hour() })' } },
  'a column that is gone': {
    parts: {
      columns: 'at: t.timestamp("UTC"), zone: t.text(), km: t.float(), late: t.bool()',
      inputs: '({ ...recent.all, km: c.km })',
    },
    incomparable: /reads rides\.seats, which is no column any more/,
  },
  'a column of another type': {
    parts: {
      columns: 'at: t.timestamp("UTC"), zone: t.text(), km: t.float(), seats: t.text(), late: t.bool()',
    },
    incomparable: /reads rides\.seats as int, which is text now/,
    request: { seats: 'two' },
  },
  'another threshold': { parts: { threshold: 'threshold: 0.9,' } },
  'another scale': { parts: { scale: "scale: 'robust'," } },
  'another trainer': { parts: { train: 'linear()' } },
  'another split': { parts: { split: "train: '25d', test: '8d'" } },
  'tighter tests': { parts: { tests: "m.metric('auc', { min: 0.999 })" }, train: 'refused' },
  'another name of the model': { parts: { name: 'lateness' } },
  'no model and no deployment of it': {
    parts: { deployments: "fares: deployment('fares', { model: fare }),", monitors: '' },
    gone: true,
  },
  'another name of the monitor': {
    parts: { monitors: "eye: monitor('eye', { deployment: deployment('api', { model: late }) })," },
  },
  'no monitor': { parts: { monitors: '' } },
  'another task': {
    parts: {
      task: "task: 'regression', label: c => c.km.times(2),",
      threshold: '',
      tests: "m.metric('rmse', { notWorseThan: 'champion' })",
    },
    incomparable: /is for binary, this one for regression/,
  },
}

let base: string
export const asked = Array.from({ length: 20 }, (_, i) => ({
  at: new Date(first + (rides + i / 60) * hour).toISOString(),
  zone: ['north', 'south'][i % 2],
  km: 2 * i,
  seats: i % 5,
}))

export async function ask(
  url: string,
  deployment: string,
  rows: readonly object[],
): Promise<{ status: number; body: never }> {
  const answer = await fetch(`${url}/v1/deployments/${deployment}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ rows }),
  })
  return { status: answer.status, body: (await answer.json()) as never }
}

interface Answer {
  readonly predictions: readonly { readonly score: number; readonly label?: boolean; readonly version: number }[]
}
export async function scores(url: string, deployment: string, rows: readonly object[]): Promise<Answer['predictions']> {
  const { status, body } = await ask(url, deployment, rows)
  expect({ status, body }).toMatchObject({ status: 200 })
  return (body as Answer).predictions
}
export const plain = (answers: Answer['predictions']): unknown[] =>
  answers.map(({ score, label, version }) => ({ score, label, version }))
export const fareRows = asked.map(({ zone, km }) => ({ zone, km }))

export const done = async (root: string, ...words: readonly string[]): Promise<string> => {
  const said = await inside(root, words)
  expect(said.code, `${words.join(' ')}: ${said.said}`).toBe(0)
  return said.out
}

export async function serve(root: string): Promise<Up> {
  const { up } = (await import(resolve('dist/cli/serve/up.js'))) as { up: (options: UpOptions) => Promise<Up> }
  return up({ cwd: root, port: 0, host: '127.0.0.1', auth: false, log: () => undefined })
}

/** What both deployments answered before anything was changed. */
export let before: { readonly api: unknown[]; readonly fares: unknown[] }

/** Trains and deploys the project that the changes begin with. */
export async function begin(): Promise<void> {
  base = await mkdtemp(join(tmpdir(), 'millrace-change-'))
  await mkdir(join(base, 'origin', 'data'), { recursive: true })
  await writeFile(join(base, 'origin', 'data', 'rides.csv'), ridesCsv())
  await writeFile(join(base, 'origin', 'millrace.config.ts'), configOf(original))
  const root = join(base, 'origin')
  for (const words of [
    ['train', 'late'],
    ['train', 'fare'],
    ['deploy', 'api'],
    ['deploy', 'fares'],
  ])
    await done(root, ...words)
  const server = await serve(root)
  try {
    before = {
      api: plain(await scores(server.url, 'api', asked)),
      fares: plain(await scores(server.url, 'fares', fareRows)),
    }
  } finally {
    await server.close()
  }
}
export const end = (): Promise<void> => rm(base, { recursive: true, force: true, maxRetries: 5 })

let copies = 0
export async function changed(...parts: readonly Partial<Parts>[]): Promise<string> {
  const root = join(base, `copy${copies++}`)
  await copyProject(join(base, 'origin'), root)
  await writeFile(join(root, 'millrace.config.ts'), configOf(Object.assign({ ...original }, ...parts) as Parts))
  return root
}

/** What was deployed answers as it did, and everything that is asked of it works. */
export async function goesOn(root: string): Promise<void> {
  const server = await serve(root)
  try {
    expect(plain(await scores(server.url, 'api', asked))).toEqual(before.api)
    expect(plain(await scores(server.url, 'fares', fareRows))).toEqual(before.fares)
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
    const views = (await (await fetch(`${server.url}/v1/deployments`)).json()) as { deployments: { name: string }[] }
    expect(views.deployments.map(one => one.name).sort()).toEqual(['api', 'fares'])
  } finally {
    await server.close()
  }
  expect(await done(root, 'models', 'list')).toContain('late')
  await done(root, 'models', 'show', 'late@1')
  await done(root, 'scaler', 'check', 'late@1')
  await done(root, 'models', 'test', 'fare@1')
  expect(await done(root, 'rollout', 'status', 'api')).toContain('stable is late@1')
  await done(root, 'deploy', 'fares', '--version', '1')
  await done(root, 'rollout', 'abort', 'fares')
}
