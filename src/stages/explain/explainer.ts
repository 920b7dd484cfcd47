import { sampledContributions } from '../../math/explain/index.ts'
import { type Score, scoreOf } from '../../math/metrics/row-loss.ts'
import type { InputColumn, InputRows, ModelCard } from '../../ports/trainer.ts'
import { scoreRows, type Subject } from '../evaluate/subject.ts'
import { readReference } from '../train/reference.ts'
import { foreignTrees } from './foreign-trees.ts'
import type { AnswerUnit, Background, Explainable, ExplanationMethod, Method, Contributions } from './method.ts'
import { ownMargins } from './own-margins.ts'

export interface Contribution {
  readonly input: string
  readonly value: number | string | null
  /** By how much it moves the answer away from what is expected. */
  readonly contribution: number
  /** Standard error, where orders were drawn. */
  readonly error?: number
}

/** What is explained of a row: one number, which `expected` and the contributions add up to. */
export interface ExplainedAnswer {
  /** Of several classes: which one. */
  readonly class?: string
  /** What the number is: the score itself, or what the model makes it of. */
  readonly unit: AnswerUnit
  readonly expected: number
  readonly answer: number
  /** The largest first. */
  readonly contributions: readonly Contribution[]
}

export interface ExplainedRow {
  readonly score: Score
  readonly answers: readonly ExplainedAnswer[]
}

/** Most scores that one explanation of a model of which only the answers are known asks for. */
const maxAnswers = 20_000
/** Most classes of a row that are explained, the likeliest first. */
const maxClasses = 5
/** Longest that others wait while a row is explained, in milliseconds. */
const maxTurn = 5

/** Explains rows of one version, by what is known of it: its own trees or linear model, a framework's trees, or its answers alone. */
export class Explainer {
  readonly #of: Explainable
  readonly #method: Method

  private constructor(of: Explainable, method: Method) {
    this.#of = of
    this.#method = method
  }

  static async open(of: Explainable): Promise<Explainer> {
    const background = backgroundOf(of)
    const found = ownMargins(of, background) ?? (await foreignTrees(of, background))
    return new Explainer(of, found ?? answersAlone(of, background))
  }

  get method(): ExplanationMethod {
    return this.#method.method
  }
  get background(): number {
    return this.#method.background
  }

  async explain(rows: InputRows): Promise<ExplainedRow[]> {
    const { loaded, card } = this.#of
    const scores = await scoreRows(subjectOf(this.#of), rows.inputs, rows.rows)
    const pause = pausing()
    const explained: ExplainedRow[] = []
    for (let row = 0; row < rows.rows; row++) {
      const one = rowOf(rows, row)
      const moved = await this.#method.explain(one, pause)
      const score = scoreOf(scores, loaded.outputs, row)
      explained.push({ score, answers: answersOf(card, score, one, this.#method.unit, moved) })
      await pause()
    }
    return explained
  }

  close(): Promise<void> {
    return this.#method.close()
  }
}

const subjectOf = ({ loaded, card }: Explainable): Subject => ({ loaded, inputs: card.inputs })

/** Lets others have their turn once it is time. */
function pausing(): () => Promise<void> {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < maxTurn) return
    await new Promise(resolve => setImmediate(resolve))
    since = performance.now()
  }
}

function backgroundOf({ basis, card }: Explainable): Background {
  const texts = card.inputs.map(input => input.kind === 'text')
  return readReference(basis.background, texts) as Background
}

function rowOf({ inputs }: InputRows, row: number): InputRows {
  return {
    rows: 1,
    inputs: inputs.map(
      (column): InputColumn =>
        column instanceof Float32Array ? column.slice(row, row + 1) : column.slice(row, row + 1),
    ),
  }
}

/** Of a model of which nothing is known but its answers: mixed rows are scored. */
function answersAlone(of: Explainable, background: Background): Method {
  const { card, loaded } = of
  const subsets = 2 ** card.inputs.length * Math.min(30, background.rows) <= maxAnswers
  return {
    method: subsets ? 'all-subsets' : 'sampled-orders',
    unit: 'score',
    background: background.rows,
    close: async () => {},
    explain: ({ inputs }, pause) =>
      sampledContributions({
        inputs: card.inputs.length,
        outputs: loaded.outputs,
        background: background.rows,
        maxAnswers,
        seed: 0,
        async answers(mixed) {
          const columns = inputs.map((own, at): InputColumn => {
            const other = background.inputs[at] as InputColumn
            const value = (row: (typeof mixed)[number]): number | string =>
              (row.known[at] ? own[0] : other[row.background]) as number | string
            return own instanceof Float32Array
              ? Float32Array.from(mixed, row => value(row) as number)
              : mixed.map(row => value(row) as string)
          })
          const scores = await scoreRows(subjectOf(of), columns, mixed.length)
          await pause()
          return scores
        },
      }),
  }
}

function answersOf(
  card: ModelCard,
  score: Score,
  row: InputRows,
  unit: AnswerUnit,
  { expected, values, errors }: Contributions,
): ExplainedAnswer[] {
  const likeliest =
    typeof score === 'number'
      ? [0]
      : score
          .map((_, at) => at)
          .sort((a, b) => (score[b] as number) - (score[a] as number))
          .slice(0, maxClasses)
  return likeliest.map(output => {
    const own = values[output] ?? []
    const contributions = card.inputs.map(({ name }, at): Contribution => {
      const error = errors?.[output]?.[at]
      return {
        input: name,
        value: valueOf(row.inputs[at]),
        contribution: own[at] as number,
        ...(error === undefined ? {} : { error }),
      }
    })
    const named = card.classes[output]
    return {
      ...(typeof score === 'number' || named === undefined ? {} : { class: named }),
      unit,
      expected: expected[output] as number,
      answer: contributions.reduce((sum, one) => sum + one.contribution, expected[output] as number),
      contributions: contributions.sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution)),
    }
  })
}

/** The value of the only row; of a missing number null. */
function valueOf(column: InputColumn | undefined): number | string | null {
  const value = column?.[0]
  return value === undefined || Number.isNaN(value) ? null : value
}
