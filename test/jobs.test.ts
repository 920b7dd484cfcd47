import { jobFiles } from '../src/app/jobs/folder.ts'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seeded } from '../src/math/random/seeded.ts'
import { millrace, startUp, type Server } from './support/command.ts'

/*
 * The loop over HTTP alone, from a project that nothing was done in: what the command line can do the server can, in
 * processes of its own, with progress as server-sent events.
 */

const customers = 40
const minute = 60_000

/** Orders, one every ten minutes; heavy ones are late more often. */
function csv(count: number, from: number, seed: number, bad: readonly number[] = []): string {
  const random = seeded(seed)
  const lines = Array.from({ length: count }, (_, i) => {
    const at = new Date(from + i * 10 * minute).toISOString().replace('T', ' ').slice(0, 19)
    const weight = Math.round(random.next() * 300) / 10
    const late = random.next() < 1 / (1 + Math.exp((15 - weight) / 3))
    return `${at},c${Math.floor(random.next() * customers)},${bad.includes(i) ? -5 : weight},${late}`
  })
  return `ordered,customer,weight,late\n${lines.join('\n')}\n`
}

const config = (suite: string): string => `import {
  csv, dataset, deployment, entity, features, gbt, model, project, t,
} from 'millrace'
const orders = dataset('orders', {
  source: csv('data/*.csv'),
  columns: { ordered: t.timestamp('UTC'), customer: t.text(), weight: t.float(), late: t.bool() },
  eventTime: 'ordered',
  expect: c => [c.weight.between(0, 1000)],
  quarantine: true,
})
const customer = entity('customer', { customer: t.text() })
const habits = features('habits', {
  from: orders, entity: customer,
  compute: f => ({ orders: f.count('3d'), late: f.share(c => c.late, '3d') }),
})
const lateness = model('lateness', {
  task: 'binary', from: orders, label: c => c.late,
  inputs: c => ({ weight: c.weight }), features: [habits],
  split: { by: 'time', train: '12d', test: '4d' },
  train: gbt({ trees: 10, leaves: 8, seed: 1 }),
  test: m => [m.metric('auc', { min: ${suite} })],
})
const api = deployment('orders-api', { model: lateness })
export default project('shop', { orders, habits, lateness, api })
`

type Json = Readonly<Record<string, unknown>>
interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: Json
}

let root = ''
let server: Server

async function send(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const sent = typeof body === 'string' ? body : JSON.stringify(body)
  if (typeof body === 'object') headers = { ...headers, 'content-type': 'application/json' }
  const answer = await fetch(server.url + path, { method, headers, ...(body === undefined ? {} : { body: sent }) })
  const text = await answer.text()
  const json = /json/.test(answer.headers.get('content-type') ?? '')
  return { status: answer.status, headers: answer.headers, text, body: (json ? JSON.parse(text) : {}) as Json }
}

/** Asks for a job and waits for it as `Prefer: wait` does. */
async function job(path: string, body: unknown = {}): Promise<Json> {
  const answer = await send('POST', path, body, { prefer: 'wait=110' })
  expect(answer.status, answer.text).toBe(200)
  expect(answer.headers.get('preference-applied')).toBe('wait=110')
  return answer.body
}

/** The events of a stream until it ends. */
async function events(path: string): Promise<{ readonly type: string; readonly data: Json }[]> {
  const answer = await fetch(server.url + path)
  expect(answer.headers.get('content-type')).toBe('text/event-stream')
  return [...(await answer.text()).matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, type = '', data = '']) => ({
    type,
    data: JSON.parse(data) as Json,
  }))
}

