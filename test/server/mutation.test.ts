import { afterAll, beforeAll, expect, test } from 'vitest'
import { routeTable } from '../../src/server/app.ts'
import { testServer, type TestServer } from './harness.ts'
import { answeredJobs } from '../support/jobs.ts'

/*
 * Every field of every route at its edges, one at a time, against a real server: no answer is a 500, none tells where the
 * project lies, and afterwards every list can be read. The fields of our own routes come from the OpenAPI document; those
 * of the tracking protocol are listed here, since its messages have no schema.
 */

let server: TestServer
beforeAll(async () => {
  server = await testServer({
    jobs: answeredJobs({
      ingest: { again: false, verdict: 'refused', reason: 'nothing is taken in' },
      apply: {},
      rollBack: {},
      promote: {},
    }),
  })
})
afterAll(async () => server.end())

type Schema = {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly additionalProperties?: Schema | boolean
  readonly minLength?: number
  readonly minimum?: number
}

/** Stands in the body for text that JSON.stringify would not write. */
const raw = (text: string): string => `\u0001${text}\u0001`
const edges: readonly unknown[] = [
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 53,
  -(2 ** 53),
  2 ** 63,
  1e308,
  -1e308,
  0.5,
  -1,
  raw('1e400'),
  raw('-0'),
  'NaN',
  'Infinity',
  '-1',
  '9007199254740993',
  '1e308',
  '',
  ' ',
  'a\0b',
  'a\nb',
  raw('"\\ud83d"'),
  '__proto__',
  'toString',
  'constructor',
  '%',
  '100%',
  '../../etc/passwd',
  '😀',
  "' OR 1=1 --",
  'x'.repeat(10_000),
  null,
  true,
  {},
  [],
  [null],
  { toString: 1, valueOf: 1 },
  raw('{"__proto__":{"a":1}}'),
  raw(`${'['.repeat(31)}${']'.repeat(31)}`),
  raw(`${'['.repeat(50_000)}${']'.repeat(50_000)}`),
]
const large = 'x'.repeat(1_000_000)

function written(value: unknown): string {
  return JSON.stringify(value).replace(/"\\u0001(.*?)\\u0001"/g, (_, text: string) => JSON.parse(`"${text}"`) as string)
}

/** A value that fits a schema, with all members, so that each of them can be spoilt. */
function sample(schema: Schema, depth = 0): unknown {
  if (depth > 6) return null
  if (schema.enum) return schema.enum[0]
  if (schema.anyOf) return sample(schema.anyOf[0] ?? {}, depth + 1)
  const type = Array.isArray(schema.type) ? (schema.type as string[])[0] : schema.type
  if (type === 'object' || schema.properties)
    return Object.fromEntries(
      schema.properties
        ? Object.entries(schema.properties).map(([key, one]) => [key, sample(one, depth + 1)])
        : typeof schema.additionalProperties === 'object'
          ? [['distance', sample(schema.additionalProperties, depth + 1)]]
          : [],
    )
  if (type === 'array') return [sample(schema.items ?? {}, depth + 1)]
  if (type === 'integer' || type === 'number') return Math.max(1, schema.minimum ?? 1)
  if (type === 'boolean') return true
  if (type === 'string') return 'x'.repeat(Math.max(1, schema.minLength ?? 1))
  return 1
}

/** Copies of a value in each of which one place is another. */
function* spoilt(value: unknown, by: readonly unknown[], depth = 0): Generator<unknown> {
  yield* by
  if (depth > 4 || typeof value !== 'object' || value === null) return
  for (const key of Object.keys(value)) {
    const inner = (value as Record<string, unknown>)[key]
    for (const one of spoilt(inner, by, depth + 1))
      yield Array.isArray(value) ? value.with(Number(key), one) : { ...value, [key]: one }
  }
}

interface Sent {
  readonly method: string
  readonly path: string
  readonly body?: unknown
}

const bad: string[] = []

async function send({ method, path, body }: Sent): Promise<void> {
  const text = body === undefined ? undefined : written(body)
  const answer = await fetch(server.url + path, {
    method,
    redirect: 'manual',
    ...(text === undefined ? {} : { body: text }),
    headers: text === undefined ? {} : { 'content-type': 'application/json' },
  }).catch((error: unknown) => error as Error)
  const what = `${method} ${path.slice(0, 150)} ${text?.slice(0, 200) ?? ''}`
  if (answer instanceof Error) return void bad.push(`${what}: ${String(answer.cause ?? answer)}`)
  const said = await answer.text()
  if (answer.status >= 500) bad.push(`${what}: ${answer.status} ${said.slice(0, 200)}`)
  if (said.includes(server.workspace.folder)) bad.push(`${what}: tells the folder: ${said.slice(0, 300)}`)
}

