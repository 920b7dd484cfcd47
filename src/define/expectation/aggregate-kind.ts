import { describe, type Node } from '../expression/node.ts'
import { onlyKeys, refuse } from '../named.ts'
import { checkNumbers, checkWord } from './options.ts'
import type { Kind, Measurements } from './kind.ts'
import type { Metric, MetricName, MetricResults } from './metric.ts'
import type { Reference } from './rule.ts'
import {
  boundsInWords,
  boundsOf,
  checkBounds,
  columnsOfAll,
  expectation,
  type Bounds,
  type Expectation,
  type ExpectationOptions,
} from './spec.ts'
import { bounded, figure, skipped } from './verdict.ts'
import { where } from './where.ts'

/** How far a measure may be from the same measure of a reference. */
export interface ReferenceBounds {
  readonly to: 'previous'
  /** Greatest relative difference: |x − r| ≤ maxRel·|r|. */
  readonly maxRel?: number
  /** Greatest difference in standard deviations of the reference. Of numbers only. */
  readonly maxSigma?: number
}

export type AggregateOptions = Bounds & ExpectationOptions & { readonly vsReference?: ReferenceBounds }

export interface AggregateArgs extends Bounds {
  readonly of: Node
  readonly vsReference?: ReferenceBounds
}

interface AggregateKind<N extends MetricName> {
  readonly name: string
  readonly summary: string
  readonly example: string
  readonly approximate?: string
  readonly words: (of: string) => string
  readonly fn: N
  readonly metric: (of: Node, where: Node | undefined) => Metric & { readonly fn: N }
  /** The figure, and of how many values; null where there is none. */
  readonly value: (result: MetricResults[N]) => { readonly value: number | null; readonly evaluated: number }
  readonly lowest?: number
}

/** One figure of one column that must lie within bounds, or near the same figure of a reference. */
export function aggregateKind<N extends MetricName>(definition: AggregateKind<N>) {
  const { name, fn, metric, value } = definition
  const kind: Kind<AggregateArgs> = {
    name,
    group: 'aggregate',
    summary: definition.summary,
    example: definition.example,
    ...(definition.approximate ? { approximate: definition.approximate } : {}),
    needs: spec => {
      const { of, vsReference } = spec.args
      const reference: Reference = { previous: true }
      return {
        metrics: { measure: metric(of, spec.when) },
        ...(vsReference
          ? {
              reference: {
                from: reference,
                metrics: {
                  measure: metric(of, spec.when),
                  ...(vsReference.maxSigma === undefined
                    ? {}
                    : { spread: { fn: 'moments', of, spread: true, ...where(spec.when) } as const }),
                },
              },
            }
          : {}),
      }
    },
    verdict: (spec, measured) => {
      const found = value(measured.metric('measure', fn))
      const { vsReference } = spec.args
      if (!vsReference) return bounded(spec, spec.args, found.value, found.evaluated)
      const before = referenceBounds(vsReference, measured, fn, value)
      if (!before) return skipped(spec, 'there is no earlier snapshot to compare with')
      const min = Math.max(before.min, spec.args.min ?? Number.NEGATIVE_INFINITY)
      const max = Math.min(before.max, spec.args.max ?? Number.POSITIVE_INFINITY)
      return bounded(spec, { min, max }, found.value, found.evaluated, {
        observed: { reference: before.value },
        ...(found.value === null ? {} : { shown: `${figure(found.value)}, before it was ${figure(before.value)}` }),
      })
    },
  }
  const make = (of: Node, options: AggregateOptions): Expectation => {
    if (options.vsReference === undefined || options.min !== undefined || options.max !== undefined)
      checkBounds(name, options, definition.lowest)
    if (options.vsReference) checkReference(name, of, options.vsReference)
    const near = options.vsReference
      ? `${options.min === undefined && options.max === undefined ? '' : ' and '}near the last one`
      : ''
    const range = options.min === undefined && options.max === undefined ? '' : boundsInWords(options)
    return expectation({
      kind: name,
      says: `${definition.words(describe(of))} ${range}${near}`,
      args: { of, ...boundsOf(options), ...(options.vsReference ? { vsReference: options.vsReference } : {}) },
      columns: columnsOfAll([of]),
      options,
      more: ['min', 'max', 'vsReference'],
    })
  }
  return { kind, make, optionsRequired: true as const }
}

function checkReference(name: string, of: Node, bounds: ReferenceBounds): void {
  onlyKeys('expectation', `${name} vsReference`, bounds, ['to', 'maxRel', 'maxSigma'])
  checkWord(name, 'vsReference.to', bounds.to ?? '', ['previous'])
  checkNumbers(name, { maxRel: bounds.maxRel, maxSigma: bounds.maxSigma })
  if (bounds.maxRel === undefined && bounds.maxSigma === undefined)
    refuse('expectation', name, 'vsReference needs maxRel, maxSigma or both')
  if (bounds.maxSigma !== undefined && of.type !== 'int' && of.type !== 'float')
    refuse('expectation', name, 'maxSigma is of numbers only')
}

function referenceBounds<N extends MetricName>(
  bounds: ReferenceBounds,
  measured: Measurements,
  fn: N,
  value: AggregateKind<N>['value'],
): { readonly value: number; readonly min: number; readonly max: number } | undefined {
  const result = measured.reference('measure', fn)
  const before = result === undefined ? null : value(result).value
  if (before === null) return undefined
  const spread = bounds.maxSigma === undefined ? undefined : measured.reference('spread', 'moments')
  const away = Math.min(
    bounds.maxRel === undefined ? Number.POSITIVE_INFINITY : bounds.maxRel * Math.abs(before),
    spread === undefined ? Number.POSITIVE_INFINITY : (bounds.maxSigma as number) * Math.sqrt(spread.m2 / spread.count),
  )
  return { value: before, min: before - away, max: before + away }
}
