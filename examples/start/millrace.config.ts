import { csv, dataset, deployment, entity, expect, features, gbt, model, monitor, project, t } from 'millrace'

// A made-up sample to start from: replace the source and the columns by your own.
export const deliveries = dataset('deliveries', {
  source: csv('data/deliveries.csv'),
  columns: {
    ordered: t.timestamp('UTC'),
    shop: t.text(),
    distance_km: t.float(),
    weight_kg: t.float(),
    late: t.bool(),
  },
  eventTime: 'ordered',
  // whether a delivery is late is known two hours after the order
  knownAt: { late: c => c.ordered.plus('2h') },
  expect: c => [
    expect.rowCount({ min: 1_000 }),
    c.distance_km.between(0, 100),
    c.weight_kg.between(0, 50, { mostly: 0.999 }),
    c.shop.inSet(['north', 'south', 'harbour']),
  ],
})

export const shops = features('shops', {
  entity: entity('shop', { shop: t.text() }),
  from: deliveries,
  compute: f => ({ orders_6h: f.count('6h'), distance_1d: f.mean('distance_km', '1d') }),
})

export const lateness = model('lateness', {
  task: 'binary',
  from: deliveries,
  label: c => c.late,
  features: [shops],
  inputs: c => ({ ...shops.all, distance: c.distance_km, weight: c.weight_kg, hour: c.ordered.hour() }),
  split: { by: 'time', train: '45d', test: '14d' },
  train: gbt({ trees: 60, leaves: 15 }),
  test: m => [m.metric('auc', { min: 0.6, notWorseThan: 'champion' }), m.latency({ p99: '20ms' })],
})

export const api = deployment('lateness-api', { model: lateness })
export const watch = monitor('lateness-watch', { deployment: api, retrain: { on: ['drift', 'performance'] } })

export default project('start', { deliveries, shops, lateness, api, watch })
