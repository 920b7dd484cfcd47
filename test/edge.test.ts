import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seeded } from '../src/math/random/seeded.ts'
import { startUp, type Server } from './support/command.ts'
import { inside as millrace } from './support/inside.ts'

const browserPath = process.env.CHROMIUM ?? '/usr/bin/chromium'
const hasBrowser = existsSync(browserPath)
if (!hasBrowser) console.warn('SKIPPED: an exported model in a browser; install chromium first')

const config = `import { csv, dataset, deployment, gbt, model, project, t } from 'millrace'
const rides = dataset('rides', {
  source: csv('data/rides.csv'),
  columns: { at: t.timestamp('UTC'), km: t.nullable(t.float()), zone: t.text(), seats: t.int(), shared: t.bool(), paid: t.float() },
  eventTime: 'at',
})
const dear = model('dear', {
  task: 'binary', from: rides, label: c => c.paid.gt(30), threshold: 0.3,
  inputs: c => ({
    km: c.km, zone: c.zone, shared: c.shared, hour: c.at.hour('Europe/Berlin'), seat_km: c.km.div(c.seats),
    near: c.zone.matches(/^[ab]$/i), unknown: c.km.isNull(), day: c.at.dayOfWeek(),
  }),
  split: { by: 'time', train: '20d', test: '5d' }, train: gbt({ trees: 12, depth: 4 }),
})
export default project('rides', { rides, dear, api: deployment('dears', { model: dear }) })
`

interface Ride {
  readonly at: string
  readonly km: number | null
  readonly zone: string
  readonly seats: number
  readonly shared: boolean
}

function rides(count: number, seed: number): Ride[] {
  const random = seeded(seed)
  return Array.from({ length: count }, (_, i) => ({
    at: new Date(Date.UTC(2026, 0, 1) + (i * 2_160_000_000) / count).toISOString(),
    km: random.next() < 0.05 ? null : Math.round(random.next() * 400) / 10,
    zone: 'abcdE'[Math.floor(random.next() * 5)] as string,
    seats: Math.floor(random.next() * 5),
    shared: random.next() < 0.4,
  }))
}

const paid = ({ km, zone, shared }: Ride): number => (km ?? 8) * (shared ? 1 : 1.7) + zone.charCodeAt(0) / 20

let root = ''
let server: Server | undefined
let wanted: number[] = []
const rows = rides(1000, 9)

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-edge-'))
  await mkdir(join(root, 'data'))
  const lines = rides(5000, 1).map(one =>
    [
      one.at.replace('T', ' ').replace('Z', ''),
      one.km ?? '',
      one.zone,
      one.seats,
      one.shared,
      paid(one).toFixed(2),
    ].join(','),
  )
  await writeFile(join(root, 'data', 'rides.csv'), `at,km,zone,seats,shared,paid\n${lines.join('\n')}\n`)
  await writeFile(join(root, 'millrace.config.ts'), config)
  const trained = await millrace(root, ['train'])
  if (trained.code !== 0) throw new Error(trained.said)
  server = await startUp(root)
  const deployed = await millrace(root, ['deploy'])
  if (deployed.code !== 0) throw new Error(deployed.said)
  wanted = await served(server.url)
})
afterAll(async () => {
  await server?.end()
  await rm(root, { recursive: true, force: true, maxRetries: 5 })
})