/** A few at a time: the server and its clients share two cores. */
async function sendAll(all: Iterable<Sent>): Promise<number> {
  const rest = all[Symbol.iterator]()
  let count = 0
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); !next.done; next = rest.next()) {
      count++
      await send(next.value)
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  return count
}

const isMlflow = (path: string): boolean => path.includes('mlflow')
const known: Readonly<Record<string, string>> = {
  name: 'lateness-api',
  deployment: 'lateness-api',
  dataset: 'flights',
  model: 'lateness',
}
const filled = (path: string): string => path.replace(/\{(\w+)\*?\}/g, (_, name: string) => known[name] ?? '1')
const streams = (path: string): boolean => path === '/v1/events'
const asText = (value: unknown): string => (typeof value === 'string' ? value.replaceAll('\u0001', '') : written(value))

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema?: Schema }[]
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> }
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> }
}

/** References to shared shapes, followed. */
function resolved(value: unknown, document: Document, depth = 0): unknown {
  if (depth > 12 || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(one => resolved(one, document, depth + 1))
  const { $ref } = value as { $ref?: string }
  if ($ref !== undefined)
    return resolved(document.components?.schemas?.[$ref.split('/').at(-1) ?? ''] ?? {}, document, depth + 1)
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolved(one, document, depth + 1)]))
}

function* ownRequests(document: Document): Generator<Sent> {
  for (const [path, operations] of Object.entries(document.paths)) {
    if (isMlflow(path) || streams(path)) continue
    for (const [verb, operation] of Object.entries(operations)) {
      const method = verb.toUpperCase()
      const schema = Object.values(operation.requestBody?.content ?? {})[0]?.schema
      const whole = schema === undefined ? undefined : sample(resolved(schema, document) as Schema)
      const body = method === 'GET' || method === 'DELETE' ? undefined : (whole ?? {})
      for (const edge of [...edges, large.slice(0, 12_000)]) {
        const text = encodeURIComponent(
          asText(edge)
            .replace(/\p{Surrogate}/gu, '?')
            .slice(0, 12_000),
        )
        for (const match of path.matchAll(/\{\w+\*?\}/g))
          yield { method, path: filled(path.replace(match[0], text)), ...(body === undefined ? {} : { body }) }
        for (const one of operation.parameters ?? [])
          if (one.in === 'query')
            yield { method, path: `${filled(path)}?${one.name}=${text}`, ...(body === undefined ? {} : { body }) }
      }
      for (const broken of ['%', '%zz', '%c3', '%00', '%ud83d'])
        if (path.includes('{'))
          yield { method, path: path.replace(/\{\w+\*?\}/g, broken), ...(body === undefined ? {} : { body }) }
      if (whole === undefined) continue
      yield { method, path: filled(path), body: whole }
      for (const one of spoilt(whole, edges)) yield { method, path: filled(path), body: one }
      for (const one of spoilt(whole, [large])) yield { method, path: filled(path), body: one }
    }
  }
}