const january = Date.UTC(2026, 0, 1)

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-jobs-'))
  mkdirSync(join(root, 'data'))
  writeFileSync(join(root, 'data', '0.csv'), csv(2_000, january, 1, [7, 8, 9]))
  writeFileSync(join(root, 'millrace.config.ts'), config('0.6'))
  server = await startUp(root)
})
afterAll(async () => {
  await server?.end()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

test('validates, snapshots and suggests', async () => {
  const validated = await job('/v1/datasets/orders:validate')
  expect(validated).toMatchObject({ useCase: 'validate', status: 'done', actor: 'local', input: { dataset: 'orders' } })
  expect(validated.answer).toMatchObject({ kind: 'validation', subject: 'orders', status: 'fail' })
  expect(existsSync(join(root, '.millrace', 'quarantine', 'orders.parquet'))).toBe(true)
  rmSync(join(root, '.millrace', 'quarantine'), { recursive: true })
  await job('/v1/datasets/orders:validate', { keepRows: false })
  expect(existsSync(join(root, '.millrace', 'quarantine', 'orders.parquet'))).toBe(false)

  const snapshot = await job('/v1/datasets/orders:snapshot')
  expect(snapshot.answer).toMatchObject({ status: 'succeeded', rows: 1_997, quarantined: 3 })
  const suggested = await job('/v1/datasets/orders:suggest')
  expect(suggested.answer).toMatchObject({ dataset: 'orders', rows: { train: 1_600, test: 400 } })
  expect((suggested.answer as { suggested: unknown[] }).suggested.length).toBeGreaterThan(0)
  expect(String((suggested.answer as { patch: unknown }).patch)).toContain('millrace.config.ts')
})

test('gives rows that were set aside, and lets them in again when they are mended', async () => {
  const rows = await send('GET', '/v1/datasets/orders/quarantine')
  expect([rows.status, rows.headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8'])
  expect(rows.text.trim().split('\n')).toHaveLength(4)
  const mended = rows.text.replaceAll(',-5.0,', ',5,')
  expect(mended).not.toBe(rows.text)
  const wrong = await send('POST', '/v1/datasets/orders:readmit?format=csv', rows.text)
  expect(wrong.status, wrong.text).toBeGreaterThanOrEqual(400)
  expect(wrong.body).toMatchObject({ code: expect.stringMatching(/^MR/) as string })
  const let_in = await send('POST', '/v1/datasets/orders:readmit?format=csv', mended)
  expect(let_in.body, let_in.text).toMatchObject({ dataset: 'orders', rows: 3, remaining: 0 })
  expect((await job('/v1/datasets/orders:snapshot')).answer).toMatchObject({ rows: 2_000, readmitted: 3 })
  expect(readdirSync(join(root, '.millrace', 'uploads'))).toEqual([])
  const repaired = await send('GET', '/v1/datasets/orders/quarantine?format=parquet&repaired=true')
  expect(repaired.text.slice(0, 4)).toBe('PAR1')
})

test('trains with progress, tests, and deploys the first version', async () => {
  const started = await send('POST', '/v1/models/lateness:train', {})
  expect([started.status, started.body.status]).toEqual([202, expect.stringMatching(/queued|running/)])
  const place = started.headers.get('location') ?? ''
  expect(place).toBe(`/v1/jobs/${String(started.body.id)}`)
  const told = await events(`${place}/events`)
  expect(told.filter(one => one.type === 'chapter').map(one => one.data.text)).toEqual(
    expect.arrayContaining(['train-lateness', 'register-lateness']),
  )
  const end = told.at(-1)
  expect(end).toMatchObject({ type: 'end', data: { status: 'done', answer: { version: 1, status: 'succeeded' } } })
  expect((await send('GET', place)).body).toEqual(end?.data)
  // whoever comes later hears it all
  expect((await events(`${place}/events`)).length).toBe(told.length)

  const report = await send('POST', '/v1/models/lateness/versions/1:test', { seed: 4 })
  expect(report.body).toMatchObject({ kind: 'model', evidence: { seed: 4 } })
  expect((await send('POST', '/v1/deployments/orders-api:rollout', { version: 1 })).body).toMatchObject({
    status: { stable: { version: 1 } },
  })
  const answer = await send('POST', '/v1/deployments/orders-api/predict', {
    rows: [{ customer: 'c1', weight: 20 }],
  })
  expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('score')])
})

test('a gate that says no is an answer, not a failure', async () => {
  writeFileSync(join(root, 'millrace.config.ts'), config('0.999'))
  const refused = await job('/v1/models/lateness:train', { trigger: 'data' })
  expect(refused).toMatchObject({
    status: 'done',
    answer: { version: null, error: { reason: expect.any(String) as string } },
  })
  writeFileSync(join(root, 'millrace.config.ts'), config('0.6'))
})

test('takes a model that was made elsewhere as a version', async () => {
  const { version } = (await send('GET', '/v1/models/lateness/versions/1')).body as { version: { digest: string } }
  const hex = version.digest.slice(7)
  const own = readFileSync(
    join(root, '.millrace', 'artifacts', 'cas', 'sha256', hex.slice(0, 2), hex.slice(2, 4), hex.slice(4)),
  )
  const sent = (query: string, body: Uint8Array<ArrayBuffer>) =>
    fetch(`${server.url}/v1/models/lateness:import${query}`, { method: 'POST', body })
  const taken = await sent('?file=elsewhere.onnx', new Uint8Array(own))
  expect(await taken.json()).toMatchObject({ model: 'lateness', version: 2, error: null })
  const torn = await sent('', new Uint8Array(own.subarray(0, 200)))
  expect([torn.status, await torn.json()]).toMatchObject([422, { code: expect.stringMatching(/^MR/) as string }])
  expect((await sent('?inputs=no', new Uint8Array(own))).status).toBe(400)
  expect((await sent('?inputs={"x":[]}', new Uint8Array(own))).status).toBe(400)
  expect(readdirSync(join(root, '.millrace', 'uploads'))).toEqual([])
})

test('a model that was made elsewhere is held to the rows that were sent before it', async () => {
  const { version } = (await send('GET', '/v1/models/lateness/versions/1')).body as { version: { digest: string } }
  const hex = version.digest.slice(7)
  const own = new Uint8Array(
    readFileSync(join(root, '.millrace', 'artifacts', 'cas', 'sha256', hex.slice(0, 2), hex.slice(2, 4), hex.slice(4))),
  )
  const explained = (await send('POST', '/v1/models/lateness/versions/1:explain', { heldOut: 20 })).body as {
    explanations: { score: number; answers: { contributions: { input: string; value: number | null }[] }[] }[]
  }
  const rows = explained.explanations.map(({ score, answers }) => ({
    ...Object.fromEntries(answers[0]?.contributions.map(({ input, value }) => [input, value]) ?? []),
    score,
  }))
  const keep = async (all: readonly object[]): Promise<string> => {
    const body = all.map(row => JSON.stringify(row)).join('\n')
    const url = `${server.url}/v1/models/lateness:expected?file=rows.jsonl`
    const kept = (await (await fetch(url, { method: 'POST', body })).json()) as {
      expected: string
      expectedFile: string
    }
    expect(kept.expectedFile).toBe('rows.jsonl')
    return `?${new URLSearchParams(kept).toString()}`
  }
  const sent = async (query: string) => {
    const answer = await fetch(`${server.url}/v1/models/lateness:import${query}`, { method: 'POST', body: own })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  expect((await sent(await keep(rows))).body).toMatchObject({ error: null, version: expect.any(Number) as number })
  const wrong = await sent(await keep(rows.map(row => ({ ...row, score: 1 - row.score }))))
  expect(wrong.body).toMatchObject({
    version: null,
    error: { reason: expect.stringContaining('scores differ') as string },
  })
  const odd = await sent(await keep([{ score: 0.5 }]))
  expect(JSON.stringify(odd.body)).toMatch(/rows\.jsonl.*has no column/)
  const none = await sent(`?expected=sha256:${'0'.repeat(64)}`)
  expect([none.status, JSON.stringify(none.body)]).toEqual([422, expect.stringContaining('no rows are kept')])
  expect((await sent('?expected=rows.jsonl')).status).toBe(400)
  expect((await fetch(`${server.url}/v1/models/none:expected`, { method: 'POST', body: '{}' })).status).toBe(404)
})

test('applies, materialises and verifies features', async () => {
  const plan = (await send('GET', '/v1/features/plan')).body as { digest: string; changes: unknown }
  expect(plan.changes).toMatchObject([{ view: 'habits', change: 'new' }])
  const other = await send('POST', '/v1/features/apply', { plan: 'aaaaaaaaaaaa' })
  expect(other.body).toMatchObject({ code: 'MR1105' })
  expect((await send('POST', '/v1/features/apply', { plan: plan.digest })).status).toBe(200)
  expect((await send('GET', '/v1/features/plan')).body).toMatchObject({ changes: [{ change: 'none' }] })
  // the server holds the records and writes them all the same
  expect((await job('/v1/features/materialise', { view: 'habits' })).answer).toMatchObject([
    { view: 'habits', entities: customers, rows: 2_000 },
  ])
  expect((await job('/v1/features/verify', { sample: 50 })).answer).toMatchObject({ proven: true, unmaterialised: [] })
})

test('what is pushed while another process materialises is in the records, whoever wrote last', async () => {
  const push = async (batch: number): Promise<number> => {
    const rows = Array.from({ length: 20 }, (_, i) => ({
      ordered: new Date(january + 2_010 * 10 * minute + (batch * 20 + i) * 1_000).toISOString(),
      customer: `c${(batch * 7 + i) % 60}`,
      weight: 10 + i,
      late: i % 3 === 0,
    }))
    const answer = await send('POST', '/v1/datasets/orders:push', { rows })
    expect(answer.status, answer.text).toBe(200)
    return Number(answer.body.accepted)
  }
  const pushing = async (): Promise<number> => {
    let accepted = 0
    for (let batch = 0; batch < 30; batch++) accepted += await push(batch)
    return accepted
  }
  const [accepted, ...made] = await Promise.all([
    pushing(),
    ...[1, 2].map(() => millrace(root, ['features', 'materialise'])),
  ])
  expect([accepted, ...made.map(one => one.code)]).toEqual([600, 0, 0])
  // the server, and a process of its own, find every event in the records
  expect((await job('/v1/features/verify', { sample: 400 })).answer).toMatchObject({
    proven: true,
    results: [{ mismatches: 0, uncovered: 0 }],
  })
  const verified = await millrace(root, ['features', 'verify', '--sample', '400', '--json'])
  expect(JSON.parse(verified.out)).toMatchObject([{ view: 'habits', mismatches: 0 }])
})

test('reproduces a version', async () => {
  expect((await job('/v1/models/lateness/versions/1:reproduce')).answer).toMatchObject({
    same: true,
    origin: { from: 'project file' },
  })
})

test('a job that is cancelled or whose process dies says so, and what waits for it goes on', async () => {
  const first = await send('POST', '/v1/models/lateness/versions/1:reproduce', {})
  const second = await send('POST', '/v1/models/lateness/versions/1:reproduce', {})
  const third = await send('POST', '/v1/datasets/orders:validate')
  // models wait for each other, a dataset for none of them
  expect([second.body.status, third.body.status]).toEqual(['queued', expect.stringMatching(/queued|running/)])
  expect((await send('POST', `/v1/jobs/${String(second.body.id)}:cancel`)).body.status).toBe('cancelled')
  const folder = join(root, '.millrace', 'jobs', String(first.body.id))
  const { pid } = JSON.parse(readFileSync(join(folder, 'process.json'), 'utf8')) as { readonly pid: number }
  process.kill(pid, 'SIGKILL')
  const end = (await events(`/v1/jobs/${String(first.body.id)}/events`)).at(-1)
  expect(end?.data).toMatchObject({
    status: 'failed',
    error: { code: 'MR5044', details: { reason: 'it was ended by SIGKILL' } },
  })
  expect((await events(`/v1/jobs/${String(second.body.id)}/events`)).at(-1)?.data.status).toBe('cancelled')
  const running = await send('POST', '/v1/models/lateness/versions/1:reproduce', {})
  await expect
    .poll(() => existsSync(join(root, '.millrace', 'jobs', String(running.body.id), 'process.json')))
    .toBe(true)
  // It yields the cores to answers
  const working = await jobFiles.process(join(root, '.millrace', 'jobs', String(running.body.id)))
  await expect
    .poll(() => {
      const stat = readFileSync(`/proc/${working?.pid}/stat`, 'utf8')
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]
    })
    .toBe('5')
  expect((await send('POST', `/v1/jobs/${String(running.body.id)}:cancel`, {})).body.status).toBe('cancelled')
  // who waits for the answer itself is told so
  const asked = send('POST', '/v1/models/lateness/versions/1:test')
  const newest = async (): Promise<Json> =>
    ((await send('GET', '/v1/jobs?limit=1')).body as { jobs: Json[] }).jobs[0] ?? {}
  await expect.poll(async () => (await newest()).useCase).toBe('test')
  await send('POST', `/v1/jobs/${String((await newest()).id)}:cancel`)
  expect((await asked).body).toMatchObject({ status: 409, code: 'MR5045' })
  // uploads and files of quarantine among them: nobody outside hears where the project lies
  expect((await send('GET', '/v1/jobs')).text).not.toContain(root)
  const list = (await send('GET', '/v1/jobs?limit=3')).body as { jobs: { id: string }[] }
  expect(list.jobs.map(one => one.id).slice(1)).toEqual([running.body.id, third.body.id])
})

test('refuses what it does not know', async () => {
  for (const [path, body, status] of [
    ['/v1/datasets/nothing:validate', {}, 404],
    ['/v1/datasets/orders:validate', { keepRow: false }, 400],
    ['/v1/models/nothing:train', {}, 404],
    ['/v1/models/lateness:train', { trigger: 'boredom' }, 400],
    ['/v1/models/lateness/versions/9:reproduce', {}, 404],
    ['/v1/features/materialise', { view: 'nothing' }, 404],
    ['/v1/features/verify', { sample: 0 }, 400],
    ['/v1/jobs/nothing:cancel', {}, 404],
  ] as const) {
    const answer = await send('POST', path, body)
    expect([path, answer.status, answer.body.code]).toEqual([path, status, expect.stringMatching(/^MR/)])
  }
  expect((await send('GET', '/v1/jobs/..%2f..')).status).toBe(404)
  expect((await send('GET', '/v1/jobs/nothing/events')).status).toBe(404)
})