/** Scores of the running server. */
async function served(url: string): Promise<number[]> {
  const scores: number[] = []
  for (let from = 0; from < rows.length; from += 100) {
    const answer = await fetch(`${url}/v1/deployments/dears/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rows: rows.slice(from, from + 100) }),
    })
    const body = (await answer.json()) as { readonly predictions: readonly { readonly score: number }[] }
    if (answer.status !== 200) throw new Error(JSON.stringify(body))
    scores.push(...body.predictions.map(one => one.score))
  }
  return scores
}

interface Scored {
  readonly score: number
  readonly label: boolean
}

function same(found: readonly Scored[]): void {
  expect(found).toHaveLength(wanted.length)
  const worst = found.reduce((most, { score }, at) => Math.max(most, Math.abs(score - (wanted[at] as number))), 0)
  expect(worst).toBeLessThanOrEqual(1e-6)
  // the threshold of the definition
  expect(found.every(({ score, label }) => label === score >= 0.3)).toBe(true)
  expect(new Set(found.map(one => one.label)).size).toBe(2)
}

describe('a model that is taken to the edge', () => {
  test('scores in Node.js as the server does, and says what it cannot score', async () => {
    const made = await millrace(root, ['models', 'export', 'dear@1', '--target', 'node', '--out', 'for-node', '--json'])
    expect(made.code, made.said).toBe(0)
    expect((JSON.parse(made.out) as { files: string[] }).files).not.toContain('index.html')
    const folder = join(root, 'for-node')
    const { load } = (await import(pathToFileURL(join(folder, 'model.js')).href)) as {
      load(runtime: object): Promise<{ score(rows: readonly object[]): Promise<Scored[]> }>
    }
    const model = await load(await import('onnxruntime-node'))
    same(await model.score(rows))
    const [first] = rows as [Ride]
    same(await model.score(rows.map(row => ({ ...row, at: new Date(row.at) }))))
    for (const [change, message] of [
      [{ zone: undefined }, 'row 1, "zone": it is missing'],
      [{ zone: null }, 'row 1, "zone": it must not be null'],
      [{ zone: 3 }, 'row 1, "zone": it must be text'],
      [{ seats: 1.5 }, 'row 1, "seats": it must be a whole number'],
      [{ at: '2026-01-01 10:00:00' }, 'row 1, "at": it is no time: give a Date, a text with a zone, or microseconds'],
    ] as const) {
      await expect(model.score([{ ...first, ...change }])).rejects.toThrow(message)
    }
    expect(readFileSync(join(folder, 'model.d.ts'), 'utf8')).toContain('readonly "km": number | null')
    const again = await millrace(root, ['models', 'export', 'dear@1', '--target', 'node', '--out', 'for-node'])
    expect([again.code, again.said]).toEqual([3, expect.stringContaining('it is not empty')])
  })

  test.skipIf(!hasBrowser)('scores in a browser as the server does, in 30 kB beside the runtime', async () => {
    const made = await millrace(root, ['models', 'export', 'dear'])
    expect(made.code, made.said).toBe(0)
    const folder = join(root, 'edge')
    const code = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      file => /\.(js|json|html|ts)$/.test(file) && !file.startsWith('runtime'),
    )
    const bytes = code.reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file))).length, 0)
    expect(bytes).toBeLessThan(30_000)
    const files = createServer((request, answer) => {
      const path = join(folder, decodeURIComponent((request.url ?? '/').split('?')[0] ?? '/'))
      const file = existsSync(path) && statSync(path).isDirectory() ? join(path, 'index.html') : path
      if (!existsSync(file)) return void answer.writeHead(404).end()
      const type = {
        '.html': 'text/html',
        '.js': 'text/javascript',
        '.mjs': 'text/javascript',
        '.wasm': 'application/wasm',
      }[extname(file)]
      answer.writeHead(200, { 'content-type': type ?? 'application/octet-stream' })
      createReadStream(file).pipe(answer)
    })
    await new Promise<void>(resolve => files.listen(0, '127.0.0.1', resolve))
    const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] })
    try {
      const page = await browser.newPage()
      const said: string[] = []
      page.on('pageerror', error => said.push(error.message))
      await page.goto(`http://127.0.0.1:${(files.address() as AddressInfo).port}/`)
      await page.waitForSelector('body[data-ready]', { timeout: 60_000 })
      const found = await page.evaluate(
        `import('./model.js').then(({ load }) => load()).then(model => model.score(${JSON.stringify(rows)}))`,
      )
      same(found as Scored[])
      // and by hand
      await page.getByLabel('row').fill(JSON.stringify(rows[0]))
      await page.getByRole('button').click()
      await page.getByText('"score"').waitFor()
      expect(await page.getByRole('status').textContent()).toContain('"score"')
      expect(said).toEqual([])
    } finally {
      await browser.close()
      await new Promise(resolve => files.close(resolve))
    }
  })
})