/** Ids of a run and an experiment that are there, and whole messages of the tracking protocol. */
const messages = (run: string, experiment: string): Readonly<Record<string, unknown>> => ({
  'experiments/create': { name: `made ${Math.random()}`, tags: [{ key: 'a', value: 'b' }], artifact_location: 'x' },
  'experiments/update': { experiment_id: experiment, new_name: 'other' },
  'experiments/delete': { experiment_id: 'absent' },
  'experiments/restore': { experiment_id: experiment },
  'experiments/set-experiment-tag': { experiment_id: experiment, key: 'a', value: 'b' },
  'experiments/search': {
    view_type: 'ALL',
    max_results: 5,
    filter: "name LIKE '%a'",
    order_by: ['name'],
    page_token: 'e30=',
  },
  'runs/create': {
    experiment_id: experiment,
    start_time: 1,
    run_name: 'r',
    user_id: 'u',
    tags: [{ key: 'a', value: 'b' }],
  },
  'runs/update': { run_id: run, status: 'RUNNING', end_time: 1, run_name: 'r' },
  'runs/delete': { run_id: 'absent' },
  'runs/restore': { run_id: run },
  'runs/search': {
    experiment_ids: ['0', experiment],
    filter: "params.a = 'b'",
    run_view_type: 'ALL',
    max_results: 5,
    order_by: ['metrics.auc DESC'],
    page_token: 'e30=',
  },
  'runs/log-metric': { run_id: run, key: 'm', value: 1, timestamp: 1, step: 1 },
  'runs/log-parameter': { run_id: run, key: 'p', value: 'v' },
  'runs/set-tag': { run_id: run, key: 't', value: 'v' },
  'runs/delete-tag': { run_id: run, key: 't' },
  'runs/log-batch': {
    run_id: run,
    metrics: [{ key: 'b', value: 1, timestamp: 1, step: 1 }],
    params: [{ key: 'b', value: 'v' }],
    tags: [{ key: 'b', value: 'v' }],
  },
  'logged-models/search': { experiment_ids: ['0'] },
  'experiments/get': { experiment_id: experiment },
  'experiments/get-by-name': { experiment_name: 'Default' },
  'runs/get': { run_id: run },
  'artifacts/list': { run_id: run, path: 'a', page_token: 'e30=' },
  'metrics/get-history': { run_id: run, metric_key: 'm', max_results: 5, page_token: 'e30=' },
})
const prefix = '/api/2.0/mlflow/'

function* trackingRequests(all: Readonly<Record<string, unknown>>): Generator<Sent> {
  for (const { method, path } of routeTable.filter(one => one.path.startsWith(prefix))) {
    const message = all[path.slice(prefix.length)] as Record<string, unknown> | undefined
    if (message === undefined) throw new TypeError(`no message for ${path}: list its fields here`)
    if (method === 'GET') {
      for (const name of Object.keys(message))
        for (const edge of edges) {
          const text = asText(edge)
            .replace(/\p{Surrogate}/gu, '?')
            .slice(0, 10_000)
          const query = new URLSearchParams({ ...(message as Record<string, string>), [name]: text })
          yield { method, path: `${path}?${query}` }
        }
      continue
    }
    for (const one of spoilt(message, edges)) yield { method, path, body: one }
    for (const one of spoilt(message, [large])) yield { method, path, body: one }
  }
}

function* artifactRequests(run: string): Generator<Sent> {
  for (const { method, path } of routeTable.filter(one => one.path.includes('mlflow-artifacts')))
    for (const edge of edges) {
      const text = encodeURIComponent(
        asText(edge)
          .replace(/\p{Surrogate}/gu, '?')
          .slice(0, 10_000),
      )
      if (path.includes('{')) yield { method, path: path.replace(/\{\w+\*?\}/, `0/${run}/artifacts/${text}`) }
      else yield { method, path: `${path}?path=${text}` }
    }
}

test('no field of any route makes a 500, tells a path, or ends a list', { timeout: 300_000 }, async () => {
  const post = async (path: string, body: unknown): Promise<Record<string, unknown>> => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(server.url + prefix + path, { method: 'POST', headers, body: JSON.stringify(body) })
    expect(answer.status).toBe(200)
    return (await answer.json()) as Record<string, unknown>
  }
  const experiment = String((await post('experiments/create', { name: 'mine' })).experiment_id)
  const made = (await post('runs/create', { experiment_id: experiment })).run as { info: { run_id: string } }
  const run = made.info.run_id
  const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document

  const counts = [
    await sendAll(ownRequests(document)),
    await sendAll(trackingRequests(messages(run, experiment))),
    await sendAll(artifactRequests(run)),
  ]
  expect(bad.slice(0, 30)).toEqual([])
  for (const count of counts) expect(count).toBeGreaterThan(100)

  for (const { method, path } of routeTable) {
    if (method !== 'GET' || path.includes('{') || streams(path) || isMlflow(path)) continue
    const answer = await fetch(server.url + path)
    expect([path, answer.status < 500 || path === '/readyz']).toEqual([path, true])
    await answer.arrayBuffer()
  }
  expect((await fetch(`${server.url}/v1/runs`)).status).toBe(200)
  await post('experiments/search', { view_type: 'ALL', max_results: 1000 })
  await post('runs/search', { experiment_ids: ['0', experiment], run_view_type: 'ALL' })
})
