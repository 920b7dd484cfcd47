import { type GraphColumn, graphColumns, type Line } from './graph-columns.ts'
import { dataTypes, type OnnxGraph } from './proto.ts'

/** How a graph scales one input of the model: (value − offset) / scale. */
export interface InputScale extends Pick<Line, 'missing' | 'fill' | 'clip'> {
  readonly input: string
  readonly offset: number
  readonly scale: number
  /** It is computed in float64. */
  readonly wide?: true
  /** The value in the graph that has it, how many columns that has, and which of them it is. */
  readonly value: string
  readonly width: number
  readonly place: number
}

/** An input that is not scaled, as far as can be read. */
export interface UnscaledInput {
  readonly input: string
  /** A clause that follows its name: `goes into LinearClassifier as it comes`. */
  readonly reason: string
  /** It is scaled by what is no number: it is divided by 0, or multiplied by it. */
  readonly broken?: true
}

/** What a graph of any origin scales its inputs by; an input may be there twice, scaled in two ways. */
export interface GraphScaling {
  readonly scales: readonly InputScale[]
  readonly unscaled: readonly UnscaledInput[]
}

/**
 * Reads the scalers of a graph: wherever an input of the model, a column of its own so far, goes into something that is no straight
 * line of it. `feeds` says which inputs of the model make the graph's, `numbers` which of them are numbers.
 */
export function graphScaling(
  graph: OnnxGraph,
  feeds: ReadonlyMap<string, readonly string[]>,
  numbers: ReadonlySet<string>,
): GraphScaling {
  const known = graphColumns(graph, feeds)
  const wide = new Set(
    graph.inputs.filter(one => one.elementType === dataTypes.double).flatMap(one => feeds.get(one.name) ?? []),
  )
  const scales = new Map<string, InputScale>()
  const unscaled = new Map<string, UnscaledInput>()
  const end = (value: string, column: GraphColumn, place: number, width: number, taker: string): void => {
    const { input, line, bentBy } = column
    if (!line) {
      if (!unscaled.has(input)) unscaled.set(input, { input, reason: `passes ${bentBy} before anything scales it` })
      return
    }
    const { factor, term, steps, missing, fill, clip } = line
    if (steps === 0) {
      if (!unscaled.has(input)) unscaled.set(input, { input, reason: `goes into ${taker} as it comes` })
      return
    }
    const [offset, scale] = [0 - term / factor, 1 / factor]
    if (!Number.isFinite(offset) || !Number.isFinite(scale) || scale === 0) {
      const by = Number.isFinite(factor) ? 'multiplied by 0' : 'divided by 0'
      unscaled.set(input, { input, reason: `is ${by} in the graph`, broken: true })
      return
    }
    const key = JSON.stringify([input, offset, scale, missing, clip])
    if (scales.has(key)) return
    scales.set(key, {
      input,
      offset,
      scale,
      ...(missing === undefined ? {} : { missing }),
      ...(fill === undefined ? {} : { fill }),
      ...(clip === undefined ? {} : { clip }),
      ...(wide.has(input) ? { wide: true as const } : {}),
      value,
      width,
      place,
    })
  }
  const ends = (value: string, taker: string, columns = known.get(value)): void =>
    columns?.forEach((column, place) => {
      if (numbers.has(column.input)) end(value, column, place, columns.length, taker)
    })
  for (const node of graph.nodes) {
    const made = known.get(node.outputs[0] ?? '')
    for (const value of new Set(node.inputs)) {
      if (!made) ends(value, node.op)
      else if (made.some(column => column.bentBy === node.op)) endsWhereBent(value, made, node.op)
    }
  }
  for (const { name } of graph.outputs) ends(name, 'an output')
  function endsWhereBent(value: string, made: readonly GraphColumn[], op: string): void {
    const columns = known.get(value)
    // What was scaled first is a scale, whatever bends it then
    columns?.forEach((column, place) => {
      const stays = columns.length === made.length && made[place]?.line !== undefined
      if (!stays && column.line && column.line.steps > 0 && numbers.has(column.input))
        end(value, column, place, columns.length, op)
    })
  }
  const scaledInputs = new Set([...scales.values()].map(one => one.input))
  return {
    scales: [...scales.values()],
    unscaled: [...numbers]
      .filter(input => !scaledInputs.has(input) || unscaled.get(input)?.broken)
      .map(input => unscaled.get(input) ?? { input, reason: 'is taken by nothing in the graph' }),
  }
}
