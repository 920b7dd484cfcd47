import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { DatabaseSync } from '@photostructure/sqlite'
import { openSqlite } from '../src/adapters/metadata/sqlite/open.ts'

// How long predictions and probes take while the server does something else for somebody else: searches over 20,000 runs,
// uploads, a validation, a training, another process that keeps the database locked. 100 predictions a second and 20 probes
// come at fixed times, whatever the server does; latency counts from the time at which they were due. Beside the ratio of
// p99 stands the same with nothing but load on both cores, from a process that has nothing to do with the server: that much is
// the machine's.
//   npm run build && node --import jiti/register bench/planes.ts [seconds] [workers]

const seconds = Number(process.argv[2] ?? 8)
const workers = process.argv[3] ?? '1'
const bin = fileURLToPath(new URL('../dist/cli/bin.js', import.meta.url))
const run = promisify(execFile)

const config = `import { csv, dataset, deployment, gbt, model, project, t } from 'millrace'
const rows = dataset('rows', {
  source: csv('rows.csv'),
  columns: { at: t.timestamp('UTC'), a: t.float(), b: t.float(), y: t.bool() },
  eventTime: 'at',
  expect: c => [c.a.between(-10, 10), c.b.between(-10, 10)],
})
const m = model('m', {
  task: 'binary', from: rows, label: c => c.y, inputs: c => ({ a: c.a, b: c.b }),
  split: { by: 'time', train: '300d', test: '40d' }, train: gbt({ trees: 200, leaves: 31 }),
})
export default project('planes', { rows, m, api: deployment('api', { model: m }) })
`

function makeProject(): string {
  const root = mkdtempSync(join(tmpdir(), 'millrace-planes-'))
  writeFileSync(join(root, 'millrace.config.ts'), config)
  const lines = Array.from({ length: 300_000 }, (_, i) => {
    const a = Math.sin(i * 12.9898) * 3
    const b = Math.sin(i * 78.233) * 3
    const at = new Date(Date.UTC(2025, 0, 1) + i * 100_000).toISOString().slice(0, 19)
    return `${at},${a.toFixed(4)},${b.toFixed(4)},${a + b + Math.sin(i) > 0}`
  })
  writeFileSync(join(root, 'rows.csv'), `at,a,b,y\n${lines.join('\n')}\n`)
  return root
}

async function addRuns(root: string): Promise<void> {
  const store = await openSqlite(join(root, '.millrace', 'millrace.db'))
  const experiment = '0'
  await store.transaction(async trx => {
    for (let i = 0; i < 20_000; i++) {
      const id = `bench${i}`
      await trx.createRun({
        id,
        kind: 'tracking',
        name: id,
        status: 'succeeded',
        trigger: 'tracking',
        startedAt: 1_760_000_000_000_000 + i,
        environment: {},
        parameters: {},
        experimentId: experiment,
      } as never)
    }
  })
  await store.close()
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 })

function ask(url: string, path: string, method: string, body?: string | Buffer, wait = false): Promise<number> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const asked = request({
      hostname,
      port,
      path,
      method,
      agent,
      headers: { 'content-type': 'application/json', ...(wait ? { prefer: 'wait=60' } : {}) },
    })
    asked.once('response', answer => {
      answer.resume()
      answer.once('end', () => resolve(answer.statusCode ?? 0))
    })
    asked.once('error', reject)
    asked.end(body)
  })
}

const row = JSON.stringify({ rows: [{ a: 0.5, b: -0.2 }] })

interface Taken {
  readonly predict: number[]
  readonly probe: number[]
  failed: number
}

/** Sends at fixed times for so long. */
async function measure(url: string): Promise<Taken> {
  const taken: Taken = { predict: [], probe: [], failed: 0 }
  const began = performance.now()
  const open: Promise<void>[] = []
  const send = (into: number[], path: string, method: string, body: string | undefined, due: number): void => {
    open.push(
      ask(url, path, method, body).then(
        status => {
          into.push(performance.now() - due)
          if (status !== 200) taken.failed++
        },
        () => void taken.failed++,
      ),
    )
  }
  for (let i = 0; i < seconds * 100; i++) {
    const due = began + i * 10
    await sleep(Math.max(0, due - performance.now()))
    send(taken.predict, '/v1/deployments/api/predict', 'POST', row, due)
    if (i % 5 === 0) send(taken.probe, '/livez', 'GET', undefined, due)
  }
  await Promise.all(open)
  return taken
}

