import { expect as must } from '../../src/index.ts'
import { set } from './flights.ts'

const hawaii = ['HNL', 'OGG', 'KOA', 'LIH', 'ITO']
const california = ['LAX', 'SFO', 'SAN', 'OAK', 'SJC', 'SMF', 'BUR', 'ONT', 'SNA', 'PSP']
const newYork = ['JFK', 'LGA', 'EWR', 'HPN', 'ISP']

/**
 * How somebody who plans flights would write it: conditions on days and hours, regions as sets of airports, totals of groups,
 * lengths and patterns of codes, dates, the order in which flights leave. Written before anything was made faster, and not
 * run until that was done.
 */
export const operations = set(c => [
  must.rowCount({ min: 1_000_000, max: 10_000_000 }),
  must.columnCount({ min: 5, max: 5 }),
  // dates
  c.date.between(new Date('2001-01-01'), new Date('2001-07-01'), { id: 'first-half-year' }),
  c.date.between(new Date('2001-01-01'), new Date('2001-06-01'), { id: 'before-summer', mostly: 0.5 }),
  c.date.between(new Date('2001-02-01'), undefined, { id: 'after-january', severity: 'warning' }),
  c.date.freshness('36500d'),
  c.date.distinctCount({ min: 10_000 }),
  c.date.contiguous({ step: '1d', id: 'no-day-without-flights' }),
  c.date.notNull({ id: 'date-known' }),
  // the order in which flights leave
  c.date.increasing({ orderBy: c.date, partitionBy: [c.origin], id: 'clock-goes-on' }),
  c.distance.decreasing({ orderBy: c.date, partitionBy: [c.destination], id: 'far-first', mostly: 0.1 }),
  // who flies when
  must.unique([c.origin, c.destination, c.date, c.distance], { id: 'one-gate', mostly: 0.5 }),
  must.unique([c.date, c.origin, c.destination], {
    id: 'one-gate-hawaii',
    when: c.origin.in(hawaii),
    mostly: 0.9,
  }),
  // conditions on the calendar
  ...[1, 2, 3, 4, 5, 6, 7].flatMap(day => [
    c.delay.mean({ id: `mean-on-${day}`, when: c.date.dayOfWeek().eq(day), min: -20, max: 30 }),
    c.delay.between(-90, 900, { id: `delay-on-${day}`, when: c.date.dayOfWeek().eq(day), mostly: 0.99 }),
  ]),
  ...[0, 6, 12, 18].map(hour =>
    c.delay.quantile(0.9, {
      id: `late-from-${hour}`,
      when: c.date
        .hour()
        .gte(hour)
        .and(c.date.hour().lt(hour + 6)),
      min: -60,
      max: 240,
    }),
  ),
  c.delay.median({ id: 'holidays', when: c.date.month().eq(5).and(c.date.day().gte(25)), max: 30 }),
  must.that(c.date.minute().lt(60), { id: 'minutes' }),
  must.that(c.date.year().eq(2001), { id: 'year' }),
  must.that(c.date.hour().gte(5).or(c.delay.gt(-60)), { id: 'night-early', mostly: 0.9 }),
  must.that(c.date.plusMinutes(c.delay).gt(c.date.minus('1d')), { id: 'takes-off-after-all', mostly: 0.99 }),
  // regions
  must.implies(c.origin.in(hawaii), c.distance.gt(80), { id: 'islands' }),
  must.implies(c.origin.in(california).and(c.destination.in(california)), c.distance.lt(700), { id: 'in-state' }),
  must.implies(c.origin.in(newYork), c.destination.in(newYork).not(), { id: 'not-next-door', mostly: 0.99 }),
  must.that(c.origin.in([...california, ...newYork]).or(c.destination.in([...california, ...newYork])), {
    id: 'coasts',
    mostly: 0.2,
  }),
  ...[hawaii, california, newYork].flatMap((airports, i) => [
    c.delay.sum({ id: `minutes-${i}`, when: c.origin.in(airports), min: -10_000_000, max: 10_000_000 }),
    c.distance.sum({ id: `miles-${i}`, when: c.origin.in(airports), min: 0 }),
    c.distance.max({ id: `farthest-${i}`, when: c.destination.in(airports), max: 5000 }),
    c.destination.distinctCount({ id: `reached-${i}`, when: c.origin.in(airports), min: 5, max: 250 }),
    c.delay.std({ id: `spread-${i}`, when: c.destination.in(airports), max: 100 }),
  ]),
  // codes
  c.origin.length({ min: 3, max: 3 }, { when: c.distance.gt(100) }),
  c.destination.length({ min: 3, max: 3 }, { when: c.delay.gt(0) }),
  c.origin.matches(/^[A-Z]{3}$/, { when: c.delay.lt(0), id: 'code' }),
  c.destination.matches(/^(?:[A-Z]{2}[A-Z])$/, { id: 'code-to' }),
  c.origin.notMatches(/^K/, { id: 'no-icao', mostly: 0.9 }),
  c.destination.matches(/[AEIOU]/, { id: 'a-vowel', mostly: 0.5 }),
  must.that(c.origin.concat(c.destination).matches(/^[A-Z]{6}$/), { id: 'pair' }),
  must.that(c.origin.startsWith('S').and(c.destination.startsWith('S')).not(), { id: 's-to-s', mostly: 0.9 }),
  c.origin.inSet([...hawaii, ...california, ...newYork], { mostly: 0.1, id: 'regions' }),
  c.destination.notInSet(['XXX', 'ZZZ', '---'], { id: 'no-filler' }),
  // figures
  c.delay.noOutliers({ method: 'iqr', limit: 10, mostly: 0.95 }),
  c.distance.multipleOf(1, { when: c.origin.ne('ATL') }),
  c.distance.quantile(0.5, { min: 100, max: 1500, when: c.delay.lt(0), id: 'punctual-median' }),
  c.delay.nullShare({ max: 0.1 }),
  must.compare(c.distance, 'gt', c.delay.minus(2000), { id: 'slower-than-walking' }),
  must.correlation(c.distance, c.delay, { min: -0.5, max: 0.5, method: 'pearson', id: 'far-is-late' }),
])
