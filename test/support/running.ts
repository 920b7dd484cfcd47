import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { seeded } from '../../src/math/random/seeded.ts'
import { startUp as startServer, type Server } from './command.ts'

export interface Order {
  readonly weight: number
  readonly distance: number
  readonly late: boolean
}

/** Orders whose heavy ones are late more often; `shift` moves the weights. */
export function orders(count: number, seed: number, shift = 0): Order[] {
  const random = seeded(seed)
  return Array.from({ length: count }, () => {
    const weight = Math.round(random.next() * 300) / 10 + shift
    const distance = Math.round(random.next() * 400) / 10
    return { weight, distance, late: random.next() < 1 / (1 + Math.exp((15 - weight) / 3)) }
  })
}

/** As the project reads them: one every ten minutes from `from` on. */
export function ordersCsv(list: readonly Order[], from: number): string {
  const lines = list.map((order, i) => {
    const at = new Date(from + i * 600_000).toISOString().replace('T', ' ').slice(0, 19)
    return `${at},${order.weight},${order.distance},${order.late}`
  })
  return `ordered,weight,distance,late\n${lines.join('\n')}\n`
}

/** A small project in a folder of its own: one model, one deployment, one monitor with windows of an hour. */
export async function runningProject(monitor: string, trees = 20): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'millrace-up-'))
  await mkdir(join(root, 'data'))
  await writeFile(join(root, 'data', '0.csv'), ordersCsv(orders(4_000, 1), Date.UTC(2026, 0, 1)))
  await writeFile(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, deployment, gbt, model, monitor, project, t } from 'millrace'
const orders = dataset('orders', {
  source: csv('data/*.csv'),
  columns: { ordered: t.timestamp('UTC'), weight: t.float(), distance: t.float(), late: t.bool() },
  eventTime: 'ordered',
  expect: c => [c.weight.between(0, 1000)],
})
const lateness = model('lateness', {
  task: 'binary', from: orders, label: c => c.late,
  inputs: c => ({ weight: c.weight, distance: c.distance }),
  split: { by: 'time', train: '20d', test: '7d' },
  train: gbt({ trees: ${trees}, leaves: 8, seed: 1 }),
  test: m => [m.metric('auc', { min: 0.6 })],
})
const api = deployment('orders-api', { model: lateness })
const watch = monitor('watch', { deployment: api, window: '1h', labelHorizon: '1h', ${monitor} })
export default project('shop', { orders, lateness, api, watch })
`,
  )
  return root
}

/** A real `millrace up`; a test that fails leaves no server behind. */
export async function startUp(root: string): Promise<Server> {
  const server = await startServer(root)
  onTestFinished(() => void server.child.kill('SIGKILL'))
  return server
}

export async function post(url: string, body: unknown): Promise<{ status: number; body: Record<string, never> }> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, never> }
}

/** Asks for predictions as of `at`, with ids `<prefix>-<i>`; in requests of 100 rows. */
export async function predict(url: string, list: readonly Order[], at: number, prefix: string): Promise<void> {
  for (let i = 0; i < list.length; i += 100) {
    const part = list.slice(i, i + 100)
    const answer = await post(`${url}/v1/deployments/orders-api/predict`, {
      rows: part.map(({ weight, distance }) => ({ weight, distance })),
      ids: part.map((_, k) => `${prefix}-${i + k}`),
      at: at * 1000,
    })
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
  }
}

/** Sends what came true; gives how many predictions were found. */
export async function label(url: string, list: readonly Order[], prefix: string): Promise<number> {
  const answer = await post(`${url}/v1/deployments/orders-api/feedback`, {
    labels: list.map((order, i) => ({ id: `${prefix}-${i}`, label: order.late })),
  })
  return Number(answer.body.found)
}

/** Waits until `look` gives something. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>, seconds = 60): Promise<T> {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`)
    await new Promise(done => setTimeout(done, 200))
  }
}
