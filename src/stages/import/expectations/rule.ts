import type { Json } from '../../../internal/canonical-json.ts'
import type { ScalarType } from '../../../define/expression/node.ts'
import { type Code } from '../../../internal/typescript-text.ts'
import { columnCode, table, type Call } from './code.ts'
import { anyType, type ColumnTypes } from './column-types.ts'
import { LeftOut, type RuleSettings } from './given.ts'

/** A column that a rule is about. */
export interface RuleColumn {
  readonly name: string
  readonly code: Code
  readonly type: ScalarType
}

/** What the whole import knows: other datasets that a rule may refer to. */
export interface Surroundings {
  /** The constant of another dataset that has such columns; throws `LeftOut` where there is none. */
  related(dataset: string, columns: readonly string[], own: readonly RuleColumn[]): Code
}

/** Makes the expectations of one rule. Throws `LeftOut` with the reason where there is no counterpart. */
export type Carrier = (rule: Rule) => Call | readonly Call[]

/** The carrier of what has no counterpart, for whatever reason. */
export const leave =
  (why: string): (() => never) =>
  () => {
    throw new LeftOut(why)
  }

/** A rule as it was found in a file. */
export interface RuleInFile {
  /** As the tool names it. */
  readonly source: string
  /** Where it stands, as it is shown in the table. */
  readonly given: Json
  readonly settings: Json
  /** Columns it names, for the table where it is left out before it comes to them. */
  readonly columns?: readonly string[]
  readonly notes?: readonly string[]
  readonly carry: Carrier
}

/** One rule while it is carried over. */
export class Rule {
  readonly source: string
  readonly given: RuleSettings
  readonly columns = new Set<string>()
  readonly neverNull = new Set<string>()
  readonly differences: string[] = []
  readonly remarks = new Set<string>()
  readonly notes: string[] = []
  readonly #types: ColumnTypes
  readonly #surroundings: Surroundings

  constructor(source: string, given: RuleSettings, types: ColumnTypes, surroundings: Surroundings) {
    this.source = source
    this.given = given
    this.#types = types
    this.#surroundings = surroundings
  }

  /** The same rule with other settings, as the entry of another tool reads them; what that leaves unread is named as well. */
  within<T>(given: RuleSettings, work: (rule: Rule) => T): T {
    const inner = new Rule(this.source, given, this.#types, this.#surroundings)
    const result = work(inner)
    for (const name of inner.columns) this.columns.add(name)
    for (const name of inner.neverNull) this.neverNull.add(name)
    for (const remark of inner.remarks) this.remarks.add(remark)
    this.notes.push(...inner.notes)
    const unread = given.unread()
    this.differences.push(
      ...inner.differences,
      ...(unread.length === 0 ? [] : [`not carried over: ${unread.join(', ')}`]),
    )
    return result
  }

  /** A column that the rule is about, and what types it can be of, the likeliest first. */
  column(name: string, types: readonly ScalarType[] = anyType, why = `by ${this.source}`): RuleColumn {
    this.columns.add(name)
    const type = this.#types.want(name, types, why)
    return { name, code: columnCode(name), type }
  }

  /** Several columns, each of them once. */
  several(names: readonly string[], types: readonly ScalarType[] = anyType): readonly RuleColumn[] {
    const twice = names.find((name, i) => names.indexOf(name) < i)
    if (twice !== undefined) throw new LeftOut(`it names the column ${twice} twice`)
    return names.map(name => this.column(name, types))
  }

  /** Columns that are compared with each other: of one type, or numbers all of them. */
  alike(names: readonly string[], types: readonly ScalarType[]): readonly RuleColumn[] {
    this.#types.alike(names)
    const found = this.several(names, types)
    const kinds = new Set(found.map(({ type }) => (type === 'int' ? 'float' : type)))
    if (kinds.size > 1 && this.#types.names)
      throw new LeftOut(`${found.map(({ name, type }) => `${name} is ${type}`).join(', ')}, which are not compared`)
    return found
  }

  /** The rule is that the column is of a type, which its declaration then says. */
  declare(name: string, type: ScalarType): void {
    this.columns.add(name)
    this.#types.declare(name, type, `by ${this.source}`)
  }

  /** The columns that the dataset will declare; during the first reading those asked for, whose order is then kept. */
  declaredColumns(names: readonly string[], ordered: boolean): readonly string[] {
    if (ordered) this.#types.inOrder(names)
    return this.#types.names ?? names
  }

  /** A difference from what the tool means. */
  differs(why: string): void {
    this.differences.push(why)
  }

  /** What helps to read the expectation, as a comment with it. */
  note(text: string): void {
    this.notes.push(text)
  }

  /** A difference that many rules share, told once for all. */
  remark(text: string): void {
    this.remarks.add(text)
  }

  /** That columns refer to those of another dataset. */
  refers(own: readonly string[], dataset: string, columns: readonly string[]): Call {
    const from = own.map(name => this.column(name))
    const other = this.#surroundings.related(dataset, columns, from)
    return table('foreignKey', [from.map(one => one.code), other, columns], { onEmpty: 'pass' })
  }

  /** A method of a column. */
  call(column: RuleColumn, method: string, args: readonly unknown[], options: Readonly<Record<string, unknown>>): Call {
    return { on: column.code, method, args, options }
  }
}
