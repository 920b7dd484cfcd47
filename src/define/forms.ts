import { formatTime, parseDuration, parseTime } from '../internal/time.ts'
import { definitionKind, refuse, unknownOption, type DefinitionKind } from './named.ts'

/**
 * What a value of the definition API must be. The types say the same, but not to whoever runs no type checker: there an
 * option that is misspelt, misplaced or misread would do nothing, silently.
 */
export interface Form {
  readonly words: string
  readonly holds: (value: unknown) => boolean
  /** May be absent. */
  readonly optional?: true
  /** Forms of its members, for an object of options. */
  readonly members?: Readonly<Record<string, Form>>
  /** The form of each of its members, whatever their names. */
  readonly each?: Form
  /** Forms of its members by what one of them, `tag`, says. */
  readonly variants?: { readonly tag: string; readonly forms: Readonly<Record<string, Readonly<Record<string, Form>>>> }
}

interface OptionalForm extends Form {
  readonly optional: true
}

/** A form for each option of `T`, one that may be absent for each optional one: a new option is a compile error until it has one. */
export type Forms<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? OptionalForm : Form
}

export const optional = (form: Form): OptionalForm => ({ ...form, optional: true })

export const flag: Form = { words: 'true or false', holds: value => typeof value === 'boolean' }
export const text: Form = {
  words: 'a text, not an empty one',
  holds: value => typeof value === 'string' && value !== '' && !/\p{Cs}/u.test(value),
}
export const variableName: Form = { ...text, words: 'the name of an environment variable' }
export const webUrl: Form = {
  words: 'an http or https URL',
  holds: value => typeof value === 'string' && URL.canParse(value) && /^https?:/.test(value),
}
export const anyText: Form = { words: 'a text', holds: value => typeof value === 'string' }
export const callback: Form = { words: 'a function', holds: value => typeof value === 'function' }
export const anything: Form = { words: 'given', holds: value => value !== undefined && value !== null }

export function oneOf(...values: readonly string[]): Form {
  return { words: values.map(one => `'${one}'`).join(', '), holds: value => values.includes(value as string) }
}

/** A finite number within bounds, both included. */
export function numberFrom(least: number, most = Number.POSITIVE_INFINITY): Form {
  return {
    words: `a number${within(least, most)}`,
    holds: value => typeof value === 'number' && Number.isFinite(value) && value >= least && value <= most,
  }
}

/** A finite number between two others, neither included. */
export function numberBetween(low: number, high: number): Form {
  return {
    words: `a number between ${low} and ${high}`,
    holds: value => typeof value === 'number' && value > low && value < high,
  }
}

export function wholeFrom(least: number, most: number = Number.MAX_SAFE_INTEGER): Form {
  return {
    words: `a whole number${within(least, most === Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : most)}`,
    holds: value => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
  }
}

function within(least: number, most: number): string {
  if (least === Number.NEGATIVE_INFINITY) return ''
  return most === Number.POSITIVE_INFINITY ? `, ${least} or more` : ` from ${least} to ${most}`
}

/** A length of time above 0. */
export const duration: Form = {
  words: "a length of time above 0, such as '15m', '3h' or '30d'",
  holds: value => typeof value === 'string' && (parseDuration(value) ?? 0) > 0,
}
export const moment: Form = {
  words: `a time such as '${formatTime(Date.UTC(2026, 2, 31) * 1000)}'`,
  holds: value => typeof value === 'string' && parseTime(value) !== undefined,
}

export const timeZone: Form = {
  words: "an IANA time zone, such as 'Europe/Berlin'",
  holds: value => {
    try {
      return (
        typeof value === 'string' &&
        new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== ''
      )
    } catch {
      return false
    }
  },
}

/** A definition of a kind. */
export const definitionOf = (kind: DefinitionKind, words: string): Form => ({
  words,
  holds: value => definitionKind(value) === kind,
})

/** A list of at least so many members of a form. */
export function listOf(form: Form, least = 0): Form {
  return {
    words: `a list${least > 0 ? ', not an empty one,' : ''} of which each is ${form.words}`,
    holds: value => Array.isArray(value) && value.length >= least && [...(value as unknown[])].every(form.holds),
  }
}

/** An object of options, each of its own form. */
export function members<T extends object>(forms: Forms<T>): Form {
  return { words: 'an object of options', holds: isPlain, members: forms as Readonly<Record<string, Form>> }
}

