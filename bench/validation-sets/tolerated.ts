import { expect as must } from '../../src/index.ts'
import { set } from './flights.ts'

/** Tolerance: rules that hundreds of thousands of rows break and that pass, with limits, conditions and warnings of each kind. */
export const tolerated = set(c => [
  must.rowCount({ min: 2_900_000 }),
  must.duplicateRows({ severity: 'warning' }),
  ...[0, 5, 10, 15, 20, 30, 45, 60].map(limit =>
    c.delay.between(undefined, limit, { id: `at-most-${limit}`, mostly: 0.4 }),
  ),
  ...[-20, -15, -10, -5, 0, 5].map(limit =>
    c.delay.between(limit, undefined, { id: `at-least-${limit}`, mostly: 0.2 }),
  ),
  ...[200, 400, 800, 1600].map(limit => c.distance.between(undefined, limit, { id: `nearer-${limit}`, mostly: 0.1 })),
  ...[200, 400, 800, 1600].map(limit =>
    c.distance.between(limit, undefined, { id: `farther-${limit}`, severity: 'warning' }),
  ),
  ...['ATL', 'ORD', 'LAX', 'DFW', 'PHX', 'DEN'].map(airport =>
    c.origin.notInSet([airport], { id: `not-from-${airport}`, mostly: 0.9 }),
  ),
  ...['ATL', 'ORD', 'LAX', 'DFW', 'PHX', 'DEN'].map(airport =>
    c.destination.notInSet([airport], { id: `not-to-${airport}`, severity: 'info' }),
  ),
  c.origin.matches(/^[A-M]/, { id: 'first-half', mostly: 0.3 }),
  c.destination.matches(/^[A-M]/, { id: 'first-half-to', mostly: 0.3 }),
  c.origin.notMatches(/[XQZ]/, { id: 'rare-letters', mostly: 0.8 }),
  c.destination.notMatches(/[XQZ]/, { id: 'rare-letters-to', mostly: 0.8 }),
  must.that(c.delay.gt(15).and(c.distance.gt(500)).not(), { id: 'late-far', mostly: 0.7 }),
  must.that(c.delay.gt(15).or(c.distance.gt(500)), { id: 'late-or-far', mostly: 0.3 }),
  must.that(c.date.hour().gte(6).and(c.date.hour().lt(22)), { id: 'daytime', mostly: 0.8 }),
  must.that(c.date.hour().ne(3), { id: 'not-at-three', maxBad: 100_000 }),
  must.that(c.date.month().lte(5), { id: 'before-june', mostly: 0.7 }),
  ...[1, 2, 3, 4, 5, 6].flatMap(month => [
    c.delay.between(-30, 120, { id: `month-${month}`, when: c.date.month().eq(month), mostly: 0.9 }),
    c.distance.between(100, 2500, { id: `miles-${month}`, when: c.date.month().eq(month), mostly: 0.9 }),
  ]),
  ...[0.1, 0.5, 0.9].map(q => c.delay.quantile(q, { id: `q${q}`, min: -50, max: 200 })),
  must.that(c.delay.minus(15).abs().gt(5), { id: 'not-about-15', warn: { share: 0.01 } }),
  must.unique([c.date, c.origin], { id: 'unique-tolerated', mostly: 0.1 }),
])
