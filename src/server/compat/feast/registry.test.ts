import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bareApp, type BareApp } from '../../../../test/support/bare-app.ts'
import { openTestWorkspace } from '../../../../test/server/harness.ts'
import { dataset, entity, features, linear, model, parquet, project, t } from '../../../index.ts'

// Of what a trained project does not have: keys of several columns, roles, views of all rows, a ttl, vectors, a dimension.

const trips = dataset('trips', {
  source: parquet('none'),
  columns: { at: t.timestamp('UTC'), from: t.text(), car: t.int(), to: t.text(), km: t.float(), face: t.vector(8) },
  eventTime: 'at',
})
const places = dataset('places', { source: parquet('none'), columns: { from: t.text(), open: t.bool() } })
const legs = features('legs', {
  entity: entity('leg', { from: t.text(), car: t.int() }),
  from: trips,
  ttl: '36h',
  compute: f => ({ n: f.count(), face: f.last('face'), seen: f.max('at'), to: f.last('to') }),
})
const overall = features('overall', { from: trips, online: false, compute: f => ({ km: f.sum('km', '1d') }) })
const place = features('place', {
  entity: entity('place', { from: t.text() }),
  from: places,
  compute: f => ({ open: f.last('open') }),
})
const arrival = place.as('arrival', { from: 'to' })
const late = model('late', {
  task: 'regression',
  from: trips,
  label: c => c.km,
  features: [legs, arrival],
  inputs: () => ({ n: legs.all.n, open: arrival.all.open }),
  split: { by: 'time', train: '20d', test: '5d' },
  train: linear(),
})
const plain = model('plain', {
  task: 'regression',
  from: trips,
  label: c => c.km,
  inputs: c => ({ car: c.car }),
  split: { by: 'time', train: '20d', test: '5d' },
  train: linear(),
})

let app: BareApp
beforeAll(async () => {
  const opened = await openTestWorkspace(mkdtempSync(join(tmpdir(), 'millrace-feast-')))
  app = await bareApp({
    workspace: { ...opened, project: project('trips', { trips, places, legs, overall, place, late, plain }) },
  })
})
afterAll(() => app.close())
const get = async (path: string): Promise<Readonly<Record<string, never>>> =>
  (await app.ask('GET', `/api/v1/${path}`)).body

it('each key column is an entity, once, in order', async () => {
  const { entities, pagination } = await get('entities')
  expect((entities as unknown as { spec: object }[]).map(one => one.spec)).toEqual([
    { name: 'car', project: 'trips', valueType: 'INT64', joinKey: 'car' },
    { name: 'from', project: 'trips', valueType: 'STRING', joinKey: 'from' },
  ])
  expect(pagination).toEqual({ totalCount: 2, totalPages: 1 })
  expect(await get('entities?limit=1&sort_order=desc')).toMatchObject({
    entities: [{ spec: { name: 'from' } }],
    pagination: { page: 1, limit: 1, totalCount: 2, totalPages: 2, hasNext: true },
  })
})

it('views are what they are: types, ttl, keys, source', async () => {
  const { featureViews } = await get('feature_views')
  expect((featureViews as unknown as { spec: { name: string } }[]).map(one => one.spec.name)).toEqual([
    'legs',
    'overall',
    'place',
  ])
  expect((await get('feature_views/legs'))['spec']).toEqual({
    name: 'legs',
    project: 'trips',
    entities: ['from', 'car'],
    features: [
      { name: 'n', valueType: 'INT64' },
      { name: 'face', valueType: 'DOUBLE_LIST' },
      { name: 'seen', valueType: 'UNIX_TIMESTAMP' },
      { name: 'to', valueType: 'STRING' },
    ],
    entityColumns: [
      { name: 'from', valueType: 'STRING' },
      { name: 'car', valueType: 'INT64' },
    ],
    ttl: '129600s',
    online: true,
    streamSource: { name: 'trips', type: 'PUSH_SOURCE', timestampField: 'at' },
  })
  expect((await get('feature_views/overall'))['spec']).toMatchObject({ entities: [], entityColumns: [], online: false })
  expect((await get('feature_views/place'))['spec']).toMatchObject({
    features: [{ name: 'open', valueType: 'BOOL' }],
    streamSource: { name: 'places', type: 'PUSH_SOURCE' },
  })
})

it('a model is a feature service where it reads views, and a role its view by another name', async () => {
  const { featureServices } = await get('feature_services')
  expect(featureServices).toEqual([
    {
      spec: {
        name: 'late',
        project: 'trips',
        features: [
          { featureViewName: 'legs', featureColumns: (await get('feature_views/legs'))['spec']?.['features'] },
          {
            featureViewName: 'place',
            featureViewNameAlias: 'arrival',
            joinKeyMap: { from: 'to' },
            featureColumns: [{ name: 'open', valueType: 'BOOL' }],
          },
        ],
      },
      meta: {},
    },
  ])
})
