import { expect as must } from '../src/index.ts'
import type { ExpectationColumns } from '../src/define/expectation/index.ts'
import type { Expectation } from '../src/define/expectation/spec.ts'
import { t } from '../src/index.ts'

export const columns = {
  date: t.timestamp('UTC'),
  delay: t.int(),
  distance: t.int(),
  origin: t.text(),
  destination: t.text(),
}
type C = ExpectationColumns<typeof columns>

/** With the six that stand by themselves these are 68 checks on the flights, of which 15 must fail. */
export const checks = (c: C): readonly Expectation[] => [
  must.rowCount({ min: 2_999_999, max: 3_000_001 }),
  must.columnCount({ min: 5, max: 5 }),
  must.columnExists('delay'),
  must.duplicateRows({ id: 'duplicates' }), // fails: 191
  must.that(c.origin.ne(c.destination), { id: 'no-loops' }),
  c.date.between(new Date('2001-01-01'), new Date('2001-07-01'), { id: 'date-year' }),
  c.date.between(new Date('2001-01-01'), new Date('2001-06-30'), { id: 'date-june' }), // fails
  c.date.nullShare({ max: 0 }),
  c.delay.between(-1200, 1700),
  c.delay.between(-120, 1440, { id: 'delay-day' }), // fails: 11
  c.delay.between(-60, 600, { mostly: 0.999 }),
  c.delay.between(-30, 60, { mostly: 0.99, id: 'delay-tight' }), // fails
  c.delay.between(-15, undefined, { maxBad: 100, id: 'delay-early' }), // fails
  c.delay.notInSet([9999, -9999]),
  c.delay.mean({ min: 0, max: 10 }),
  c.delay.mean({ min: 10, id: 'delay-mean-high' }), // fails
  c.delay.median({ min: -5, max: 5 }),
  c.delay.std({ max: 40 }),
  c.delay.sum({ min: 1 }),
  c.delay.min({ min: -120, id: 'delay-min' }), // fails
  c.delay.max({ max: 1700 }),
  c.delay.quantile(0.01, { min: -40 }),
  c.delay.quantile(0.25, { max: 0 }),
  c.delay.quantile(0.75, { max: 20 }),
  c.delay.quantile(0.99, { max: 100, id: 'delay-q99' }), // fails
  c.delay.distinctCount({ min: 500, max: 1000 }),
  c.delay.topValueShare({ max: 0.1 }),
  c.delay.nullShare({ max: 0 }),
  c.delay.notConstant(),
  c.delay.entropy({ min: 4 }),
  c.distance.between(0, 5000),
  c.distance.between(50, 3000, { mostly: 0.99 }),
  c.distance.between(100, 2500, { mostly: 0.999, id: 'distance-tight' }), // fails
  c.distance.sum({ max: 1e9, id: 'distance-sum' }), // fails
  c.distance.mean({ min: 700, max: 760 }),
  c.distance.median({ min: 500, max: 620 }),
  c.distance.std({ min: 500, max: 620 }),
  c.distance.min({ min: 20 }),
  c.distance.max({ max: 4500, id: 'distance-max' }), // fails
  c.distance.quantile(0.1, { min: 100 }),
  c.distance.quantile(0.9, { max: 1700 }),
  c.distance.distinctCount({ min: 1000, max: 1200 }),
  c.distance.topValueShare({ max: 0.05 }),
  c.distance.nullShare({ max: 0 }),
  c.origin.matches(/^[A-Z]{3}$/),
  c.origin.notMatches(/[0-9]/),
  c.origin.length({ min: 3, max: 3 }),
  c.origin.trimmed(),
  c.origin.distinctCount({ min: 200, max: 250 }),
  c.origin.distinctCount({ max: 220, id: 'origin-few' }), // fails
  c.origin.containsSet(['ATL', 'ORD', 'LAX']),
  c.origin.topValueShare({ max: 0.06 }),
  c.origin.notInSet(['XXX', '']),
  c.origin.notInSet(['ATL', 'DFW'], { id: 'origin-two' }), // fails
  c.destination.matches(/^[A-Z]{3}$/),
  c.destination.length({ min: 3, max: 3 }),
  c.destination.trimmed(),
  c.destination.distinctCount({ min: 200, max: 250 }),
  c.destination.topValueShare({ max: 0.05, id: 'destination-top' }), // fails
  c.destination.notInSet(['ATL'], { id: 'destination-no-atlanta' }), // fails
  c.destination.entropy({ min: 5 }),
  c.destination.notConstant(),
]

export const mustFail = [
  'duplicates',
  'date-june',
  'delay-day',
  'delay-tight',
  'delay-early',
  'delay-mean-high',
  'delay-min',
  'delay-q99',
  'distance-tight',
  'distance-max',
  'distance-sum',
  'origin-few',
  'origin-two',
  'destination-top',
  'destination-no-atlanta',
]
