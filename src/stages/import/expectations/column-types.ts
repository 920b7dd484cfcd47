import { isOwnName } from '../../../define/dataset.ts'
import type { ScalarType } from '../../../define/expression/node.ts'
import { LeftOut } from './given.ts'
import type { ImportedColumn, KnownDataset } from './model.ts'

export const anyType: readonly ScalarType[] = ['text', 'float', 'int', 'timestamp', 'bool']
export const numbers: readonly ScalarType[] = ['float', 'int']

/** A type with its reason, by column. */
export type Hints = ReadonlyMap<string, { readonly type: ScalarType; readonly why: string }>

const nothingTells = 'no rule tells its type'

/**
 * The types of a dataset's columns. First the rules say what they want of a column, then the types are settled: as the
 * project declares them, else as a rule about the type says, else by what all the rules can work with.
 */
export class ColumnTypes {
  readonly #known: KnownDataset | undefined
  readonly #hints: Hints | undefined
  readonly #wanted = new Map<string, { readonly types: readonly ScalarType[]; readonly why: string }>()
  readonly #declared = new Map<string, { readonly type: ScalarType; readonly why: string }>()
  /** Columns that are compared with each other have one type: each name leads to the one that speaks for all. */
  readonly #speakers = new Map<string, string>()
  #order: readonly string[] = []
  #names: readonly string[] | undefined

  /** `hints` are types of columns that other datasets refer to, where nothing here tells. */
  constructor(known: KnownDataset | undefined, hints: Hints | undefined) {
    this.#known = known
    this.#hints = hints
  }

  /** A rule about the type itself. The first one counts; another one that says otherwise is left out. */
  declare(name: string, type: ScalarType, why: string): void {
    this.#check(name)
    if (!this.#declared.has(name)) this.#declared.set(name, { type, why })
    const found = this.#type(name)
    if (this.#names && found !== type) throw new LeftOut(`${name} is ${found} (${this.#why(name)}), not ${type}`)
  }

  /** What a rule can work with, the likeliest first. Gives the type, as far as it is known. */
  want(name: string, types: readonly ScalarType[], why: string): ScalarType {
    this.#check(name)
    if (!this.#names) {
      const speaker = this.#speaker(name)
      const before = this.#wanted.get(speaker)
      const left = before === undefined ? types : before.types.filter(one => types.includes(one))
      const narrower = before === undefined || left.length < before.types.length
      if (left.length > 0) this.#wanted.set(speaker, { types: left, why: narrower ? why : before.why })
      return (this.#declared.get(name)?.type ?? left[0] ?? types[0]) as ScalarType
    }
    const type = this.#type(name)
    if (!types.includes(type))
      throw new LeftOut(`${name} is ${type} (${this.#why(name)}), and it takes ${types.join(' or ')}`)
    return type
  }

  /** Columns that are compared with each other. */
  alike(names: readonly string[]): void {
    const [first, ...others] = names.map(name => this.#speaker(name))
    for (const other of others) {
      if (first === undefined || first === other) continue
      const wanted = this.#wanted.get(other)
      const declared = this.#declared.get(other)
      if (declared && !this.#declared.has(first)) this.#declared.set(first, declared)
      this.#speakers.set(other, first)
      if (wanted && !this.#names) this.want(first, wanted.types, wanted.why)
    }
  }

  /** The order in which the columns are to be declared, by a rule about just that. */
  inOrder(names: readonly string[]): void {
    if (this.#order.length === 0) this.#order = names
  }

  /** Ends the first reading: these are the columns that rules need. */
  settle(used: ReadonlySet<string>): void {
    const known = this.#known && Object.keys(this.#known.columns)
    this.#names = known ?? [
      ...this.#order.filter(name => used.has(name)),
      ...[...used].filter(name => !this.#order.includes(name)),
    ]
  }

  /** Names of the columns that are declared, once that is settled. */
  get names(): readonly string[] | undefined {
    return this.#names
  }

  /** The columns to declare. */
  columns(neverNull: ReadonlySet<string>): readonly ImportedColumn[] {
    return (this.#names ?? []).map(name => ({
      name,
      type: this.#type(name),
      nullable: this.#known?.columns[name]?.nullable ?? !neverNull.has(name),
      why: this.#why(name),
    }))
  }

  #check(name: string): void {
    if (isOwnName(name)) throw new LeftOut(`a column cannot be declared by the name ${JSON.stringify(name)}`)
    if (this.#known && !Object.hasOwn(this.#known.columns, name))
      throw new LeftOut(`the dataset ${this.#known.name} declares no column ${JSON.stringify(name)}`)
  }

  #speaker(name: string): string {
    let found = name
    for (let next = this.#speakers.get(found); next !== undefined; next = this.#speakers.get(found)) found = next
    return found
  }

  #type(name: string): ScalarType {
    return this.#known?.columns[name]?.type ?? this.#told(name)?.type ?? 'text'
  }

  #why(name: string): string {
    return this.#known ? `as the dataset ${this.#known.name} declares it` : (this.#told(name)?.why ?? nothingTells)
  }

  /** What tells a column's type: a rule about it, what rules do with it, or who refers to it. */
  #told(name: string): { readonly type: ScalarType; readonly why: string } | undefined {
    const speaker = this.#speaker(name)
    const wanted = this.#wanted.get(speaker)
    const [type] = wanted && wanted.types.length < anyType.length ? wanted.types : []
    const used = type && wanted ? { type, why: wanted.why } : undefined
    return this.#declared.get(name) ?? this.#declared.get(speaker) ?? used ?? this.#hints?.get(name)
  }
}
