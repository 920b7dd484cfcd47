import type { ScalarType } from '../../../define/expression/node.ts'
import type { Source } from '../../../define/source.ts'
import { carry, type Found } from './carry.ts'
import { Code } from '../../../internal/typescript-text.ts'
import { LeftOut } from './given.ts'
import type { ImportedDataset, KnownDataset } from './model.ts'
import { constantName, datasetName } from './names.ts'
import type { RuleColumn, Surroundings } from './rule.ts'

/** A dataset with the constant that it is declared as. */
export interface NamedDataset extends ImportedDataset {
  readonly constant: string
  /** Where its rows are, if that is known. */
  readonly source?: Source
}

/** The datasets that rules refer to stand before those that refer to them. */
class Imports implements Surroundings {
  readonly done: NamedDataset[] = []
  readonly #byName = new Map<string, NamedDataset>()
  readonly #waiting: Set<string>
  /** Types of the columns that refer to a dataset's. */
  readonly #hints = new Map<string, Map<string, { readonly type: ScalarType; readonly why: string }>>()
  /** Whether a rule referred to a dataset that is still to come. */
  early = false

  constructor(founds: readonly Found[]) {
    this.#waiting = new Set(founds.map(one => one.name))
    // a first reading tells who refers to whom
    for (const found of founds) carry(found, this)
  }

  related(name: string, columns: readonly string[], own: readonly RuleColumn[]): Code {
    const hints = this.#hints.get(name) ?? new Map<string, { readonly type: ScalarType; readonly why: string }>()
    for (const [i, column] of columns.entries()) {
      const from = own[i]
      if (from) hints.set(column, { type: from.type, why: `as ${from.name}, which refers to it` })
    }
    this.#hints.set(name, hints)
    const other = this.#byName.get(name)
    if (!other && this.#waiting.has(name)) this.early = true
    if (!other)
      throw new LeftOut(`the dataset ${JSON.stringify(name)} it refers to is not among those imported before it`)
    const missing = columns.find(one => !other.columns.some(column => column.name === one))
    if (missing !== undefined)
      throw new LeftOut(`no rule of ${JSON.stringify(name)} tells of its column ${JSON.stringify(missing)}`)
    return new Code(other.constant)
  }

  add(found: Found, known: KnownDataset | undefined): void {
    const name = known?.name ?? datasetName(found.name || 'imported', new Set(this.done.map(one => one.name)))
    const constant = constantName(name, new Set(this.done.map(one => one.constant)))
    const made = { ...carry(found, this, known, this.#hints.get(found.name)), name, constant }
    this.done.push(made)
    this.#byName.set(found.name, made)
    this.#waiting.delete(found.name)
  }

  /** Whether nothing of it refers to what is still to come. */
  ready(found: Found, known: KnownDataset | undefined): boolean {
    this.#waiting.delete(found.name)
    this.early = false
    carry(found, this, known, this.#hints.get(found.name))
    this.#waiting.add(found.name)
    return !this.early
  }
}

/** Carries all that was found over. With `known`, the one thing found is about that dataset of the project. */
export function importFound(founds: readonly Found[], known?: KnownDataset): readonly NamedDataset[] {
  const imports = new Imports(founds)
  let left = founds
  while (left.length > 0) {
    const next = left.find(found => imports.ready(found, known)) ?? (left[0] as Found)
    imports.add(next, known)
    left = left.filter(found => found !== next)
  }
  return imports.done
}
