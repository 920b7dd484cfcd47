import { fail } from '../../../errors/index.ts'
import { messageOf } from '../../../internal/message-of.ts'
import type { Column } from '../../../ports/data-engine.ts'
import type { InputColumn, ReferenceScores, TrainingRequest } from '../../../ports/trainer.ts'

/** Most rows that a file is held to. */
const maxRows = 20_000

const isNull = ({ nulls }: Column, row: number): boolean => nulls?.[row] === 1

/** Rows with what a file made elsewhere answers to them, as whoever made it says. Throws `expectedRows`. */
export async function expectedRows(
  { frame, inputs, task, classes, model }: TrainingRequest,
  file: string,
  path: string,
): Promise<ReferenceScores> {
  const refuse = (reason: string): never => {
    throw fail('expectedRows', { file, model, reason })
  }
  const columns = await frame
    .read(path, file)
    .catch((error: unknown) => refuse(`it cannot be read: ${messageOf(error)}`))
  const column = (name: string): Column =>
    columns.get(name) ?? refuse(`it has no column ${name}; it has ${[...columns.keys()].join(', ')}`)
  const given = inputs.map(({ name, type }): InputColumn => {
    const found = column(name)
    const values = Array.from(found.values as ArrayLike<unknown>)
    if (type === 'text') return values.map((value, row) => (isNull(found, row) ? '' : String(value)))
    return Float32Array.from(values, (value, row) => {
      if (isNull(found, row)) return Number.NaN
      const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value)
      return Number.isNaN(number) && typeof value === 'string'
        ? refuse(`${name} of its row ${row + 1} is no number: ${JSON.stringify(value)}`)
        : number
    })
  })
  const names = task === 'multiclass' ? classes : ['score']
  const lists = names.map(name => {
    const found = column(name)
    return Array.from(found.values as ArrayLike<unknown>, (value, row) => {
      const number = isNull(found, row) ? Number.NaN : Number(value)
      return Number.isFinite(number) ? number : refuse(`${name} of its row ${row + 1} is no finite number`)
    })
  })
  const rows = lists[0]?.length ?? 0
  if (rows === 0) return refuse('it has no rows')
  if (rows > maxRows) return refuse(`it has ${rows} rows, more than ${maxRows}`)
  const scores = new Float32Array(rows * lists.length)
  for (const [at, list] of lists.entries())
    for (let row = 0; row < rows; row++) scores[row * lists.length + at] = list[row] as number
  return { rows, inputs: given, scores }
}
