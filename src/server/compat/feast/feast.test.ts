import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredJobs } from '../../../../test/support/jobs.ts'
import { afterRides, hour, madeRides, trainedProject, type Trained } from '../../../../test/support/trained-project.ts'
import { trainedServer, type TrainedServer } from '../../../../test/support/trained-server.ts'
import { formatTime } from '../../../internal/time.ts'

let trained: Trained
let server: TrainedServer
beforeAll(async () => {
  trained = await trainedProject()
  server = await trainedServer(trained, 'feast', { jobs: answeredJobs({ materialise: { views: [] } }) })
})
afterAll(async () => {
  await server.close()
  await trained.close()
})

const post = (path: string, body: unknown) => server.ask('POST', path, body)

/** Each ride looked at. */
function plain(
  zone: string,
  at: number,
): { readonly rides: number; readonly km: number | null; readonly newest: number } {
  const all = madeRides.filter(one => one.zone === zone && one.at < at)
  const own = all.filter(one => one.at >= at - 6 * hour)
  const km = own.length === 0 ? null : own.reduce((sum, one) => sum + one.km, 0) / own.length
  return { rides: own.length, km, newest: Math.max(...all.map(one => one.at)) }
}

it('features are read by entity and moment, with what they are', async () => {
  const at = afterRides - hour
  const { status, body } = await post('/v1/features/recent:get', {
    entities: [{ zone: 'north' }, { zone: 'nowhere' }, { zone: null }],
    asOf: formatTime(at),
  })
  const { rides, km, newest } = plain('north', at)
  expect([status, body]).toEqual([
    200,
    {
      features: ['rides_6h', 'km_6h'],
      asOf: at,
      entities: [
        { status: 'present', event: newest, values: [rides, expect.closeTo(km ?? NaN, 9)] },
        { status: 'missing', event: null, values: [0, null] },
        { status: 'missing', event: null, values: [0, null] },
      ],
    },
  ])
  // as training has it, where the records do not reach back
  const long = afterRides - 500 * hour
  const past = await post('/v1/features/recent:get', { entities: [{ zone: 'south' }], asOf: formatTime(long) })
  expect(past.body['entities']).toMatchObject([
    { status: 'present', values: [plain('south', long).rides, expect.anything()] },
  ])
  expect((await post('/v1/features/none:get', { entities: [{ zone: 'north' }] })).status).toBe(404)
  expect((await post('/v1/features/recent:get', { entities: [{ zone: 'north' }], asOf: 'now' })).body).toMatchObject({
    status: 400,
    details: { place: 'body.asOf' },
  })
  expect((await post('/v1/features/recent:get', { entities: [{ zone: 7 }] })).status).toBe(400)
})

it('clients of Feast get a vector a feature, the keys first, each value with its status and time', async () => {
  const { rides, km, newest } = plain('north', afterRides)
  const asked = { entities: { zone: ['north', 'nowhere', null] }, features: ['recent:km_6h', 'recent:rides_6h'] }
  const { status, body } = await post('/get-online-features', asked)
  const never = '1970-01-01T00:00:00Z'
  const times = [formatTime(newest), never, never]
  expect([status, body]).toEqual([
    200,
    {
      metadata: { feature_names: ['zone', 'km_6h', 'rides_6h'] },
      results: [
        {
          values: ['north', 'nowhere', null],
          statuses: ['PRESENT', 'PRESENT', 'PRESENT'],
          event_timestamps: [never, never, never],
        },
        {
          values: [expect.closeTo(km ?? NaN, 9), null, null],
          statuses: ['PRESENT', 'NOT_FOUND', 'NOT_FOUND'],
          event_timestamps: times,
        },
        { values: [rides, null, null], statuses: ['PRESENT', 'NOT_FOUND', 'NOT_FOUND'], event_timestamps: times },
      ],
    },
  ])
  const service = await post('/get-online-features', {
    entities: { zone: ['north'] },
    feature_service: 'late',
    full_feature_names: true,
  })
  expect(service.body['metadata']).toEqual({ feature_names: ['zone', 'recent__rides_6h', 'recent__km_6h'] })
})

it('what cannot be answered is refused in words, never as a server error', async () => {
  const entities = { zone: ['north'] }
  const refused = async (body: unknown): Promise<unknown> => {
    const { status, body: said } = await post('/get-online-features', body)
    return [status, said['code']]
  }
  expect(await refused({ entities, features: ['recent:none'] })).toEqual([404, 'MR5020'])
  expect(await refused({ entities, features: ['none:rides_6h'] })).toEqual([404, 'MR5020'])
  expect(await refused({ entities, features: ['recent:rides_6h:x'] })).toEqual([404, 'MR5020'])
  expect(await refused({ entities, features: ['recent:toString'] })).toEqual([404, 'MR5020'])
  expect(await refused({ entities, feature_service: 'none' })).toEqual([404, 'MR5020'])
  for (const body of [
    { entities, features: [] },
    { entities: {}, features: ['recent:rides_6h'] },
    { entities: { zone: ['north'], more: ['a', 'b'] }, features: ['recent:rides_6h'] },
    { entities, features: ['recent:rides_6h'], unknown: 1 },
  ])
    expect(((await refused(body)) as [number])[0]).toBe(400)
})

