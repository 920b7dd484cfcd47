import { describe, expect, test } from 'vitest'
import { graph, type GraphBuilder, graphScaling, type GraphScaling, readModel, writeModel } from './index.ts'

const names = ['a', 'b', 'c']

/** What is read of a graph that ends in a matrix product of the value that `make` gives, of one matrix or of one input a column. */
function read(make: (builder: GraphBuilder) => string, oneAColumn = false): GraphScaling {
  const builder = graph('some')
  if (oneAColumn) for (const name of names) builder.input(name, 'float', ['N', 1])
  else builder.input('x', 'float', ['N', 3])
  const last = make(builder)
  builder.node('MatMul', [last, builder.constant('weights', 'float', [3, 1], [1, 1, 1])], 'score')
  builder.output('score', 'float', ['N', 1])
  const bytes = writeModel(builder.build(), {}, '', 'elsewhere')
  const feeds: readonly (readonly [string, readonly string[]])[] = oneAColumn
    ? names.map(name => [name, [name]])
    : [['x', names]]
  return graphScaling(readModel(bytes).graph as never, new Map(feeds), new Set(names))
}
const figures = ({ scales }: GraphScaling): unknown =>
  Object.fromEntries(scales.map(({ input, offset, scale }) => [input, [offset, scale]]))
const why = ({ unscaled }: GraphScaling): unknown =>
  Object.fromEntries(unscaled.map(({ input, reason }) => [input, reason]))

const list = (builder: GraphBuilder, name: string, values: readonly number[]): string =>
  builder.constant(name, 'float', [values.length], values)

