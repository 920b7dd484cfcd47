import { exactMicros, formatTime, micros, parseDuration, spanInWords, type Duration } from '../../../internal/time.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { refuse } from '../../named.ts'
import { columnKind, type Kind } from '../kind.ts'
import { expectation, type Expectation, type ExpectationOptions } from '../spec.ts'
import { overNothing } from '../verdict.ts'
import { where } from '../where.ts'

type Method = (maxAge: Duration, options?: ExpectationOptions) => Expectation

/** Clocks differ by a little; a value further ahead is a fault of the data. */
const ahead = 5 * 60_000_000

const kind: Kind<{ of: Node; maxAgeMicros: number }> = {
  name: 'freshness',
  group: 'table',
  summary: 'The newest value of a timestamp is at most so old, and not more than five minutes in the future.',
  example: "c.placed.freshness('36500d')",
  restsOnMore: () => true,
  needs: ({ args, when }) => ({ metrics: { extremes: { fn: 'extremes', of: args.of, ...where(when) } } }),
  verdict: (spec, measured, { now }) => {
    const { max } = measured.metric('extremes', 'extremes')
    const allowed = spanInWords(spec.args.maxAgeMicros)
    const threshold = `at most ${allowed} old`
    if (max === null) return overNothing(spec, threshold)
    const age = now - Number(max)
    const future = age < -ahead
    const holds = !future && age <= spec.args.maxAgeMicros
    const newest = formatTime(exactMicros(max))
    return {
      status: holds ? 'pass' : 'fail',
      observed: { newest, ageSeconds: age / 1e6 },
      evaluated: 1,
      bad: holds ? 0 : 1,
      threshold,
      message: future
        ? `${spec.says}: the newest value, ${newest}, lies ${spanInWords(age)} in the future`
        : `${spec.says}: the newest value, ${newest}, is ${spanInWords(age)} old, allowed is ${allowed}`,
    }
  },
}

export const freshness = columnKind<{ timestamp: Method }>()({
  kind,
  on: ['timestamp'],
  make: (of: Node, maxAge: Duration, options: ExpectationOptions = {}) => {
    if (parseDuration(maxAge) === undefined)
      refuse('expectation', 'freshness', `'${String(maxAge)}' is not a duration such as '15m' or '30d'`)
    return expectation({
      kind: 'freshness',
      says: `${describe(of)} at most ${maxAge} old`,
      args: { of, maxAgeMicros: micros(maxAge) },
      columns: columnsOf(of),
      options,
    })
  },
})
