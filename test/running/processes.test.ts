import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'node:http'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { millrace } from '../support/command.ts'
import { runningProject, until } from '../support/running.ts'
import { type Server, startUp as begin } from '../support/command.ts'

let root: string
beforeAll(async () => {
  root = await runningProject('')
  for (const words of [['train'], ['deploy']]) expect(await millrace(root, words)).toMatchObject({ code: 0 })
}, 120_000)

async function startUp(root: string, options: readonly string[] = []): Promise<Server> {
  const server = await begin(root, options)
  onTestFinished(() => void server.child.kill('SIGKILL'))
  return server
}

/** Processes that this one started, with the file that each runs. */
function children(server: Server): { readonly pid: number; readonly runs: string }[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => {
      try {
        const parent = /\nPPid:\t(\d+)/.exec(readFileSync(join('/proc', name, 'status'), 'utf8'))?.[1]
        const runs = readFileSync(join('/proc', name, 'cmdline'), 'utf8').split('\0')[1] ?? ''
        return Number(parent) === server.child.pid ? [{ pid: Number(name), runs }] : []
      } catch {
        return []
      }
    })
}
const pidOf = (server: Server, file: string): number | undefined =>
  children(server).find(one => one.runs.endsWith(file))?.pid

interface Answered {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly text: string
}

/** On a connection of its own: whichever process takes it answers. */
function ask(url: string, path: string, body?: unknown): Promise<Answered> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const asked = request(
      { hostname, port, path, agent: false, method: body === undefined ? 'GET' : 'POST' },
      answer => {
        const parts: Buffer[] = []
        answer.on('data', (part: Buffer) => parts.push(part))
        answer.once('error', reject)
        answer.once('end', () => {
          const text = Buffer.concat(parts).toString()
          const json = /json/.test(answer.headers['content-type'] ?? '')
          resolve({ status: answer.statusCode ?? 0, text, body: json ? JSON.parse(text) : {} })
        })
      },
    )
    // Whoever took it answers it: one that was taken by nobody would wait for ever
    asked.setTimeout(20_000, () => asked.destroy(new Error(`no answer to ${path}`)))
    asked.once('error', reject)
    if (body !== undefined) asked.setHeader('content-type', 'application/json')
    asked.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

const predictPath = '/v1/deployments/orders-api/predict'
const row = { weight: 20, distance: 10 }
const predicted = (url: string, id: string): Promise<Answered> => ask(url, predictPath, { rows: [row], ids: [id] })
const gone = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}

it('records have a process of their own: it is begun anew when it dies, and predictions go on meanwhile', async () => {
  const server = await startUp(root)
  const runs = await ask(server.url, '/v1/runs')
  expect([runs.status, (runs.body.runs as unknown[]).length]).toEqual([200, 1])
  const first = pidOf(server, 'control-process.js')
  process.kill(first as number, 'SIGKILL')
  await until('its end', async () => gone(first as number))
  const away = await ask(server.url, '/v1/runs')
  // Told at once, or answered by the next one
  if (away.status !== 200) expect([away.status, away.body.code]).toEqual([503, 'MR5070'])
  expect((await predicted(server.url, 'a')).status).toBe(200)
  expect((await ask(server.url, '/v1/deployments')).status).toBe(200)
  await until('the next one', async () => (await ask(server.url, '/v1/runs')).status === 200)
  expect(pidOf(server, 'control-process.js')).not.toBe(first)
  expect(server.said()).toContain('the process for records ended and is begun anew')

  // A process that does not go on keeps nobody waiting but who asks it
  const second = pidOf(server, 'control-process.js') as number
  process.kill(second, 'SIGSTOP')
  const search = ask(server.url, '/api/2.0/mlflow/experiments/search?max_results=10')
  for (let i = 0; i < 20; i++) expect((await predicted(server.url, `b${i}`)).status).toBe(200)
  expect((await ask(server.url, '/livez')).status).toBe(200)
  expect((await ask(server.url, '/v1/deployments/orders-api')).status).toBe(200)
  process.kill(second, 'SIGCONT')
  expect((await search).status).toBe(200)

  expect(await server.end('SIGTERM')).toBe(0)
  expect(gone(second)).toBe(true)
}, 120_000)

