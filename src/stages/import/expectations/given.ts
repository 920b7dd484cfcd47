import type { Json } from '../../../internal/canonical-json.ts'

/** Why a rule, or a part of it, cannot be brought over. Thrown by whatever reads a rule, told in its row of the table. */
export class LeftOut extends Error {
  readonly why: string
  constructor(why: string) {
    super(why)
    this.why = why
  }
}

/** A value for people, cut to a length. */
export function shown(value: Json | undefined, most = 60): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > most ? `${text.slice(0, most - 1)}…` : text
}

export function isRecord(value: Json | undefined): value is { readonly [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a file holds that is not what was looked for, in words. */
export function contents(value: Json): string {
  if (!isRecord(value)) return `it holds ${Array.isArray(value) ? 'a list' : shown(value)}`
  const keys = Object.keys(value).slice(0, 8)
  return keys.length === 0 ? 'it is empty' : `it has ${keys.map(key => shown(key, 40)).join(', ')}`
}

/** A whole number beyond 2^53 was rounded when the file was read. */
function exact(name: string, value: number): number {
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    throw new LeftOut(`${name} is a whole number beyond 2^53, which cannot be carried exactly`)
  return value
}

/**
 * The settings of one rule. Whatever is asked for counts as read; what nobody asked for is named by `unread`, so that no
 * setting goes missing by an oversight. Null is unset, as all the tools have it.
 */
export class RuleSettings {
  readonly #values: ReadonlyMap<string, Json>
  readonly #path: string
  readonly #read = new Set<string>()
  readonly #parts = new Map<string, RuleSettings>()

  constructor(value: Json, path = '') {
    this.#values = new Map(
      isRecord(value) ? Object.entries(value).flatMap(([key, one]) => (one === undefined ? [] : [[key, one]])) : [],
    )
    this.#path = path
  }

  /** Names of all settings, read or not. */
  get names(): readonly string[] {
    return [...this.#values.keys()]
  }

  /** The value as it stands; undefined where it is unset. */
  take(name: string): Json | undefined {
    this.#read.add(name)
    return this.#values.get(name) ?? undefined
  }

  /** Settings that say nothing about whether data is good. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#read.add(name)
  }

  #as<T extends Json>(name: string, kind: string, is: (value: Json) => value is T): T | undefined {
    const value = this.take(name)
    if (value === undefined) return undefined
    if (!is(value)) throw new LeftOut(`${this.#path}${name} is ${shown(value)}, which is no ${kind}`)
    return value
  }

  text(name: string): string | undefined {
    return this.#as(name, 'text', one => typeof one === 'string')
  }

  number(name: string): number | undefined {
    const value = this.#as(name, 'number', (one): one is number => typeof one === 'number' && Number.isFinite(one))
    return value === undefined ? undefined : exact(name, value)
  }

  flag(name: string): boolean | undefined {
    return this.#as(name, 'true or false', one => typeof one === 'boolean')
  }

  list(name: string): readonly Json[] | undefined {
    return this.#as<readonly Json[]>(name, 'list', one => Array.isArray(one))?.map(one =>
      typeof one === 'number' ? exact(name, one) : one,
    )
  }

  texts(name: string): readonly string[] | undefined {
    return this.list(name)?.map(one => {
      if (typeof one !== 'string') throw new LeftOut(`${this.#path}${name} holds ${shown(one)}, which is no text`)
      return one
    })
  }

  /** Settings within a setting. Those of them that nobody reads are named as well. */
  part(name: string, path = `${this.#path}${name}.`): RuleSettings | undefined {
    const before = this.#parts.get(name)
    if (before) return before
    const value = this.#as(name, 'mapping', isRecord)
    if (value === undefined) return undefined
    const part = new RuleSettings(value, path)
    this.#parts.set(name, part)
    return part
  }

  /** What a rule cannot be without. */
  needed<T>(name: string, value: T | undefined): T {
    if (value === undefined || value === '') throw new LeftOut(`it has no ${this.#path}${name}`)
    return value
  }

  /** Names with values of all that was not read. Null and empty collections are as good as unset. */
  unread(): readonly string[] {
    return [...this.#values].flatMap(([name, value]) => {
      const part = this.#parts.get(name)
      if (part) return part.unread()
      if (this.#read.has(name) || value === null || (typeof value === 'object' && Object.keys(value).length === 0))
        return []
      return [`${this.#path}${name} (${shown(value, 40)})`]
    })
  }
}
