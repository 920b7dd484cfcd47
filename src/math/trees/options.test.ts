import { describe, expect, it } from 'vitest'
import type { TrainingMatrix } from './ensemble.ts'
import { checkMatrix, maxRows, resolveTreeOptions, type TreeOptions } from './options.ts'

const plain = { task: 'binary', trees: 10 } as const

describe('options of trees', () => {
  it('have the defaults that are written beside them', () => {
    expect(resolveTreeOptions(plain)).toEqual({
      task: 'binary',
      trees: 10,
      depth: 64,
      leaves: 31,
      learningRate: 0.1,
      minLeaf: 20,
      l2: 0,
      maxBins: 255,
      seed: 0,
      earlyStopping: 0,
      subsample: 1,
      columnSample: 1,
      monotone: [],
      categoryL2: 10,
      categorySmoothing: 10,
      quantile: 0.5,
    })
    // as many leaves as the depth can have, where only that is said
    expect(resolveTreeOptions({ ...plain, depth: 4 }).leaves).toBe(16)
    expect(resolveTreeOptions({ ...plain, depth: 40 }).leaves).toBe(4096)
    expect(resolveTreeOptions({ ...plain, depth: 4, leaves: 7 }).leaves).toBe(7)
    expect(resolveTreeOptions({ ...plain, seed: 9 }).seed).toBe(9)
  })

  it.each<[keyof TreeOptions, low: number, high: number, whole: boolean]>([
    ['trees', 1, 100_000, true],
    ['depth', 1, 64, true],
    ['leaves', 2, 4096, true],
    ['learningRate', 1e-6, 1, false],
    ['minLeaf', 1, maxRows, true],
    ['l2', 0, 1e12, false],
    ['maxBins', 2, 255, true],
    ['earlyStopping', 0, 100_000, true],
    ['subsample', 1e-6, 1, false],
    ['columnSample', 1e-6, 1, false],
  ])('%s is from %d to %d', (name, low, high, whole) => {
    const of = (value: number) => resolveTreeOptions({ ...plain, [name]: value })[name as 'trees']
    expect([of(low), of(high)]).toEqual([low, high])
    const between = whole ? low + 1 : (low + high) / 2
    expect(of(between)).toBe(between)
    const words = `${name} must be ${whole ? 'a whole number ' : ''}from ${low} to ${high}, got`
    for (const bad of [low - 1, high * 2, Number.NaN, Infinity, ...(whole ? [low + 0.5] : [])])
      expect(() => of(bad)).toThrow(`${words} ${bad}`)
  })
})

describe('what cannot be trained on is refused, by place', () => {
  const matrix = (over: Partial<TrainingMatrix> = {}): TrainingMatrix => ({
    rows: 3,
    columns: [new Float32Array(3), new Float32Array(3)],
    labels: Float32Array.from([0, 1, 1]),
    ...over,
  })
  const labels = (...list: number[]) => ({ labels: Float32Array.from(list) })
  const weights = (...list: number[]) => ({ weights: Float32Array.from(list) })

  it.each<['regression' | 'binary' | 'multiclass', Partial<TrainingMatrix>, string]>([
    ['binary', { rows: 0 }, 'rows must be a whole number from 1'],
    ['binary', { rows: maxRows + 1 }, 'rows must be a whole number from 1'],
    ['binary', { columns: [] }, 'at least one feature'],
    ['binary', { columns: [new Float32Array(3), new Float32Array(4)] }, 'feature 1 has 4 values for 3 rows'],
    ['binary', labels(0, 1), '2 labels for 3 rows'],
    ['binary', weights(1), '1 weights for 3 rows'],
    ['binary', labels(0, 1, 2), 'label of row 2 is 2, which a binary task cannot learn'],
    ['binary', labels(0, 0.5, 1), 'label of row 1 is 0.5'],
    ['binary', labels(-1, 0, 1), 'label of row 0 is -1'],
    ['binary', labels(0, Number.NaN, 1), 'label of row 1 is NaN'],
    ['regression', labels(0, Infinity, 1), 'label of row 1 is Infinity, which a regression task'],
    ['multiclass', { classes: 3, ...labels(0, 1, 3) }, 'label of row 2 is 3'],
    ['multiclass', {}, 'classes must be a whole number from 2 to 1000, got 0'],
    ['multiclass', { classes: 1 }, 'classes must be a whole number from 2'],
    ['multiclass', { classes: 1001 }, 'classes must be a whole number from 2'],
    ['binary', weights(1, -1, 1), 'weight of row 1 is -1'],
    ['binary', weights(1, 1, Number.NaN), 'weight of row 2 is NaN'],
    ['binary', weights(Infinity, 1, 1), 'weight of row 0 is Infinity'],
  ])('%s %o', (task, over, words) => {
    expect(() => checkMatrix(matrix(over), task)).toThrow(words)
    expect(() => checkMatrix(matrix(over), task)).toThrow(RangeError)
  })

  it('what can, gives the number of classes', () => {
    expect(checkMatrix(matrix(), 'binary')).toBe(2)
    expect(checkMatrix(matrix(labels(-7.5, 1e30, 0)), 'regression')).toBe(0)
    expect(checkMatrix(matrix({ classes: 2 }), 'multiclass')).toBe(2)
    expect(checkMatrix(matrix({ classes: 1000, ...labels(0, 999, 5) }), 'multiclass')).toBe(1000)
    expect(checkMatrix(matrix(weights(0, 0.5, 3)), 'binary')).toBe(2)
  })
})
