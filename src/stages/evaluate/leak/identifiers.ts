import type { FrameRows, Subject } from '../subject.ts'

export interface IdentifierFinding {
  readonly input: string
  readonly reason: string
}

const fewest = 100
/** Share of the rows that have a value of their own where it tells rows apart. */
const ownTexts = 0.95
const ownNumbers = 0.99
/** Numbers of rows lie close together: at most so many places a row. */
const placesARow = 20

/** Inputs that number or name the rows: what a model learns of them holds for no other row. */
export function identifiers({ inputs }: Pick<Subject, 'inputs'>, train: FrameRows): readonly IdentifierFinding[] {
  if (train.rows < fewest) return []
  return inputs.flatMap((input, i) => {
    const column = train.inputs[i] as FrameRows['inputs'][number]
    const reason = column instanceof Float32Array ? numbersRows(column) : namesRows(column)
    return reason === undefined ? [] : [{ input: input.name, reason }]
  })
}

function namesRows(column: readonly string[]): string | undefined {
  const distinct = new Set(column).size
  return distinct >= ownTexts * column.length ? `has ${share(distinct, column.length)} different texts` : undefined
}

function numbersRows(column: Float32Array): string | undefined {
  let [rises, falls] = [true, true]
  for (let row = 1; row < column.length; row++) {
    const step = (column[row] as number) - (column[row - 1] as number)
    rises &&= step > 0
    falls &&= step < 0
  }
  if (rises || falls) return `${rises ? 'rises' : 'falls'} with every row`
  const distinct = new Set(column).size
  if (distinct < ownNumbers * column.length || !column.every(Number.isInteger)) return undefined
  const [least, most] = column.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  )
  return most - least <= placesARow * column.length
    ? `has ${share(distinct, column.length)} different whole numbers close together, as numbers of rows are`
    : undefined
}

const share = (some: number, all: number): string => `${some.toLocaleString('en-US')} of ${all.toLocaleString('en-US')}`
