import { fail } from '../../../errors/index.ts'
import { requireDifferent } from './csv-header.ts'

/** The names of the columns of all files of a source: a column that is called otherwise in some files is none of theirs. */
export class DifferentNames {
  readonly #source: string
  readonly #known = new Map<string, string>()

  constructor(source: string) {
    this.#source = source
  }

  /** Throws `sourceUnreadable` for names of a file that SQL does not tell apart from each other or from those of another. */
  add(names: readonly string[], file = this.#source): void {
    requireDifferent(names, file)
    for (const name of names) {
      const other = this.#known.get(name.toLowerCase()) ?? name
      if (other !== name)
        throw fail('sourceUnreadable', {
          source: this.#source,
          reason: `the columns '${other}' and '${name}' of its files differ in case only`,
        })
      this.#known.set(name.toLowerCase(), name)
    }
  }
}