const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))] ?? Number.NaN

/** Does it again and again until `stop`. */
async function again(stop: AbortSignal, work: () => Promise<unknown>): Promise<number> {
  let times = 0
  while (!stop.aborted) {
    await work().catch((error: unknown) => process.stderr.write(`${String(error)}\n`))
    times++
  }
  return times
}

const root = makeProject()
let server: ReturnType<typeof spawn> | undefined
try {
  await run(process.execPath, [bin, 'train'], { cwd: root })
  await run(process.execPath, [bin, 'deploy'], { cwd: root })
  await addRuns(root)
  server = spawn(process.execPath, [bin, 'up', '--port', '0', '--json', '--workers', workers], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise<string>((resolve, reject) => {
    let out = ''
    server?.once('exit', code => reject(new Error(`up ended with ${code}`)))
    server?.stdout?.on('data', (part: Buffer) => {
      out += part.toString()
      const found = /"url": "([^"]+)"/.exec(out)?.[1]
      if (found) resolve(found)
    })
  })
  await sleep(3000)
  const upload = Buffer.alloc(15 * 1024 * 1024, 'at,a,b,y\n')
  const search = JSON.stringify({ experiment_ids: ['0'], max_results: 1000, filter: "attributes.run_name LIKE '%99%'" })
  const job = (path: string) => (stop: AbortSignal) => again(stop, () => ask(url, path, 'POST', '{}', true))
  const busy = (stop: AbortSignal): Promise<number> => {
    const spin = 'const end=Date.now()+3600000;while(Date.now()<end);'
    const both = [1, 2].map(() => spawn('nice', ['-n', '10', process.execPath, '-e', spin]))
    return new Promise(resolve =>
      stop.addEventListener('abort', () => {
        for (const one of both) one.kill('SIGKILL')
        resolve(2)
      }),
    )
  }
  const locked = (stop: AbortSignal): Promise<number> =>
    again(stop, async () => {
      const other = new DatabaseSync(join(root, '.millrace', 'millrace.db'))
      other.exec('begin immediate')
      await sleep(4000, undefined, { signal: stop }).catch(() => undefined)
      other.exec('rollback')
      other.close()
    })
  const beside: readonly (readonly [string, ((stop: AbortSignal) => Promise<number>) | undefined])[] = [
    ['alone', undefined],
    ['searches over 20,000 runs', stop => again(stop, () => ask(url, '/api/2.0/mlflow/runs/search', 'POST', search))],
    ['uploads of 15 MB', stop => again(stop, () => ask(url, '/v1/datasets/rows:ingest?name=bench', 'POST', upload))],
    ['a locked database', locked],
    ['alone again', undefined],
    ['both cores busy', busy],
    ['validations', job('/v1/datasets/rows:validate')],
    ['trainings', job('/v1/models/m:train')],
  ]
  await measure(url)
  let alone: Taken | undefined
  process.stdout.write(
    `${'beside'.padEnd(28)}predictions: p50 ms  p99 ms  ratio   probes: p99 ms  ratio  failed  times\n`,
  )
  for (const [name, work] of beside) {
    const stop = new AbortController()
    const works = work?.(stop.signal)
    if (work) await sleep(500)
    const taken = await measure(url)
    stop.abort()
    const times = (await works) ?? 0
    alone ??= taken
    const ratio = (of: 'predict' | 'probe'): string =>
      (quantile(taken[of], 0.99) / quantile((alone as Taken)[of], 0.99)).toFixed(2)
    const cell = (value: number): string => value.toFixed(1).padStart(8)
    process.stdout.write(
      `${name.padEnd(28)}${cell(quantile(taken.predict, 0.5)).padStart(19)}${cell(quantile(taken.predict, 0.99))}${ratio('predict').padStart(7)}${cell(quantile(taken.probe, 0.99)).padStart(17)}${ratio('probe').padStart(7)}${String(taken.failed).padStart(8)}${String(times).padStart(7)}\n`,
    )
  }
} finally {
  server?.removeAllListeners('exit')
  server?.kill('SIGTERM')
  await sleep(2000)
  rmSync(root, { recursive: true, force: true })
}
