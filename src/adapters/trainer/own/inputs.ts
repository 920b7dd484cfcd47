import { categoryEncoder, type ModelInput, type TextInput } from '../../../onnx/index.ts'
import type { InputRows } from '../../../ports/trainer.ts'

/** How the texts of an input become codes. */
export interface CategoryOptions {
  /** Most texts of an input that have a code of their own. */
  readonly maxCategories: number
  /** Training rows that a text needs for a code of its own. */
  readonly minCategoryRows: number
}

/**
 * A text input with its categories, the most frequent of training first. Rarer texts share the code of those that were never
 * seen, so that there is something to say about them.
 */
function textInput(name: string, values: readonly string[], options: CategoryOptions): TextInput {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  const missing = counts.get('') ?? 0
  counts.delete('')
  const ordered = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  const frequent = ordered.findIndex(([, rows]) => rows < options.minCategoryRows)
  const kept = Math.min(frequent < 0 ? ordered.length : frequent, options.maxCategories)
  const rare = ordered.slice(kept)
  return {
    name,
    kind: 'text',
    categories: ordered.slice(0, kept).map(([value]) => value),
    rare: { texts: rare.length, rows: rare.reduce((sum, [, rows]) => sum + rows, 0) },
    missing,
  }
}

/** The inputs as estimators and the exported graph see them. */
export function inputsOf(
  inputs: readonly { readonly name: string; readonly type: string }[],
  frame: Pick<InputRows, 'inputs'>,
  options: CategoryOptions,
): ModelInput[] {
  return inputs.map(({ name, type }, i) =>
    type === 'text'
      ? textInput(name, frame.inputs[i] as readonly string[], options)
      : {
          name,
          kind: 'number',
        },
  )
}

/** The numeric columns that an estimator sees, before scaling: text as its code. */
export function numericColumns(inputs: readonly ModelInput[], frame: Pick<InputRows, 'inputs'>): Float32Array[] {
  return inputs.map((input, i) => {
    const values = frame.inputs[i] as Float32Array | readonly string[]
    if (input.kind === 'number') return values as Float32Array
    return Float32Array.from(values as readonly string[], categoryEncoder(input.categories))
  })
}
