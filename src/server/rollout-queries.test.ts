import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { predicted, ridesOf } from '../../test/support/rides-of.ts'
import { type Trained, trainedProject } from '../../test/support/trained-project.ts'
import { trainedServer } from '../../test/support/trained-server.ts'
import { openPrometheus } from '../adapters/queries/prometheus/open.ts'
import { project } from '../index.ts'

// A rollout that asks Prometheus: what it says is heard once a minute, and decides.

let trained: Trained
/** What the figure is, and what was asked for. */
let figure: string | undefined
const queries: string[] = []
const prometheus = createServer((request, response) => {
  let body = ''
  request.on('data', part => (body += String(part)))
  request.on('end', () => {
    queries.push(new URLSearchParams(body).get('query') ?? '')
    response.writeHead(figure === undefined ? 503 : 200)
    response.end(JSON.stringify({ status: 'success', data: { resultType: 'scalar', result: [1, figure] } }))
  })
})
beforeAll(async () => {
  await new Promise<void>(done => prometheus.listen(0, '127.0.0.1', done))
  trained = await trainedProject()
})
afterAll(async () => {
  await trained.close()
  await new Promise(done => prometheus.close(done))
})
const { row } = ridesOf(() => trained)

const canary = {
  steps: ['50%'],
  minRequests: 20,
  shadowRows: 0,
  bake: '1h',
  maxWait: '30d',
  queries: {
    refunds: {
      query: 'sum(refunds{version="{{challenger}}", of!="{{stable}}", at="{{ deployment }}"})',
      max: 5,
      failures: 2,
    },
  },
} as const

const served = async (name: string, declared: typeof canary = canary) => {
  const { port } = prometheus.address() as AddressInfo
  const source = openPrometheus(`http://127.0.0.1:${port}`)
  const server = await trainedServer(trained, name, {}, { canary: declared }, { queries: async () => source })
  await server.live.rollOut(trained.versions.other, 'ada')
  queries.length = 0
  let calls = 0
  const rows = (count: number) =>
    Array.from({ length: count }, () => ({ id: `q${calls++}`, row: row(1 + (calls % 40)) }))
  return {
    ...server,
    answer: (count: number) => predicted(server.live, rows(count)),
    /** Time passes, and what is asked is answered. */
    async minute() {
      await trained.clock.advance(60_000)
      server.live.tick()
      await server.live.settled()
    },
    async stands() {
      const { body } = await server.ask('GET', '/v1/deployments')
      const [view] = (body as { deployments: readonly { readonly evidence: { readonly queries: unknown } }[] })
        .deployments
      return view?.evidence.queries
    },
  }
}

it('is asked with the versions filled in, waits while nothing is said, and goes on when it holds', async () => {
  figure = undefined
  const server = await served('asked-api')
  await server.minute()
  expect(queries).toEqual([
    `sum(refunds{version="${trained.versions.other}", of!="${trained.versions.good}", at="asked-api"})`,
  ])
  await server.answer(100)
  await server.live.settled()
  expect(server.live.rollout).toMatchObject({ phase: 'step', hold: 'queries' })
  expect(await server.stands()).toMatchObject([{ name: 'refunds', verdict: 'open', value: null, allowed: 2 }])
  figure = '5'
  // not before its minute is over
  server.live.tick()
  await server.live.settled()
  expect(queries).toHaveLength(1)
  await server.minute()
  expect(server.live.rollout).toMatchObject({ phase: 'bake', hold: null, weight: 1 })
  await server.minute()
  expect(await server.stands()).toMatchObject([{ name: 'refunds', verdict: 'holds', value: 5 }])
  await server.close()
  await server.live.close()
})

it('takes the challenger back in the bake too, after the second answer beyond its limit', async () => {
  figure = '4'
  const server = await served('beyond-api')
  await server.answer(100)
  await server.minute()
  expect(server.live.rollout).toMatchObject({ phase: 'bake' })
  figure = '6'
  await server.minute()
  expect(await server.stands()).toMatchObject([{ verdict: 'beyond', failures: 1 }])
  await server.minute()
  const { body } = await server.ask('GET', '/v1/decisions?kind=rollout')
  const [last] = (body as { decisions: readonly { readonly reason: string }[] }).decisions
  expect([server.live.rollout?.phase, last?.reason]).toEqual([
    'rolled-back',
    `refunds is 6 with late@${trained.versions.other}, at most 5 is promised, 2 times in a row beyond it`,
  ])
  await server.minute()
  expect(queries).toHaveLength(3)
  await server.close()
  await server.live.close()
})

it('is asked as often as it says, by default once a minute', async () => {
  figure = '9'
  const asked = async (name: string, every?: string): Promise<[number, string | undefined]> => {
    const one = { query: 'refunds', max: 5, ...(every === undefined ? {} : { every }) }
    const server = await served(name, { ...canary, queries: { one } } as never)
    for (let second = 0; second < 4; second++) {
      await trained.clock.advance(30_000)
      server.live.tick()
      await server.live.settled()
    }
    await server.close()
    await server.live.close()
    return [queries.length, server.live.rollout?.phase]
  }
  // at 0:30 and 1:30, twice beyond; three times in a row, the default, take back
  expect(await asked('minutely-api')).toEqual([2, 'step'])
  expect(await asked('often-api', '30s')).toEqual([3, 'rolled-back'])
})

it('a Prometheus that does not answer keeps no server from ending', async () => {
  const silent = createServer(() => undefined)
  await new Promise<void>(done => silent.listen(0, '127.0.0.1', done))
  const source = openPrometheus(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`)
  const server = await trainedServer(trained, 'silent-api', {}, { canary }, { queries: async () => source })
  await server.live.rollOut(trained.versions.other, 'ada')
  const asked = new Promise(heard => silent.once('request', heard))
  server.live.tick()
  await asked
  const settled = server.live.settled()
  await server.close()
  await server.live.close()
  await settled
  // Given up, not answered: no answer of it is heard
  expect(server.live.rollout?.queries).toEqual({})
  await new Promise(done => silent.close(done))
})

it('needs a limit, and somebody to ask', () => {
  const made = (one: object) => () => trained.deployed('limits-api', { canary: { queries: { one } } } as never)
  expect(made({ query: 'up' })).toThrow(/canary\.queries\.one has neither min nor max/)
  expect(made({ query: 'up', min: 2, max: 1 })).toThrow(/a min above its max/)
  expect(made({ query: 'up', max: 1, failures: 0 })).toThrow(/failures/)
  const { deployment } = trained.deployed('alone-api', { canary })
  expect(() => project('alone', { deployment })).toThrow(
    /'alone-api' has canary\.queries, and the settings no prometheus/,
  )
})
