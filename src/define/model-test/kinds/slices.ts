import type { Node } from '../../expression/node.ts'
import type { BoolExpression } from '../../expression/types.ts'
import { members, numberFrom, optional, type Form, type Forms } from '../../forms.ts'
import { common, type Common, type Declaring, type Options } from '../declaring.ts'

export interface SlicesTest extends Common {
  readonly kind: 'slices'
  readonly of?: readonly { readonly name: string; readonly where: Node }[]
  readonly minShareOfOverall: number
}

export interface SlicesOptions extends Options {
  /** Conditions over columns, by name; without them the quartiles of each numeric input are the slices. */
  readonly of?: Readonly<Record<string, BoolExpression<boolean, string>>>
  /** Share of the overall quality that the weakest slice keeps (default 0.8). */
  readonly minShareOfOverall?: number
}

const conditions: Form = {
  words: 'conditions by name, at least one',
  holds: value =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).length > 0 &&
    Object.values(value).every(isCondition),
}

function isCondition(value: unknown): boolean {
  return (value as { readonly node?: Partial<Node> } | null)?.node?.type === 'bool'
}

const forms: Forms<SlicesOptions> = {
  ...common,
  of: optional(conditions),
  minShareOfOverall: optional(numberFrom(0, 1)),
}

export const slices = ({ make, named }: Declaring) =>
  make(
    'slices',
    { options: optional(members(forms)) },
    (options?: SlicesOptions): SlicesTest => ({
      kind: 'slices',
      ...(options?.of ? { of: Object.entries(options.of).map(([name, where]) => ({ name, where: where.node })) } : {}),
      minShareOfOverall: options?.minShareOfOverall ?? 0.8,
      ...named('slices', options, 'warning'),
    }),
  )
