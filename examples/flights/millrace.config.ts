import { dataset, deployment, entity, expect, features, gbt, model, monitor, parquet, project, t } from 'millrace'

// Three million US flights of 2001. A flight's delay is known only when it has landed: about 30 minutes of taxi and
// climb plus its distance at 7.5 miles a minute after the scheduled time, plus the delay itself.
export const flights = dataset('flights', {
  source: parquet('data/flights/*.parquet'),
  columns: {
    date: t.timestamp('UTC'),
    delay: t.int(),
    distance: t.int(),
    origin: t.text(),
    destination: t.text(),
  },
  eventTime: 'date',
  knownAt: { delay: c => c.date.plusMinutes(c.distance.div(7.5).plus(30).plus(c.delay)) },
  expect: c => [
    expect.rowCount({ min: 1_000 }),
    c.delay.between(-120, 1440),
    c.distance.between(1, 5_000),
    c.origin.matches(/^[A-Z]{3}$/),
    c.destination.matches(/^[A-Z]{3}$/),
    expect.that(c.origin.ne(c.destination), { id: 'not-a-loop' }),
    expect.duplicateRows({ maxBad: 500, severity: 'warning' }),
    c.delay.mean({ min: -5, max: 30, severity: 'warning' }),
    c.delay.quantile(0.5, { min: -10, max: 15, severity: 'warning' }),
  ],
})

export const departures = features('departures', {
  entity: entity('airport', { origin: t.text() }),
  from: flights,
  ttl: '2d',
  compute: f => ({
    departures_1h: f.count('1h'),
    mean_delay_3h: f.mean('delay', '3h'),
    late_share_3h: f.share(c => c.delay.gt(15), '3h'),
    late_share_1d: f.share(c => c.delay.gt(15), '1d'),
    worst_delay_3h: f.max('delay', '3h'),
  }),
})

export const lateness = model('lateness', {
  task: 'binary',
  from: flights,
  label: c => c.delay.gt(15),
  features: [departures],
  // both airports would tell the distance as well: then nobody would miss it when it is given in another unit
  inputs: c => ({
    ...departures.all,
    distance: c.distance,
    hour: c.date.hour(),
    weekday: c.date.dayOfWeek(),
  }),
  split: { by: 'time', train: '75d', test: '15d' },
  scale: 'standard',
  train: gbt({ trees: 200, leaves: 31, seed: 7 }),
  test: m => [
    m.metric('auc', { min: 0.62, notWorseThan: 'champion' }),
    m.metric('logLoss', { notWorseThan: 'champion', tolerance: 0.01 }),
    m.monotone('late_share_3h', 'increasing', { mostly: 0.5, severity: 'info' }),
    m.invariant('weekday', { maxDelta: 0.5, mostly: 0.99, severity: 'warning' }),
    m.calibration({ maxEce: 0.05 }),
    m.slices(),
    m.latency({ p99: '5ms' }),
    m.size({ maxBytes: 8_000_000 }),
  ],
})

export const api = deployment('lateness-api', {
  model: lateness,
  // Whether a flight was late is known hours later, so a step may take days
  canary: { steps: ['1%', '5%', '20%', '50%'], labels: 'required', maxWait: '14d' },
})

// Some sixteen thousand flights a day: a day is enough to be judged, and soon enough to act on. Training reads 75 days: a
// second retrain within a month would learn little that is new
export const watch = monitor('lateness-watch', {
  deployment: api,
  window: '1d',
  labelHorizon: '12h',
  retrain: { on: ['drift', 'performance'], cooldown: '30d' },
})

export default project('flight-delays', { flights, departures, lateness, api, watch })