const nameForm = /^[A-Za-z][\w-]{0,63}$/

/** An object of at least one member, each of one form and under a name that stands in any text. */
export const byName = (form: Form): Form => ({
  words: `an object with members of names such as revenue, each of which is ${form.words}`,
  holds: value =>
    isPlain(value) &&
    Object.keys(value as object).length > 0 &&
    Object.keys(value as object).every(key => nameForm.test(key)),
  each: form,
})

/** An object of options of which one, `tag`, says which others there are. */
export function variants<T extends object, Tag extends keyof T & string>(
  tag: Tag,
  forms: {
    readonly [V in T[Tag] & string]: Omit<Forms<Extract<T, { readonly [K in Tag]: V }>>, Tag>
  },
): Form {
  const named = Object.keys(forms)
  return {
    words: `an object of options with ${tag}: ${named.map(one => `'${one}'`).join(', ')}`,
    holds: value => isPlain(value) && named.includes(String((value as Readonly<Record<string, unknown>>)[tag])),
    variants: { tag, forms: forms as unknown as Readonly<Record<string, Readonly<Record<string, Form>>>> },
  }
}

function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  return typeof value === 'object' && value !== null ? (Array.isArray(value) ? 'a list' : 'an object') : String(value)
}

function checkForm(kind: string, name: string, at: string, value: unknown, form: Form): void {
  if (value === undefined) {
    if (!form.optional) refuse(kind, name, `needs ${at}: ${form.words}`)
    return
  }
  if (!form.holds(value)) refuse(kind, name, `${at} must be ${form.words}, not ${shown(value)}`)
  if (form.members) checkMembers(kind, name, at, value as object, form.members)
  if (form.each)
    for (const [key, member] of Object.entries(value as object))
      checkForm(kind, name, `${at}.${key}`, member, form.each)
  if (form.variants) {
    const { tag, forms } = form.variants
    const said = String((value as Readonly<Record<string, unknown>>)[tag])
    checkMembers(kind, name, at, value as object, { [tag]: oneOf(said), ...forms[said] })
  }
}

function checkMembers(
  kind: string,
  name: string,
  at: string,
  given: object,
  forms: Readonly<Record<string, Form>>,
): void {
  const known = Object.keys(forms)
  const place = at === 'options' || at === 'settings' ? '' : `${at}.`
  const unknown = Object.keys(given).find(key => !Object.hasOwn(forms, key))
  if (unknown !== undefined) refuse(kind, name, `${place === '' ? '' : `${at} `}${unknownOption(unknown, known)}`)
  for (const [key, form] of Object.entries(forms))
    checkForm(kind, name, `${place}${key}`, (given as Readonly<Record<string, unknown>>)[key], form)
}

/** Refuses arguments that are too many, missing, or not of their form. */
export function checkArguments(
  kind: string,
  name: string,
  given: readonly unknown[],
  forms: Readonly<Record<string, Form>>,
): void {
  const entries = Object.entries(forms)
  if (given.length > entries.length)
    refuse(
      kind,
      name,
      entries.length === 0
        ? `takes no arguments, given is ${shown(given[0])}`
        : `takes ${entries.map(([argument]) => argument).join(', ')}, and no argument ${entries.length + 1}: ${shown(given[entries.length])}`,
    )
  for (const [i, [argument, form]] of entries.entries()) checkForm(kind, name, argument, given[i], form)
}

const formsKey: unique symbol = Symbol('millrace.forms')

type Builder = (...args: never[]) => unknown

/**
 * A function of the definition API that looks at its arguments before it does anything: the one way in which what nobody
 * reads is refused. `name` is what errors call it; without one the first argument, the name of what is defined.
 */
export function builder<F extends Builder>(
  kind: string,
  forms: { readonly [K in string]: Form },
  make: F,
  name?: string,
): F {
  const checked = (...args: unknown[]): unknown => {
    checkArguments(kind, name ?? (typeof args[0] === 'string' ? args[0] : kind), args, forms)
    return (make as unknown as (...all: unknown[]) => unknown)(...args)
  }
  return Object.assign(checked, { [formsKey]: forms }) as unknown as F
}

/** What a builder takes, by argument; for tests that hold every builder to it. */
export function formsOf(made: unknown): Readonly<Record<string, Form>> | undefined {
  return (made as { readonly [formsKey]?: Readonly<Record<string, Form>> })[formsKey]
}