it('a part that is begun anew serves what the server has read, whatever was written into the project file since', async () => {
  const file = join(root, 'millrace.config.ts')
  const before = readFileSync(file, 'utf8')
  const server = await startUp(root, ['--workers', '2'])
  onTestFinished(() => writeFileSync(file, before))
  await until('both', async () => children(server).length === 2)
  const project = async () => (await ask(server.url, '/v1/project')).body
  const whole = await project()
  for (const [what, text] of [
    ['no TypeScript any more', `${before}\n}{`],
    ['another deployment', before.replaceAll('orders-api', 'another-api')],
  ] as const) {
    expect(text, what).not.toBe(before)
    writeFileSync(file, text)
    const started = children(server)
    for (const { pid } of started) process.kill(pid, 'SIGKILL')
    await until('their end', async () => started.every(one => gone(one.pid)))
    await until(
      'the next ones',
      async () => children(server).length === 2 && (await ask(server.url, '/v1/runs')).status === 200,
    )
    expect(await project(), what).toEqual(whole)
    for (let i = 0; i < 40; i++) expect((await predicted(server.url, `${what} ${i}`)).status, what).toBe(200)
  }
  expect(server.said()).not.toContain('MR1002')
  expect(await server.end('SIGTERM')).toBe(0)
}, 120_000)

it('what a server started ends with it, also where it is killed', async () => {
  const server = await startUp(root, ['--workers', '2'])
  await until('both', async () => children(server).length === 2)
  await ask(server.url, '/v1/runs')
  const started = children(server)
  expect(await server.end('SIGKILL')).toBe('SIGKILL')
  await until('their end', async () => started.every(one => gone(one.pid)))
}, 120_000)

it('workers answer on the same port: what they are told counts as if one process had been told, also of one that dies', async () => {
  const server = await startUp(root, ['--workers', '3'])
  const workers = (): number[] =>
    children(server).flatMap(one => (one.runs.endsWith('worker-process.js') ? [one.pid] : []))
  const { url } = server
  let asked = 0
  const several = async (count: number): Promise<void> => {
    const all = await Promise.all(Array.from({ length: count }, (_, i) => predicted(url, `c${asked + i}`)))
    expect(all.map(one => one.status)).toEqual(all.map(() => 200))
    asked += count
  }
  const statistics = async (): Promise<number> => {
    const stats = (await ask(url, '/v2/models/stats')).body.model_stats as { inference_count: number }[]
    return stats[0]?.inference_count ?? 0
  }
  const counted = async (): Promise<number> => {
    const figures = (await ask(url, '/metrics')).text
    return Number(/millrace_infer_requests_total\{deployment="orders-api",outcome="ok"\} (\d+)/.exec(figures)?.[1])
  }
  // From the first moment on, while they are still being begun
  for (let i = 0; i < 40; i++) await several(5)
  // Load until more than one of them has answered: which takes a connection is the system's choice
  const answering = async (): Promise<boolean> => {
    await several(60)
    const folders = join(root, '.millrace', 'serving', 'orders-api', 'instances')
    try {
      return readdirSync(folders).length > 0
    } catch {
      return false
    }
  }
  await until('answers of a worker', answering)
  expect([await statistics(), await counted()]).toEqual([asked, asked])
  // Whoever is asked for them answers for all
  for (let i = 0; i < 10; i++) expect((await ask(url, '/v2/models/orders-api/stats')).status).toBe(200)

  // Labels reach whoever decides, whichever process they are told
  let told = 0
  await until('labels that find their predictions', async () => {
    // Others each time: what comes before its prediction was heard of waits for it, and is found no second time
    const labels = Array.from({ length: 10 }, () => ({ id: `c${told++}`, label: told % 2 === 0 }))
    return (await ask(url, '/v1/deployments/orders-api/feedback', { labels })).body.found === 10
  })

  // What was counted by those that ended counts on, be they one or several
  for (let i = 0; i < 2; i++) {
    const [first] = workers()
    process.kill(first as number, 'SIGKILL')
    await until('the next one', async () => workers().length === 2 && !workers().includes(first as number))
    expect([await statistics(), await counted()]).toEqual([asked, asked])
  }
  await several(30)
  expect([await statistics(), await counted()]).toEqual([asked, asked])
  expect(await server.end('SIGTERM')).toBe(0)
}, 180_000)
