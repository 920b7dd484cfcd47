import { members, numberFrom, oneOf, optional, type Forms } from '../../forms.ts'
import { common, type Common, type Declaring, type Options } from '../declaring.ts'

// What must hold of a score as inputs move.

export interface MonotoneTest extends Common {
  readonly kind: 'monotone'
  readonly input: string
  readonly direction: 'increasing' | 'decreasing'
  readonly mostly: number
  readonly slack: number
}

export interface InvariantTest extends Common {
  readonly kind: 'invariant'
  readonly input: string
  readonly maxDelta: number
  readonly mostly: number
}

export interface DirectionalTest extends Common {
  readonly kind: 'directional'
  readonly input: string
  readonly by: number
  readonly moves: 'up' | 'down'
  readonly mostly: number
}

export interface MonotoneOptions extends Options {
  /** Least share of the tried pairs of rows that must hold (default 1). */
  readonly mostly?: number
  /** What a score may move the wrong way (default 0.000001). */
  readonly slack?: number
}

export interface InvariantOptions extends Options {
  /** What the score may move (default 0.01). */
  readonly maxDelta?: number
  /** Least share of the tried pairs of rows that must hold (default 1). */
  readonly mostly?: number
}

export interface DirectionalOptions extends Options {
  /** Least share of the tried pairs of rows that must hold (default 1). */
  readonly mostly?: number
}

const share = numberFrom(0, 1)
const monotoneForms: Forms<MonotoneOptions> = {
  ...common,
  mostly: optional(share),
  slack: optional(numberFrom(0)),
}
const invariantForms: Forms<InvariantOptions> = {
  ...common,
  mostly: optional(share),
  maxDelta: optional(numberFrom(0)),
}
const directionalForms: Forms<DirectionalOptions> = { ...common, mostly: optional(share) }

export const monotone = ({ make, named, oneInput }: Declaring) =>
  make(
    'monotone',
    {
      input: oneInput('int', 'float', 'bool'),
      direction: oneOf('increasing', 'decreasing'),
      options: optional(members(monotoneForms)),
    },
    (input: string, direction: 'increasing' | 'decreasing', options?: MonotoneOptions): MonotoneTest => ({
      kind: 'monotone',
      input,
      direction,
      mostly: options?.mostly ?? 1,
      slack: options?.slack ?? 1e-6,
      ...named(`monotone-${input}`, options),
    }),
  )

export const invariant = ({ make, named, oneInput }: Declaring) =>
  make(
    'invariant',
    { input: oneInput('int', 'float', 'bool'), options: optional(members(invariantForms)) },
    (input: string, options?: InvariantOptions): InvariantTest => ({
      kind: 'invariant',
      input,
      maxDelta: options?.maxDelta ?? 0.01,
      mostly: options?.mostly ?? 1,
      ...named(`invariant-${input}`, options),
    }),
  )

export const directional = ({ make, named, oneInput, refuse }: Declaring) =>
  make(
    'directional',
    {
      input: oneInput('int', 'float', 'bool'),
      by: numberFrom(Number.NEGATIVE_INFINITY),
      moves: oneOf('up', 'down'),
      options: optional(members(directionalForms)),
    },
    (input: string, by: number, moves: 'up' | 'down', options?: DirectionalOptions): DirectionalTest => {
      if (by === 0) refuse('directional', 'by 0 changes nothing')
      return {
        kind: 'directional',
        input,
        by,
        moves,
        mostly: options?.mostly ?? 1,
        ...named(`directional-${input}`, options),
      }
    },
  )
