import fc from 'fast-check'
import { InferenceSession, Tensor } from 'onnxruntime-web'
import { describe, expect, it } from 'vitest'
import { graph, writeModel } from '../../onnx/index.ts'
import { anyExpression, anyRow, rowColumns } from './arbitrary.ts'
import type { ColumnType, Value } from './dialect.ts'
import { column, when } from './index.ts'
import { describe as describeNode, type Node } from './node.ts'
import { ExpressionGraph, graphObstacle } from './onnx.ts'
import { compareValues, toEvaluator } from './row.ts'
import { times } from '../../../test/fuzz/edges.ts'
import { edgeColumns, edgeRows, everyFunction } from '../../../test/support/every-function.ts'

type Rows = readonly Readonly<Record<string, Value>>[]
const kinds = { int: 'int64', timestamp: 'int64', float: 'double', bool: 'bool' } as const

/** Runs expressions in a graph over rows; null where invalid. */
async function run(
  nodes: readonly Node[],
  rows: Rows,
  columns: readonly (readonly [string, ColumnType])[] = rowColumns,
): Promise<Value[][]> {
  const builder = graph('expressions')
  const used = columns.filter(([, type]) => type !== 'text')
  for (const [name, type] of used) {
    builder.input(name, kinds[type as keyof typeof kinds], ['N'])
    builder.input(`${name}_valid`, 'bool', ['N'])
  }
  const made = new ExpressionGraph(builder, name => ({ value: name, valid: `${name}_valid` }))
  // Constants have one element; adding to a column's shape spreads them over the rows
  const spread = (value: string, type: 'int64' | 'double' | 'bool', i: string): string =>
    builder.node('Expand', [value, 'shape'], `${i}_${type}`)
  builder.node('Shape', ['i'], 'shape')
  nodes.forEach((node, at) => {
    const { value, valid } = made.add(node)
    const kind = kinds[node.type as keyof typeof kinds]
    builder.output(spread(value, kind, `value${at}`), kind, ['N'])
    builder.output(spread(valid, 'bool', `valid${at}`), 'bool', ['N'])
  })
  const session = await InferenceSession.create(writeModel(builder.build(), {}, 'test'), { logSeverityLevel: 3 })
  const feeds: Record<string, Tensor> = {}
  for (const [name, type] of used) {
    const values = rows.map(row => row[name] as Value)
    const kind = kinds[type as keyof typeof kinds]
    const data =
      kind === 'int64'
        ? BigInt64Array.from(values, value => BigInt((value ?? 0) as number))
        : kind === 'double'
          ? Float64Array.from(values, value => Number(value ?? 0))
          : Uint8Array.from(values, value => (value ? 1 : 0))
    feeds[name] =
      kind === 'int64'
        ? new Tensor('int64', data as BigInt64Array, [rows.length])
        : kind === 'double'
          ? new Tensor('float64', data as Float64Array, [rows.length])
          : new Tensor('bool', data as Uint8Array, [rows.length])
    feeds[`${name}_valid`] = new Tensor(
      'bool',
      Uint8Array.from(values, value => (value === null ? 0 : 1)),
      [rows.length],
    )
  }
  const inputs = Object.fromEntries(session.inputNames.map(name => [name, feeds[name] as Tensor]))
  const results = await session.run(inputs)
  await session.release()
  return nodes.map((node, at) => {
    const kind = kinds[node.type as keyof typeof kinds]
    const values = results[`value${at}_${kind}`]?.data as BigInt64Array | Float64Array | Uint8Array
    const valid = results[`valid${at}_bool`]?.data as Uint8Array
    return rows.map((_, r) => (valid[r] ? (kind === 'bool' ? values[r] === 1 : (values[r] as number | bigint)) : null))
  })
}

const close = (a: Value, b: Value): boolean => {
  if (a === null || b === null) return a === b
  if (typeof a === 'number' && typeof b === 'number')
    return (
      Object.is(a, b) ||
      a === b ||
      (Number.isNaN(a) && Number.isNaN(b)) ||
      Math.abs(a - b) <= Math.max(1e-290, 1e-12 * Math.max(Math.abs(a), Math.abs(b)))
    )
  return compareValues(a, b) === 0
}

describe('an expression means the same in an ONNX graph as in TypeScript', () => {
  it('on random expressions and rows, nulls and wrapped integers included', async () => {
    const inGraph = anyExpression.filter(node => graphObstacle(node) === undefined)
    await fc.assert(
      fc.asyncProperty(
        fc.array(inGraph, { minLength: 8, maxLength: 8 }),
        fc.array(anyRow, { minLength: 10, maxLength: 10 }),
        async (nodes, rows) => {
          const found = await run(nodes, rows)
          nodes.forEach((node, at) => {
            const evaluate = toEvaluator(node)
            rows.forEach((row, r) => {
              const here = evaluate(name => row[name] as Value)
              const there = found[at]?.[r] as Value
              if (!close(here, typeof there === 'bigint' && typeof here === 'number' ? Number(there) : there))
                throw new Error(
                  `${JSON.stringify(node)} on ${JSON.stringify(row, (_, v) => (typeof v === 'bigint' ? `${v}n` : v))}: graph ${String(there)}, row ${String(here)}`,
                )
            })
          })
        },
      ),
      { numRuns: 6 * times },
    )
  })

  it('every function on every pair of edges', async () => {
    const nodes = everyFunction.filter(node => graphObstacle(node) === undefined)
    expect(nodes.length).toBeGreaterThan(100)
    const found = await run(nodes, edgeRows, edgeColumns)
    const wrong: unknown[] = []
    nodes.forEach((node, at) => {
      const evaluate = toEvaluator(node)
      edgeRows.forEach((row, r) => {
        const here = evaluate(name => row[name] as Value)
        const there = found[at]?.[r] as Value
        if (!close(here, typeof there === 'bigint' && typeof here === 'number' ? Number(there) : there))
          wrong.push([describeNode(node), row, `graph ${there}`, `row ${here}`])
      })
    })
    expect(wrong.slice(0, 5)).toEqual([])
  })

  it('says why text and named zones have no graph form', () => {
    expect(graphObstacle(column('s', 'text').node)).toMatch(/text/)
    expect(
      graphObstacle((column('at', 'timestamp') as { hour(zone: string): { node: Node } }).hour('Europe/Berlin').node),
    ).toMatch(/Europe\/Berlin/)
  })

  it('keeps the remainder of a constant one, whatever the runtime makes of the division', async () => {
    const node: Node = {
      op: 'call',
      fn: 'mod',
      type: 'int',
      args: [
        { op: 'literal', type: 'int', value: 1 },
        { op: 'column', name: 'i', type: 'int' },
      ],
    }
    const rows = [2, 1, -3, 0].map(value => ({
      ...Object.fromEntries(rowColumns.map(([name]) => [name, null])),
      i: value,
    }))
    expect((await run([node], rows))[0]?.map(value => (value === null ? null : Number(value)))).toEqual([1, 0, 1, null])
  })

  it('takes the first true branch', async () => {
    const f = column<'float', true, 'f'>('f', 'float')
    const node = when(
      [
        [f.lt(0), 1],
        [f.lt(10), 2],
      ],
      3,
    ).node
    const rows = [-1, 5, 20, null].map(value => ({
      ...Object.fromEntries(rowColumns.map(([name]) => [name, null])),
      f: value,
    }))
    expect((await run([node], rows))[0]).toEqual([1, 2, 3, 3])
  })
})
