import { expect as must } from '../../src/index.ts'
import { set } from './flights.ts'

/** Keys and pairs: uniqueness with many bad rows, columns held against each other, and what is asked of groups. */
export const keys = set(c => [
  must.rowCount({ min: 2_900_000 }),
  must.unique([c.date, c.origin, c.destination], { id: 'one-departure-a-minute', severity: 'warning' }),
  must.unique([c.date, c.origin], { id: 'one-a-minute', severity: 'warning' }),
  must.unique([c.date, c.destination], { id: 'one-arrival', severity: 'warning' }),
  must.primaryKey([c.date, c.origin, c.destination, c.distance], { mostly: 0.9 }),
  must.duplicateRows({ maxBad: 500 }),
  must.distinctWithinRow([c.origin, c.destination]),
  must.allOrNoneNull([c.delay, c.distance]),
  must.compare(c.delay, 'lt', c.distance, { mostly: 0.9 }),
  must.compare(c.delay.abs(), 'lte', c.distance.times(2), { id: 'delay-two-distances', severity: 'warning' }),
  must.that(c.origin.ne(c.destination), { id: 'no-loop' }),
  must.that(c.origin.lt(c.destination), { id: 'northbound', mostly: 0.3 }),
  must.that(c.origin.gt(c.destination), { id: 'southbound', mostly: 0.3 }),
  must.that(c.delay.plus(c.distance).gt(0), { id: 'sum-positive', mostly: 0.99 }),
  must.that(c.distance.minus(c.delay).gt(-1000), { id: 'difference' }),
  must.that(c.distance.mod(2).eq(0), { id: 'even-miles', mostly: 0.3 }),
  must.that(c.date.hour().gte(0).and(c.date.hour().lte(23)), { id: 'hours' }),
  must.that(c.date.dayOfWeek().lte(5), { id: 'weekdays', mostly: 0.6 }),
  must.implies(c.distance.gt(2500), c.delay.lt(1000)),
  must.implies(c.delay.gt(600), c.distance.gt(200), { id: 'late-and-far', mostly: 0.5 }),
  must.implies(c.origin.eq('HNL'), c.distance.gt(50), { id: 'honolulu' }),
  must.implies(c.origin.eq('ATL'), c.destination.ne('ATL'), { id: 'atlanta' }),
  must.correlation(c.delay, c.distance, { min: -0.2, max: 0.2 }),
  must.sumEquals([c.distance, c.delay], c.distance.plus(c.delay).toFloat(), { id: 'sums' }),
  ...['ATL', 'ORD', 'LAX', 'DFW', 'PHX', 'DEN', 'DTW', 'SFO', 'LAS', 'MSP'].flatMap(airport => [
    must.that(c.distance.lt(5000), { id: `far-from-${airport}`, when: c.origin.eq(airport) }),
    c.delay.between(-60, 600, { id: `delay-at-${airport}`, when: c.origin.eq(airport), mostly: 0.99 }),
    c.delay.mean({ id: `mean-at-${airport}`, when: c.origin.eq(airport), min: -10, max: 40 }),
    c.distance.max({ id: `farthest-from-${airport}`, when: c.destination.eq(airport), max: 5000 }),
  ]),
])