describe('scalers in graphs', () => {
  test('a chain of a network: less the mean, divided by the deviation', () => {
    const found = read(b => {
      b.node('Sub', ['x', list(b, 'mean', [10, 20, 30])], 'less')
      return b.node('Div', ['less', list(b, 'deviation', [2, 4, 8])], 'z')
    })
    expect(figures(found)).toEqual({ a: [10, 2], b: [20, 4], c: [30, 8] })
    expect(found.unscaled).toEqual([])
    expect(found.scales[1]).toMatchObject({ value: 'z', place: 1, width: 3 })
  })
  test('the other way round, with one figure for all, and from a constant', () => {
    expect(
      figures(
        read(b => {
          b.node('Mul', ['x', list(b, 'half', [0.5])], 'less')
          return b.node('Add', [list(b, 'one', [1]), 'less'], 'z')
        }),
      ),
    ).toEqual({ a: [-2, 2], b: [-2, 2], c: [-2, 2] })
    expect(figures(read(b => b.node('Sub', [list(b, 'from', [6]), 'x'], 'z')))).toEqual({
      a: [6, -1],
      b: [6, -1],
      c: [6, -1],
    })
  })
  test('columns that are taken apart, scaled differently, turned and joined again', () => {
    const found = read(b => {
      const [axis, to] = [b.constant('axes', 'int64', [1], [1]), b.constant('to', 'int64', [1], [9])]
      b.node('Split', ['x', b.constant('sizes', 'int64', [2], [1, 2])], ['first', 'rest'], { axis: { int: 1 } })
      b.node('Slice', ['rest', b.constant('from', 'int64', [1], [1]), to, axis], 'last')
      b.node('Gather', ['rest', b.constant('place', 'int64', [1], [-2])], 'middle', { axis: { int: 1 } })
      b.node('Div', ['first', list(b, 'ten', [10])], 'tenth')
      b.node('ml.Scaler', ['last'], 'scaled', { offset: { floats: [5] }, scale: { floats: [0.25] } })
      return b.node('Concat', ['scaled', 'tenth', 'middle'], 'z', { axis: { int: 1 } })
    })
    expect(figures(found)).toEqual({ c: [5, 4], a: [0, 10] })
    expect(found.scales[0]).toMatchObject({ input: 'c', place: 0, value: 'z' })
    expect(why(found)).toEqual({ b: 'goes into MatMul as it comes' })
  })
  test('one input a column, joined before the scaler', () => {
    const found = read(b => {
      b.node('Concat', ['c', 'a', 'b'], 'joined', { axis: { int: -1 } })
      return b.node('ml.Scaler', ['joined'], 'z', { offset: { floats: [3, 1, 2] }, scale: { floats: [1] } })
    }, true)
    expect(figures(found)).toEqual({ c: [3, 1], a: [1, 1], b: [2, 1] })
  })
  test('what is missing: filled before, behind, or as a network does; what is cut in the end', () => {
    const imputed = (b: GraphBuilder, from: string): string =>
      b.node('ml.Imputer', [from], 'filled', {
        imputed_value_floats: { floats: [7] },
        replaced_value_float: { float: Number.NaN },
      })
    const scaler = (b: GraphBuilder, from: string): string =>
      b.node('ml.Scaler', [from], 'scaled', { offset: { floats: [1] }, scale: { floats: [0.5] } })
    expect(read(b => scaler(b, imputed(b, 'x'))).scales[0]).toMatchObject({ fill: 7, missing: 3 })
    const behind = read(b => imputed(b, scaler(b, 'x'))).scales[0]
    expect(behind).toMatchObject({ missing: 7 })
    expect(behind).not.toHaveProperty('fill')
    const where = read(b => {
      b.node('IsNaN', ['x'], 'gone')
      return scaler(b, b.node('Where', ['gone', list(b, 'instead', [1, 2, 3]), 'x'], 'filled'))
    })
    expect(where.scales.map(one => one.fill)).toEqual([1, 2, 3])
    const cut = read(b => b.node('Clip', [scaler(b, 'x'), b.constant('least', 'float', [], [0])], 'z'))
    expect(cut.scales[0]).toMatchObject({ offset: 1, scale: 2, clip: { min: 0 } })
  })
  test('why nothing is read, by input', () => {
    expect(why(read(() => 'x'))).toEqual(Object.fromEntries(names.map(name => [name, 'goes into MatMul as it comes'])))
    const log = read(b => b.node('Div', [b.node('Log', ['x'], 'log'), list(b, 'ten', [10])], 'z'))
    expect(why(log)).toMatchObject({ a: 'passes Log before anything scales it' })
    expect(log.scales).toEqual([])
    expect(why(read(b => b.node('Softmax', ['x'], 'z')))).toMatchObject({ b: 'goes into Softmax as it comes' })
    expect(why(read(b => b.node('Identity', [list(b, 'x2', [1, 2, 3])], 'z')))).toMatchObject({
      c: 'is taken by nothing in the graph',
    })
    const [none, much] = [read(b => b.node('Mul', ['x', list(b, 'f', [1, 0, 2])], 'z')), read(b => divided(b))]
    expect(why(none)).toEqual({ b: 'is multiplied by 0 in the graph' })
    expect(none.unscaled[0]?.broken).toBe(true)
    expect(why(much)).toEqual({ c: 'is divided by 0 in the graph' })
    function divided(b: GraphBuilder): string {
      return b.node('Div', ['x', list(b, 'd', [1, 2, 0])], 'z')
    }
  })
  test('what makes more columns or rows than there are is no scaler', () => {
    // Each row against each of three centres
    const centres = read(b => b.node('Sub', ['x', b.constant('centres', 'float', [3, 3], Array(9).fill(1))], 'z'))
    expect(centres.scales).toEqual([])
    expect(why(centres)).toMatchObject({ a: 'goes into Sub as it comes' })
    const upright = read(b => b.node('Reshape', ['x', b.constant('shape', 'int64', [2], [-1, 1])], 'z'))
    expect(why(upright)).toMatchObject({ a: 'goes into Reshape as it comes' })
    // A file that joins a value with itself until no memory could hold it
    const endless = read(b => {
      let value = 'x'
      for (let i = 0; i < 60; i++) value = b.node('Concat', [value, value], `twice${i}`, { axis: { int: 1 } })
      return value
    })
    expect(endless.scales).toEqual([])
  })
  test('an input that is scaled in two ways is there twice, one that is scaled alike once', () => {
    const found = read(b => {
      b.node('Div', ['x', list(b, 'two', [2])], 'halves')
      b.node('Div', ['x', list(b, 'four', [4])], 'quarters')
      b.node('MatMul', ['halves', 'weights'], 'one')
      b.node('MatMul', ['halves', 'weights'], 'again')
      return 'quarters'
    })
    expect(found.scales.map(({ input, scale }) => `${input} ${scale}`).toSorted()).toEqual(
      names.flatMap(name => [`${name} 2`, `${name} 4`]),
    )
  })
})
