import { expect as must, sql } from '../../src/index.ts'
import { set } from './flights.ts'

/**
 * How somebody who is about to train a model on flights would ask: labels, leaks and classes, relations of numbers, figures by
 * hour of day and by route, rare and filled-in values, queries of their own. Written before anything was made faster, and not
 * run until that was done.
 */
export const training = set(c => [
  must.rowCount({ min: 500_000 }),
  c.delay.notNull(),
  c.distance.notNull(),
  c.origin.notNull(),
  c.destination.notNull(),
  // the label and what may give it away
  must.conflictingLabels(c.delay, {
    by: [c.date, c.origin, c.destination],
    mostly: 0.5,
    id: 'same-flight-other-delay',
  }),
  must.labelLeak({ label: c.delay.gt(15), features: [c.distance], max: 0.9, id: 'distance-is-no-leak' }),
  c.delay.nullShare({ max: 0.05, id: 'label-known' }),
  c.delay.topValueShare({ max: 0.1, id: 'no-filler-delay' }),
  c.distance.topValueShare({ max: 0.1, id: 'no-filler-distance', when: c.origin.ne('LAX') }),
  must.correlation(c.delay, c.distance, { min: -0.3, max: 0.3, method: 'spearman', id: 'ranks' }),
  must.correlation(c.delay, c.distance, { min: -0.3, max: 0.3, when: c.date.month().lte(3), id: 'first-quarter' }),
  // rows that training sees twice
  must.duplicateRows({ maxBad: 100_000, id: 'seen-twice' }),
  must.unique([c.date, c.delay, c.origin], { mostly: 0.9, id: 'nearly-keys' }),
  must.unique([c.origin, c.distance, c.delay], { mostly: 0.01, id: 'coarse-keys' }),
  // by hour of day
  ...[0, 3, 6, 9, 12, 15, 18, 21].flatMap(hour => [
    c.delay.mean({ id: `mean-at-${hour}`, when: c.date.hour().eq(hour), min: -30, max: 60 }),
    c.delay.std({ id: `spread-at-${hour}`, when: c.date.hour().eq(hour), max: 120 }),
    c.distance.mean({ id: `miles-at-${hour}`, when: c.date.hour().eq(hour), min: 100, max: 3000 }),
  ]),
  // by route
  ...(
    [
      ['SFO', 'LAX'],
      ['LAX', 'SFO'],
      ['DAL', 'HOU'],
      ['ORD', 'MSP'],
      ['BOS', 'LGA'],
    ] as const
  ).flatMap(([from, to]) => [
    c.delay.mean({ id: `mean-${from}-${to}`, when: c.origin.eq(from).and(c.destination.eq(to)), min: -20, max: 60 }),
    c.distance.distinctCount({
      id: `one-distance-${from}-${to}`,
      when: c.origin.eq(from).and(c.destination.eq(to)),
      max: 3,
    }),
    c.delay.quantile(0.95, {
      id: `late-${from}-${to}`,
      when: c.origin.eq(from).and(c.destination.eq(to)),
      min: 0,
      max: 400,
    }),
  ]),
  // derived features
  must.that(c.distance.toFloat().div(c.delay.toFloat().plus(2000)).lt(5), { id: 'ratio', mostly: 0.99 }),
  must.that(c.distance.plus(1).toFloat().ln().gt(3), { id: 'log-distance', mostly: 0.99 }),
  must.that(c.delay.abs().toFloat().sqrt().lt(25), { id: 'root-delay', mostly: 0.99 }),
  must.that(c.delay.times(c.delay).lt(1_000_000), { id: 'square', severity: 'warning' }),
  must.that(c.date.plusMinutes(c.delay).hour().gte(c.date.hour()), { id: 'same-evening', mostly: 0.5 }),
  must.that(c.date.dayOfWeek().eq(7).and(c.date.hour().lt(6)).not(), { id: 'not-sunday-night', mostly: 0.9 }),
  must.that(c.origin.concat('-').concat(c.destination).ne('LAX-LAX'), { id: 'no-circle' }),
  must.that(c.origin.startsWith('A').or(c.destination.startsWith('A')).or(c.distance.lt(6000)), { id: 'a-or-near' }),
  // regimes
  c.delay.between(-60, 180, { id: 'short-hops', when: c.distance.lt(300), mostly: 0.95 }),
  c.delay.between(-60, 180, { id: 'long-hauls', when: c.distance.gte(2000), mostly: 0.95 }),
  c.delay.noOutliers({ method: 'mad', limit: 20, mostly: 0.9, id: 'tails' }),
  c.distance.noOutliers({ method: 'zscore', limit: 4, mostly: 0.9, id: 'far-tails' }),
  c.origin.entropy({ min: 3, id: 'origin-varied', when: c.delay.gt(30) }),
  c.destination.distinctCount({ min: 50, max: 1000, when: c.delay.gt(30), id: 'reached-late' }),
  c.date.distinctCount({ min: 1000, when: c.date.month().eq(6), id: 'june' }),
  c.date.between(new Date('2001-01-01'), new Date('2001-07-01'), { id: 'half-year' }),
  // questions of their own
  must.sql(sql`SELECT * FROM rows WHERE ${c.delay} > 1400 AND ${c.distance} < 100`, { id: 'stuck' }),
  must.sql(sql`SELECT ${c.origin} FROM rows GROUP BY 1 HAVING count(*) < 5`, {
    id: 'rare-origins',
    severity: 'warning',
  }),
])
