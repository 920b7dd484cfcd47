import { column } from '../../expression/build.ts'
import { columnsOf, type Node } from '../../expression/node.ts'
import type { BoolExpression, Expression, NumberExpression } from '../../expression/types.ts'
import { callback, members, numberFrom, optional, text, type Forms } from '../../forms.ts'
import { common, type Common, type TestContext, type Options } from '../declaring.ts'

/** Columns that stand for the scores in the condition: no input has such a name. */
export const scoreBefore = 'score before'
export const scoreAfter = 'score after'

export interface RelationTest extends Common {
  readonly kind: 'relation'
  /** What each changed input becomes, over the inputs of the row. */
  readonly change: Readonly<Record<string, Node>>
  /** A condition over the two scores and the inputs of the first row. */
  readonly holds: Node
  readonly class?: string
  readonly mostly: number
}

type Score<Name extends string> = NumberExpression<'float', false, Name>

export interface RelationOptions<I = Readonly<Record<string, Expression>>> extends Options {
  /** The second row: what some inputs become, as expressions over the inputs of the first. */
  readonly change: (x: I) => { readonly [K in keyof I]?: Expression }
  /** What must hold of the scores of both rows; `x` are the inputs of the first. */
  readonly holds: (before: Score<'before'>, after: Score<'after'>, x: I) => BoolExpression<boolean, string>
  /** Least share of the drawn cases that must hold (default 1). */
  readonly mostly?: number
  /** The class whose probability is looked at, of `multiclass`. */
  readonly class?: string
}

const forms: Forms<RelationOptions> = {
  ...common,
  change: callback,
  holds: callback,
  mostly: optional(numberFrom(0, 1)),
  class: optional(text),
}

const nodeOf = (made: unknown): Node | undefined => (made as { readonly node?: Node } | null | undefined)?.node

export const relation = (d: TestContext) =>
  d.make(
    'relation',
    { name: text, options: members(forms) },
    (name: string, options: RelationOptions): RelationTest => {
      const { inputs, task } = d.model
      const x = Object.fromEntries(inputs.map(input => [input.name, column(input.name, input.type)]))
      const given = options.change(x as never) as Readonly<Record<string, unknown>>
      const changed = Object.entries(given ?? {})
      if (changed.length === 0) d.refuse(name, 'change names no input')
      const change = Object.fromEntries(
        changed.map(([input, made]) => {
          const own = inputs.find(one => one.name === input)
          if (!own) d.refuse(name, `change names '${input}', which is no input`)
          const node = nodeOf(made)
          if (node === undefined) d.refuse(name, `what change gives for '${input}' is no expression over the inputs`)
          const isNumber = (type: string | undefined): boolean => type === 'int' || type === 'float'
          if (node.type !== own.type && !(isNumber(node.type) && isNumber(own.type)))
            d.refuse(name, `'${input}' is ${own.type}, what it becomes is ${node.type}`)
          return [input, node]
        }),
      )
      const before = column(scoreBefore, 'float') as unknown as Score<'before'>
      const after = column(scoreAfter, 'float') as unknown as Score<'after'>
      const holds = nodeOf(options.holds(before, after, x as never))
      if (holds?.type !== 'bool') d.refuse(name, 'holds is no condition, such as after.gte(before)')
      if (!columnsOf(holds).some(one => one === scoreBefore || one === scoreAfter))
        d.refuse(name, 'holds looks at no score: it gets before and after')
      if (task === 'multiclass' && options.class === undefined)
        d.refuse(name, 'needs the class whose probability is meant: class')
      if (task !== 'multiclass' && options.class !== undefined)
        d.refuse(name, 'class has no effect: it is of multiclass models')
      return {
        kind: 'relation',
        change,
        holds,
        mostly: options.mostly ?? 1,
        ...(options.class === undefined ? {} : { class: options.class }),
        ...d.named(`relation-${name}`, options),
      }
    },
  )
