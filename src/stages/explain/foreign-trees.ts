import { isMillraceError } from '../../errors/index.ts'
import { type Forest, forestAnswers, interventionalContributions } from '../../math/explain/index.ts'
import { graphColumns, graphForest, readModel } from '../../onnx/index.ts'
import { openColumns } from '../evaluate/open-columns.ts'
import { type AnswerUnit, type Background, type Explainable, type Method, wholeBatch } from './method.ts'

/** How the scores come of what the trees add up to: each explained number is one output, or the difference of two. */
interface ScoreFormula {
  readonly unit: AnswerUnit
  readonly outputs: readonly { readonly plus: number; readonly minus?: number }[]
}

/** How far the scores may lie from what the trees are read to say. */
const slack = 1e-4

/**
 * The trees of a framework, explained exactly against the background rows. The graph itself makes the columns that they ask
 * for, each of one input. Undefined where there are no such trees, where columns are mixed of several inputs, or where what
 * the trees add up to does not explain the scores.
 */
export async function foreignTrees(of: Explainable, background: Background): Promise<Method | undefined> {
  const { card, onnx } = of
  const { binding } = card
  if (!binding) return undefined
  const model = readModel(onnx)
  const found = graphForest(model)
  const feeds = new Map(binding.feeds.map(feed => [feed.input, feed.of]))
  const owners =
    found &&
    model.graph &&
    graphColumns(model.graph, feeds)
      .get(found.input)
      ?.map(column => column.input)
  if (!found || !owners || found.forest.width > owners.length) return undefined
  const columns = await openColumns(await of.runtime(), onnx, binding, [found.input], owners.length)
  if (!columns) return undefined
  const forest: Forest = { ...found.forest, width: owners.length }
  try {
    const others = { rows: background.rows, features: (await columns.run(wholeBatch(card, background))).scores }
    const reading = readingOf(of, background, forestAnswers(forest, others.features, background.rows), forest.outputs)
    if (reading) {
      const places = new Map(card.inputs.map((input, at) => [input.name, at]))
      const owner = owners.map(name => places.get(name) ?? 0)
      return {
        method: 'trees-and-background',
        unit: reading.unit,
        background: background.rows,
        close: () => columns.close(),
        async explain(row, pause) {
          const { scores } = await columns.run(wholeBatch(card, row))
          const { expected, values } = await interventionalContributions(forest, scores, others, {
            owner,
            inputs: card.inputs.length,
            pause,
          })
          const less = <T>(list: readonly T[], at: number | undefined): T | undefined =>
            at === undefined ? undefined : list[at]
          return {
            expected: reading.outputs.map(({ plus, minus }) => (expected[plus] ?? 0) - (less(expected, minus) ?? 0)),
            values: reading.outputs.map(({ plus, minus }) =>
              Float64Array.from(values[plus] ?? [], (value, at) => value - (less(values, minus)?.[at] ?? 0)),
            ),
          }
        },
      }
    }
  } catch (error) {
    await columns.close()
    if (!isMillraceError(error)) throw error
    return undefined
  }
  await columns.close()
  return undefined
}

/** Which reading of the trees gives the scores of the background rows. */
function readingOf(
  { task, loaded, card }: Explainable,
  { rows, scores }: Background,
  sums: Float64Array,
  outputs: number,
): ScoreFormula | undefined {
  const sum = (row: number, output: number): number => sums[row * outputs + output] as number
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
  const fits = (answer: (row: number, output: number) => number): boolean => {
    for (let row = 0; row < rows; row++)
      for (let output = 0; output < loaded.outputs; output++) {
        const [score, read] = [scores[row * loaded.outputs + output] as number, answer(row, output)]
        if (!(Math.abs(score - read) <= slack * Math.max(1, Math.abs(score)))) return false
      }
    return true
  }
  if (task === 'multiclass') {
    const places = (card.binding?.scores.columns ?? []).map(Number)
    if (places.some(place => !(place < outputs))) return undefined
    const each = places.map(plus => ({ plus }))
    if (fits((row, at) => sum(row, places[at] as number))) return { unit: 'score', outputs: each }
    const soft = (row: number, at: number): number => {
      const top = Math.max(...places.map(place => sum(row, place)))
      const all = places.reduce((total, place) => total + Math.exp(sum(row, place) - top), 0)
      return Math.exp(sum(row, places[at] as number) - top) / all
    }
    return fits(soft) ? { unit: 'log odds before softmax', outputs: each } : undefined
  }
  for (const plus of new Set([outputs - 1, 0])) {
    if (fits(row => sum(row, plus))) return { unit: 'score', outputs: [{ plus }] }
    if (task === 'binary' && fits(row => sigmoid(sum(row, plus)))) return { unit: 'log odds', outputs: [{ plus }] }
    if (task === 'count' && fits(row => Math.exp(sum(row, plus))))
      return { unit: 'log of the count', outputs: [{ plus }] }
  }
  if (task === 'binary' && outputs === 2 && fits(row => sigmoid(sum(row, 1) - sum(row, 0))))
    return { unit: 'log odds', outputs: [{ plus: 1, minus: 0 }] }
  return undefined
}
