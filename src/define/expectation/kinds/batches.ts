import { digestBytes } from '../../../internal/digest.ts'
import type { Duration } from '../../../internal/time.ts'
import type { Expression } from '../../expression/types.ts'
import { refuse } from '../../named.ts'
import type { ScalarType } from '../../expression/node.ts'
import { tableKind } from '../kind.ts'
import { rowKind } from '../row-kind.ts'
import { columnNames, rowExpectation, type BatchFunction, type Expectation, type RowOptions } from '../spec.ts'
import { timeoutOf } from '../options.ts'

export interface BatchLimits {
  /** The declaration in words. */
  readonly says: string
  /** Longest time for all rows (default 1 minute). */
  readonly timeout?: Duration
  /** Most memory of its process, in megabytes (default 512). */
  readonly memoryMb?: number
}
interface Args {
  readonly columns: readonly string[]
  readonly timeoutMicros: number
  readonly memoryBytes: number
  /** Digest of the function's text: another function is another expectation. */
  readonly code: string
}

type NameOf<E> = E extends Expression<ScalarType, boolean, infer D> ? D : never
type TypedBatch<E extends readonly Expression[]> = {
  readonly [K in NameOf<E[number]>]: readonly ValueIn<Extract<E[number], Expression<ScalarType, boolean, K>>>[]
}
type ValueIn<E> =
  | (E extends Expression<infer T, boolean, string>
      ? T extends 'text'
        ? string
        : T extends 'bool'
          ? boolean
          : T extends 'int' | 'timestamp'
            ? number | bigint
            : number
      : never)
  | null

export const batches = tableKind({
  kind: rowKind<Args>({
    name: 'batches',
    group: 'custom',
    summary:
      'A function of your own gives true for each row of a batch of columns. It runs in a process of its own, limited in time and memory; timestamps are microseconds UTC.',
    example:
      "expect.batches([c.net, c.tax], ({ net, tax }) => net.map((x, i) => x === null || tax[i] === null || x >= (tax[i] ?? 0)), { says: 'tax is no more than the net price' })",
    // what the function calls may change while its own text stays
    restsOnMore: () => true,
    rule: ({ args }) => ({
      by: 'batch',
      columns: args.columns,
      timeoutMicros: args.timeoutMicros,
      memoryBytes: args.memoryBytes,
    }),
  }),
  optionsRequired: true,
  make: <const E extends readonly Expression[]>(
    columns: E,
    check: (batch: TypedBatch<E>) => ArrayLike<boolean>,
    {
      says,
      timeout = '1m',
      memoryMb = 512,
      ...options
    }: Omit<RowOptions, 'nulls' | 'when' | 'nonFinite' | 'denominator'> & BatchLimits,
  ): Expectation => {
    const names = columnNames(columns, 'batches')
    if (names.length === 0) refuse('expectation', 'batches', 'needs at least one column')
    if (typeof check !== 'function') refuse('expectation', 'batches', 'needs a function of a batch')
    if (typeof says !== 'string' || says === '') refuse('expectation', 'batches', 'needs `says`: the rule in words')
    const timeoutMicros = timeoutOf('batches', timeout)
    if (!(typeof memoryMb === 'number' && memoryMb >= 64 && memoryMb <= 1e6))
      refuse('expectation', 'batches', 'memoryMb must be from 64 to 1,000,000')
    return rowExpectation({
      kind: 'batches',
      says,
      args: {
        columns: names,
        timeoutMicros,
        memoryBytes: memoryMb * 1e6,
        code: digestBytes(check.toString()),
      } satisfies Args,
      columns: names,
      options,
      nulls: 'good',
      without: ['when', 'nulls', 'nonFinite', 'denominator'],
      run: check as unknown as BatchFunction,
    })
  },
})
