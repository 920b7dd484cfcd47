// Several servers on one PostgreSQL and one folder, of which the one that leads is killed, stopped or cut from the store at
// random during rollouts, under load:
//   MILLRACE_TEST_POSTGRES=postgres://… node --import jiti/register bench/instances.ts [rounds] [seed]
// Each round is one rollout. What must hold: it ends once, by one chain of decisions, and every instance answers by what
// it ended with; no row counts twice; none is lost but for those that a killed leader had answered in its last second.
import { type ChildProcess, spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import pg from 'pg'
import { seeded } from '../src/math/random/seeded.ts'
import { millrace } from '../test/support/command.ts'
import { type CutProxy, cutProxy } from '../test/support/cut-proxy.ts'
import { orders, runningProject } from '../test/support/running.ts'

const [rounds, seed] = [Number(process.argv[2] ?? 20), Number(process.argv[3] ?? 1)]
const postgres = new URL(process.env.MILLRACE_TEST_POSTGRES ?? '')
const random = seeded(seed)
const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)] as T
const wait = (ms: number): Promise<void> => new Promise(done => setTimeout(done, ms))

interface Instance {
  readonly child: ChildProcess
  readonly url: string
  readonly proxy: CutProxy
  log(): string
}

async function sql(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.href })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

const database = `bench_instances_${process.pid}`
await sql(`create database ${database}`)
const address = (port?: number): string => {
  const url = new URL(postgres.href)
  url.pathname = `/${database}`
  if (port !== undefined) url.port = String(port)
  return url.href
}
process.env.INSTANCES_DATABASE_URL = address()

async function project(): Promise<string> {
  const root = await runningProject('', 10)
  const config = join(root, 'millrace.config.ts')
  const canary =
    "{ shadowRows: 1_500, minRequests: 300, steps: ['50%'], slower: 1_000, timeout: '60s', bake: '1s', expected: { flipRate: 1 } }"
  const written = (await readFile(config, 'utf8'))
    .replace('{ model: lateness })', `{ model: lateness, canary: ${canary} })`)
    .replace('api, watch })', "api, watch }, { metadata: { kind: 'postgres', urlFrom: 'INSTANCES_DATABASE_URL' } })")
  for (const trees of [10, 12]) {
    await writeFile(config, written.replace('trees: 10', `trees: ${trees}`))
    const { code, said } = await millrace(root, ['train'])
    if (code !== 0) throw new Error(said)
  }
  const { code, said } = await millrace(root, ['deploy', 'orders-api', '--version', '1'])
  if (code !== 0) throw new Error(said)
  return root
}

async function start(root: string): Promise<Instance> {
  const proxy = await cutProxy(postgres.hostname, Number(postgres.port))
  const child = spawn(process.execPath, [resolve('dist/cli/bin.js'), 'up', '--port', '0', '--json'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, INSTANCES_DATABASE_URL: address(proxy.port) },
  })
  let [out, log] = ['', '']
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  const url = await new Promise<string>((done, failed) => {
    child.once('exit', code => {
      const reason = `up ended with ${code}: ${out}${log}`
      failed(new Error(reason))
      console.log(reason.slice(-2000))
    })
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      const found = /"url": "([^"]+)"/.exec(out)?.[1]
      if (found) done(found)
    })
  })
  return { child, url, proxy, log: () => log }
}