it('what Feast’s clients push is judged, served, and counted once', async () => {
  const read = async () => {
    const asked = { entities: { zone: ['south'] }, features: ['recent:rides_6h'] }
    return ((await post('/get-online-features', asked)).body['results'] as { values: number[] }[])[1]
      ?.values[0] as number
  }
  const before = await read()
  const at = [afterRides - 60_000_000, afterRides - 120_000_000].map(formatTime)
  const df = { at, zone: ['south', 'south'], km: [3, 1000], late: [false, false] }
  for (const accepted of [1, 0]) {
    const { status, body } = await post('/push', { push_source_name: 'rides', df, to: 'online_and_offline' })
    expect([status, body]).toMatchObject([200, { accepted, rejected: [{ row: 1 }] }])
    expect(await read()).toBe(before + 1)
  }
  expect((await post('/push', { push_source_name: 'none', df })).status).toBe(404)
  expect((await post('/push', { push_source_name: 'rides', df: { at: [at[0]], zone: [] } })).status).toBe(400)
  expect((await post('/push', { push_source_name: 'rides', df, to: 'offline' })).status).toBe(400)
})

it('materialises what is asked for and answers when it is done, or why it is not', async () => {
  const both = { start_ts: '2026-01-01T00:00:00', end_ts: '2026-02-11T00:00:00', feature_views: ['recent'] }
  expect(await post('/materialize', both)).toMatchObject({ status: 200, body: {} })
  expect((await post('/materialize-incremental', { end_ts: '2026-02-11 00:00:00' })).status).toBe(200)
  expect((await post('/materialize', { ...both, feature_views: ['none'] })).status).toBe(404)
  expect((await post('/materialize', { ...both, end_ts: 'tomorrow' })).status).toBe(400)
  const failing = await trainedServer(trained, 'feast-failing')
  const lost = await failing.ask('POST', '/materialize-incremental', { end_ts: '2026-02-11T00:00:00Z' })
  // the error of the job itself
  expect([lost.status, lost.body['title']]).toEqual([500, expect.stringMatching(/\S/)])
  expect(lost.headers.get('content-type')).toBe('application/problem+json')
  await failing.close()
  expect((await server.ask('GET', '/health')).status).toBe(200)
})

describe('what there is, as the REST registry of Feast tells it', () => {
  const get = async (path: string) => {
    const { status, body } = await server.ask('GET', `/api/v1${path}`)
    return [status, body] as const
  }
  const zone = { name: 'zone', valueType: 'STRING' }
  const features = [
    { name: 'rides_6h', valueType: 'INT64' },
    { name: 'km_6h', valueType: 'DOUBLE' },
  ]
  const source = { name: 'rides', type: 'PUSH_SOURCE', timestampField: 'at' }
  const entities = ['zone']
  const view = {
    type: 'featureView',
    spec: {
      name: 'recent',
      project: 'rides',
      entities,
      features,
      entityColumns: [zone],
      online: true,
      streamSource: source,
    },
    meta: {},
  }
  const service = {
    spec: { name: 'late', project: 'rides', features: [{ featureViewName: 'recent', featureColumns: features }] },
    meta: {},
  }
  const key = { spec: { ...zone, project: 'rides', joinKey: 'zone' }, meta: {} }

  it.each([
    ['projects', 'projects', 'rides', { spec: { name: 'rides' }, meta: {} }],
    ['entities', 'entities', 'zone', key],
    ['data_sources', 'dataSources', 'rides', { ...source, project: 'rides' }],
    ['feature_views', 'featureViews', 'recent', view],
    ['feature_services', 'featureServices', 'late', service],
  ])('%s, all and one by its name', async (path, member, name, one) => {
    expect(await get(`/${path}?project=rides&allow_cache=true`)).toEqual([
      200,
      { [member]: [one], pagination: { totalCount: 1, totalPages: 1 } },
    ])
    expect(await get(`/${path}/${name}?project=rides`)).toEqual([200, one])
    expect((await get(`/${path}/none`))[0]).toBe(404)
    expect((await get(`/${path}?project=others`))[0]).toBe(404)
    expect((await get(`/${path}/${name}?project=others`))[0]).toBe(404)
    expect((await get(`/${path}?tags=a:b`))[0]).toBe(400)
    expect((await get(`/${path}?sort_by=age`))[0]).toBe(400)
  })

  it('a page of them', async () => {
    const page = { page: 2, limit: 1, totalCount: 1, totalPages: 1, hasPrevious: true }
    expect(await get('/entities?page=2&limit=1')).toEqual([200, { entities: [], pagination: page }])
    expect((await get('/entities?limit=0'))[0]).toBe(400)
    expect((await get('/entities?limit=101'))[0]).toBe(400)
  })
})
