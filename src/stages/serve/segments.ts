import { toEvaluator, type Evaluator } from '../../define/expression/index.ts'
import type { NamedValue } from '../../define/model-test/columns.ts'
import { maxSegments } from '../deploy/rollout/segments.ts'
import type { PredictRequest } from './types.ts'

/** Characters of a value that its segment is known by. */
const maxLetters = 64

const evaluators = new WeakMap<readonly NamedValue[], readonly Evaluator[]>()

function evaluatorsOf(segments: readonly NamedValue[]): readonly Evaluator[] {
  const known = evaluators.get(segments) ?? segments.map(({ node }) => toEvaluator(node))
  evaluators.set(segments, known)
  return known
}

/** The segment of a value: `zone = "north"`, `km > 20 = true`, `zone is null`. What callers send stands there quoted. */
function nameOf(expression: string, value: ReturnType<Evaluator>): string {
  if (value === null) return `${expression} is null`
  if (typeof value !== 'string') return `${expression} = ${value}`
  return `${expression} = ${JSON.stringify(value.length > maxLetters ? `${value.slice(0, maxLetters)}…` : value)}`
}

/** Names of the segments that the rows of a request are in, each once; none where there are too many of them to say anything of one. */
export function segmentsOf(
  segments: readonly NamedValue[],
  requests: readonly Pick<PredictRequest, 'row'>[],
): readonly string[] {
  const names = new Set<string>()
  const all = evaluatorsOf(segments)
  for (const { row } of requests) {
    const read = (column: string) => row[column] ?? null
    segments.forEach(({ name }, i) => names.add(nameOf(name, (all[i] as Evaluator)(read))))
    if (names.size > maxSegments) return []
  }
  return [...names]
}
