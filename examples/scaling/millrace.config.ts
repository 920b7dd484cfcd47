import { csv, dataset, deployment, gbt, model, monitor, project, t } from 'millrace'

// The project of docs/guide/scaling.md: made-up trips, whose sender one day measures in kilometres.
export const trips = dataset('trips', {
  source: csv('data/trips.csv'),
  columns: { started: t.timestamp('UTC'), miles: t.float(), stops: t.int(), late: t.bool() },
  eventTime: 'started',
  knownAt: { late: c => c.started.plus('2h') },
  expect: c => [c.miles.between(0, 500), c.stops.between(0, 50)],
})

export const lateness = model('lateness', {
  task: 'binary',
  from: trips,
  label: c => c.late,
  inputs: c => ({ miles: c.miles, stops: c.stops }),
  split: { by: 'time', train: '20d', test: '5d' },
  // what is not named is scaled by mean and standard deviation
  scale: { miles: 'robust' },
  train: gbt({ trees: 40, leaves: 8 }),
  test: m => [m.metric('auc', { min: 0.6 })],
})

export const api = deployment('trips-api', { model: lateness })
// windows of a day would make the walk through the guide a long one
export const watch = monitor('trips-watch', { deployment: api, window: '5s' })

export default project('trips', { trips, lateness, api, watch })