async function ask<T>(one: Instance, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${one.url}/v1/deployments/${path}`, {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    headers: { 'content-type': 'application/json' },
    signal: AbortSignal.timeout(4_000),
  })
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as T
}

interface View {
  readonly rollout: {
    readonly phase: string
    readonly hold: string | null
    readonly shadow: { readonly rows: number }
    readonly config: { readonly challenger: string }
  } | null
  readonly status: { readonly stable: { readonly version: number } | null }
}

const root = await project()
const all: Instance[] = [await start(root), await start(root), await start(root)]
/** Those that take no load now. */
const out = new Set<Instance>()
let [sentRows, ackedRows, failedRequests, requests] = [0, 0, 0, 0]
let loading = true
async function load(): Promise<void> {
  for (let n = 0; loading; n++) {
    const one = pick(all.filter(other => !out.has(other)))
    const rows = orders(5, n).map(({ weight, distance }) => ({ weight, distance }))
    sentRows += rows.length
    requests++
    try {
      const before = out.size
      await ask(one, 'orders-api/predict', { rows })
      // What one that dies has answered may be lost
      if (!out.has(one) || before === out.size) ackedRows += rows.length
    } catch (error) {
      if (!out.has(one)) failedRequests++
      if (!out.has(one) && process.env.VERBOSE && failedRequests % 500 === 1)
        console.log(one.url, String(error).slice(0, 300))
    }
    await wait(10)
  }
}

async function leader(): Promise<Instance | undefined> {
  const client = new pg.Client({ connectionString: address() })
  await client.connect()
  try {
    const { rows } = await client.query<{ value: string }>(
      "select i.value from documents l join documents i on i.kind = 'instance' and i.id = l.value::json->'value'->>'instance' where l.kind = 'leader'",
    )
    const url = rows[0] && (JSON.parse(rows[0].value) as { value: { url: string } }).value.url
    return all.find(one => one.url === url)
  } finally {
    await client.end()
  }
}

type Fault = 'kill' | 'stop' | 'cut' | 'none'
async function harm(fault: Fault): Promise<void> {
  const victim = (random.next() < 0.8 ? await leader() : undefined) ?? pick(all)
  if (fault === 'none') return
  out.add(victim)
  if (fault === 'kill') {
    victim.child.removeAllListeners('exit')
    victim.child.kill('SIGKILL')
    victim.proxy.close()
    all[all.indexOf(victim)] = await start(root)
  } else {
    if (fault === 'stop') victim.child.kill('SIGSTOP')
    else victim.proxy.cut()
    // One that is cut goes on answering
    if (fault === 'cut') out.delete(victim)
    await wait(2_000 + random.next() * 10_000)
    if (fault === 'stop') victim.child.kill('SIGCONT')
    else victim.proxy.mend()
  }
  out.delete(victim)
}

async function view(): Promise<View | undefined> {
  for (const one of all.filter(other => !out.has(other)))
    try {
      return await ask<View>(one, 'orders-api')
    } catch {
      // another knows
    }
  return undefined
}

async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const end = Date.now() + 60_000
  for (;;) {
    const found = await look().catch(() => undefined)
    if (found !== undefined && found !== false) return found
    if (Date.now() > end) throw new Error(`waited for ${what}`)
    await wait(200)
  }
}

async function decisions(): Promise<readonly { readonly verdict: string; readonly kind: string }[]> {
  const client = new pg.Client({ connectionString: address() })
  await client.connect()
  try {
    const { rows } = await client.query<{ body: string }>('select body from decisions order by seq')
    return rows.map(one => JSON.parse(one.body) as { verdict: string; kind: string })
  } finally {
    await client.end()
  }
}

const loads = [load(), load()]
let [wrong, stable] = [0, 1]
const faults: Record<Fault, number> = { kill: 0, stop: 0, cut: 0, none: 0 }
for (let round = 1; round <= rounds; round++) {
  const known = (await decisions()).length
  const challenger = 3 - stable
  await until('a rollout', async () => {
    const now = await view()
    if (
      now?.rollout?.config.challenger === `lateness@${challenger}` &&
      !['done', 'rolled-back'].includes(now.rollout.phase)
    )
      return true
    await ask(pick(all), 'orders-api:rollout', { version: challenger })
    return true
  })
  const [sent, begun] = [sentRows, Date.now()]
  const told: Fault[] = []
  const harmed = (async () => {
    for (let i = 0; i < 2; i++) {
      await wait(random.next() * 4_000)
      const fault = pick<Fault>((process.env.FAULTS?.split(',') as Fault[] | undefined) ?? ['kill', 'stop', 'cut'])
      told.push(fault)
      faults[fault]++
      await harm(fault)
    }
  })()
  const problems: string[] = []
  try {
    await until('the end', async () => {
      const now = await view()
      return now?.rollout?.phase === 'done' && now.status.stable?.version === challenger
    })
    await harmed
    for (const one of all)
      await until('every instance to follow', async () => {
        const { predictions } = await ask<{ predictions: { version: number }[] }>(one, 'orders-api/predict', {
          rows: [{ weight: 1, distance: 1 }],
        })
        return predictions[0]?.version === challenger
      })
    const rows = (await view())?.rollout?.shadow.rows ?? 0
    if (rows > sentRows - sent + 500) problems.push(`${rows} rows count, ${sentRows - sent} were sent`)
    const made = (await decisions()).slice(known).filter(one => one.kind === 'rollout' || one.kind === 'promotion')
    const chain = made.map(one => one.verdict).filter(one => one !== 'held' && one !== 'resumed')
    if (chain.toSorted().join(' ') !== 'advanced completed promoted promoted')
      problems.push(`decisions: ${chain.join(' ')}`)
  } catch (error) {
    await harmed
    problems.push(String(error))
    if (process.env.VERBOSE) for (const one of all) console.log(one.url, one.log().slice(-3000))
  }
  if (problems.length > 0) wrong++
  stable = (await view())?.status.stable?.version ?? stable
  console.log(`${round}: ${told.join(', ')}; ${((Date.now() - begun) / 1000).toFixed(1)} s ${problems.join('; ')}`)
}
loading = false
await Promise.all(loads)
console.log(JSON.stringify({ rounds, wrong, faults, requests, failedRequests, sentRows, ackedRows }))
for (const one of all) {
  one.child.removeAllListeners('exit')
  one.child.kill('SIGKILL')
  one.proxy.close()
}
await wait(500)
await sql(`drop database ${database} with (force)`)
process.exit(wrong === 0 ? 0 : 1)
