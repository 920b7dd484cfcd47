import { listOf, members, numberFrom, oneOf, optional, text, type Form, type Forms } from '../../forms.ts'
import { common, listed, type Common, type TestContext, type Options } from '../declaring.ts'

// What must hold of a score as inputs move. Limits of the score are in its own unit: a probability, or the label's.

/** What an input may be set to. */
export type InputValue = number | string | boolean

interface Property extends Common {
  readonly inputs: readonly string[]
  /** The class whose probability is looked at; of several classes, all of them where none is named. */
  readonly class?: string
  readonly mostly: number
}

export interface MonotoneTest extends Property {
  readonly kind: 'monotone'
  readonly direction: 'increasing' | 'decreasing'
  readonly slack?: number
}

export interface InvariantTest extends Property {
  readonly kind: 'invariant'
  readonly maxDelta?: number
}

export interface DirectionalTest extends Property {
  readonly kind: 'directional'
  /** What is added to a number, or what the input is set to before and after. */
  readonly by?: number
  readonly from?: InputValue
  readonly to?: InputValue
  readonly moves: 'up' | 'down'
  readonly least: number
}

export interface MattersTest extends Property {
  readonly kind: 'matters'
  readonly least?: number
}

export interface StableTest extends Property {
  readonly kind: 'stable'
  readonly noise: number
  readonly maxDelta?: number
}

export type PropertyTest = MonotoneTest | InvariantTest | DirectionalTest | MattersTest | StableTest

interface PropertyOptions extends Options {
  /** Least share of the drawn cases that must hold (default 1; then a directed search must find none either). */
  readonly mostly?: number
  /** The class whose probability is looked at, of `multiclass`. */
  readonly class?: string
}

export interface MonotoneOptions extends PropertyOptions {
  /** What a score may move the wrong way, in its own unit (default 0.000001; of numbers a millionth of their spread). */
  readonly slack?: number
}

export interface InvariantOptions extends PropertyOptions {
  /** What the score may move, in its own unit (default 0.01; of numbers a hundredth of their spread). */
  readonly maxDelta?: number
}

export interface DirectionalOptions extends PropertyOptions {
  /** What the score must move on average, in its own unit (default 0: some case must move at all). */
  readonly least?: number
}

export interface MattersOptions extends Options {
  /** What the score must move on average as the input takes its values, in its own unit (default 0.001; of numbers a thousandth of their spread). */
  readonly least?: number
  /** The class whose probability is looked at, of `multiclass`. */
  readonly class?: string
}

export interface StableOptions<Input = string> extends Options {
  /** Inputs that are disturbed (default: every number). */
  readonly inputs?: readonly Input[]
  /** Size of the noise in deviations of each input (default 0.01). */
  readonly noise?: number
  /** What the score may move, in its own unit (default 0.05; of numbers a twentieth of their spread). */
  readonly maxDelta?: number
  /** Least share of the drawn cases that must hold (default 0.95). */
  readonly mostly?: number
}

const share = numberFrom(0, 1)
const limit = numberFrom(0)
const property: Forms<PropertyOptions> = { ...common, mostly: optional(share), class: optional(text) }
const monotoneForms: Forms<MonotoneOptions> = { ...property, slack: optional(limit) }
const invariantForms: Forms<InvariantOptions> = { ...property, maxDelta: optional(limit) }
const directionalForms: Forms<DirectionalOptions> = { ...property, least: optional(limit) }
const mattersForms: Forms<MattersOptions> = { ...common, class: optional(text), least: optional(numberFrom(0)) }

type InputNames = string | readonly string[]

/** Only several classes have names, and where the score must go somewhere it must be said which. */
function classOf(
  { model: { task }, refuse }: TestContext,
  test: string,
  options: { readonly class?: string } | undefined,
  needed: boolean,
): { readonly class?: string } {
  if (options?.class === undefined) {
    if (needed && task === 'multiclass') refuse(test, 'needs the class whose probability is to move: class')
    return {}
  }
  if (task !== 'multiclass') refuse(test, 'class has no effect: it is of multiclass models')
  return { class: options.class }
}

