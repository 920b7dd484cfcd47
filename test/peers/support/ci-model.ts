import { type Dataset, gbt, model } from '../../../src/index.ts'

/** A model for projects whose CI files are judged: they train and test it. */
export const ciModel = (rows: Dataset): object =>
  model('late', {
    task: 'regression',
    from: rows as never,
    label: ((c: { a: unknown }) => c.a) as never,
    inputs: ((c: { a: { plus(by: number): unknown } }) => ({ b: c.a.plus(1) })) as never,
    split: { by: 'random', test: 0.2 },
    train: gbt({ trees: 1 }),
  })
