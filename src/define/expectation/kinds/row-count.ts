import { onlyKeys, refuse } from '../../named.ts'
import { tableKind, type Kind } from '../kind.ts'
import {
  boundsInWords,
  boundsOf,
  checkBounds,
  expectation,
  type Bounds,
  type Expectation,
  type ExpectationOptions,
} from '../spec.ts'
import { bounded, count, skipped } from '../verdict.ts'
import { where } from '../where.ts'

export interface Size extends Bounds {
  /** Exactly so many. */
  readonly equals?: number
  /** Bounds of the ratio to the number of rows that the last evaluation saw. */
  readonly vsPrevious?: {
    /** Least ratio: 0.5 lets half of them be gone. */
    readonly minRatio?: number
    /** Greatest ratio. */
    readonly maxRatio?: number
  }
}

const kind: Kind<Size> = {
  name: 'rowCount',
  group: 'table',
  looksBack: true,
  summary:
    'The number of rows lies within bounds, or near the last one. Read from the footer where the format has one.',
  example: 'expect.rowCount({ min: 100 })',
  needs: ({ when }) => ({ metrics: { rows: { fn: 'rows', ...where(when) } } }),
  verdict: (spec, measured, { history }) => {
    const rows = measured.metric('rows', 'rows')
    const { vsPrevious } = spec.args
    if (!vsPrevious) return bounded(spec, spec.args, rows, rows)
    const before = history('value').at(-1)
    if (before === undefined || before === 0) {
      const absolute = spec.args.min !== undefined || spec.args.max !== undefined
      return absolute
        ? bounded(spec, spec.args, rows, rows)
        : { ...skipped(spec, 'there is no earlier evaluation to compare with'), observed: { value: rows } }
    }
    const { minRatio = 0, maxRatio = Number.POSITIVE_INFINITY } = vsPrevious
    const bounds = {
      min: Math.max(spec.args.min ?? 0, minRatio * before),
      max: Math.min(spec.args.max ?? Number.POSITIVE_INFINITY, maxRatio * before),
    }
    return bounded(spec, bounds, rows, rows, {
      observed: { previous: before },
      shown: `${count(rows)}, before it was ${count(before)}`,
    })
  },
}

function checkRatios(ratios: NonNullable<Size['vsPrevious']>): void {
  onlyKeys('expectation', 'rowCount vsPrevious', ratios, ['minRatio', 'maxRatio'])
  const { minRatio: min, maxRatio: max } = ratios
  checkBounds('rowCount', { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }, 0)
}

export const rowCount = tableKind({
  kind,
  optionsRequired: true,
  make: (options: Size & ExpectationOptions): Expectation => {
    const { equals, vsPrevious } = options
    if (equals !== undefined && (options.min !== undefined || options.max !== undefined))
      refuse('expectation', 'rowCount', 'takes equals, or min and max')
    const bounds = equals === undefined ? boundsOf(options) : { min: equals, max: equals }
    if (!vsPrevious || bounds.min !== undefined || bounds.max !== undefined) checkBounds('rowCount', bounds, 0)
    if (vsPrevious) checkRatios(vsPrevious)
    const words = [
      ...(bounds.min === undefined && bounds.max === undefined ? [] : [boundsInWords(bounds)]),
      ...(vsPrevious
        ? [
            `${boundsInWords({ ...(vsPrevious.minRatio === undefined ? {} : { min: vsPrevious.minRatio }), ...(vsPrevious.maxRatio === undefined ? {} : { max: vsPrevious.maxRatio }) })} times the last`,
          ]
        : []),
    ]
    return expectation({
      kind: 'rowCount',
      says: `row count ${words.join(' and ')}`,
      args: { ...bounds, ...(vsPrevious ? { vsPrevious } : {}) } satisfies Size,
      columns: [],
      options,
      more: ['min', 'max', 'equals', 'vsPrevious'],
    })
  },
})