export const monotone = (d: TestContext) =>
  d.make(
    'monotone',
    {
      input: d.someInputs('int', 'float', 'bool'),
      direction: oneOf('increasing', 'decreasing'),
      options: optional(members(monotoneForms)),
    },
    (input: InputNames, direction: 'increasing' | 'decreasing', options?: MonotoneOptions): MonotoneTest => ({
      kind: 'monotone',
      inputs: listed(input),
      direction,
      mostly: options?.mostly ?? 1,
      ...(options?.slack === undefined ? {} : { slack: options.slack }),
      ...classOf(d, 'monotone', options, true),
      ...d.named(`monotone-${listed(input).join('-')}`, options),
    }),
  )

export const invariant = (d: TestContext) =>
  d.make(
    'invariant',
    { input: d.someInputs(), options: optional(members(invariantForms)) },
    (input: InputNames, options?: InvariantOptions): InvariantTest => ({
      kind: 'invariant',
      inputs: listed(input),
      mostly: options?.mostly ?? 1,
      ...(options?.maxDelta === undefined ? {} : { maxDelta: options.maxDelta }),
      ...classOf(d, 'invariant', options, false),
      ...d.named(`invariant-${listed(input).join('-')}`, options),
    }),
  )

/** What an input is set to before, where that is not its own value, and after. */
export interface Change<V extends InputValue = InputValue> {
  readonly from?: V
  readonly to: V
}

const value: Form = {
  words: 'a number, text or boolean',
  holds: one => ['string', 'boolean'].includes(typeof one) || Number.isFinite(one),
}
const change: Form = {
  words: 'a number to add, or { from, to }',
  holds: one =>
    Number.isFinite(one) ||
    (typeof one === 'object' &&
      one !== null &&
      'to' in one &&
      Object.entries(one).every(([key, member]) => ['from', 'to'].includes(key) && value.holds(member))),
}

export const directional = (d: TestContext) =>
  d.make(
    'directional',
    {
      input: d.oneInput(),
      change,
      moves: oneOf('up', 'down'),
      options: optional(members(directionalForms)),
    },
    (input: string, given: number | Change, moves: 'up' | 'down', options?: DirectionalOptions): DirectionalTest => {
      const type = d.model.inputs.find(one => one.name === input)?.type
      if (typeof given === 'number') {
        if (given === 0) d.refuse('directional', 'by 0 changes nothing')
        if (type === 'text' || type === 'bool')
          d.refuse('directional', `'${input}' is no number to add to: say { from, to }`)
      } else {
        const fits = (one: InputValue | undefined): boolean =>
          one === undefined || typeof one === (type === 'text' ? 'string' : type === 'bool' ? 'boolean' : 'number')
        if (!fits(given.from) || !fits(given.to)) d.refuse('directional', `'${input}' is ${type ?? 'no input'}`)
        if (given.from === given.to) d.refuse('directional', 'from and to are the same')
      }
      return {
        kind: 'directional',
        inputs: [input],
        ...(typeof given === 'number' ? { by: given } : given),
        moves,
        mostly: options?.mostly ?? 1,
        least: options?.least ?? 0,
        ...classOf(d, 'directional', options, true),
        ...d.named(`directional-${input}`, options),
      }
    },
  )

export const matters = (d: TestContext) =>
  d.make(
    'matters',
    { input: d.someInputs(), options: optional(members(mattersForms)) },
    (input: InputNames, options?: MattersOptions): MattersTest => ({
      kind: 'matters',
      inputs: listed(input),
      mostly: 1,
      ...(options?.least === undefined ? {} : { least: options.least }),
      ...classOf(d, 'matters', options, false),
      ...d.named(`matters-${listed(input).join('-')}`, options),
    }),
  )

export const stable = (d: TestContext) => {
  const forms: Forms<StableOptions> = {
    ...common,
    inputs: optional(listOf(d.oneInput('int', 'float'), 1)),
    noise: optional(numberFrom(0)),
    maxDelta: optional(limit),
    mostly: optional(share),
  }
  return d.make('stable', { options: optional(members(forms)) }, (options?: StableOptions): StableTest => {
    const numbers = d.model.inputs.filter(one => one.type === 'int' || one.type === 'float').map(one => one.name)
    if (numbers.length === 0) d.refuse('stable', 'checks nothing: the model has no input that is a number')
    return {
      kind: 'stable',
      inputs: options?.inputs ?? numbers,
      noise: options?.noise ?? 0.01,
      mostly: options?.mostly ?? 0.95,
      ...(options?.maxDelta === undefined ? {} : { maxDelta: options.maxDelta }),
      ...d.named('stable', options),
    }
  })
}
