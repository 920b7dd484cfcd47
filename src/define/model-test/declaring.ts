import type { Task } from '../../math/task.ts'
import { canonicalJson, type Json } from '../../internal/canonical-json.ts'
import type { ScalarType } from '../expression/node.ts'
import { builder, oneOf, optional, text, type Form, type Forms } from '../forms.ts'
import { refuse } from '../named.ts'
import type { Severity } from '../report.ts'
import type { NamedCondition, NamedValue } from './columns.ts'

/** What every test has. */
export interface Common {
  readonly id: string
  readonly severity: Severity
}

export interface Options {
  /** Name that its results are kept under; by default its kind and input. */
  readonly id?: string
  /** What it means for the whole when it does not hold: `critical` refuses the version. */
  readonly severity?: Severity
}

export const common: Forms<Options> = {
  id: optional(text),
  severity: optional(oneOf('critical', 'warning', 'info')),
}

/** What a model is, as far as its tests must fit it. */
export interface TestedModel {
  readonly task: Task
  readonly inputs: readonly { readonly name: string; readonly type: ScalarType }[]
}

/** Names of inputs: given as a union of texts, or by the object of inputs that a model declares. */
export type InputNames<I> = I extends string ? I : keyof I & string

/** What a kind of test declares itself with. */
export interface TestContext {
  readonly model: TestedModel
  /** Refuses a test that would check nothing, or does not fit the model. */
  refuse(test: string, reason: string): never
  /** A function that looks at its arguments before it makes a test of them. */
  make<F extends (...args: never[]) => Common>(test: string, forms: Readonly<Record<string, Form>>, made: F): F
  /** The id and severity that are asked for, by default these. */
  named(id: string, options: Options | undefined, severity?: Severity): Common
  /** One input by its name, of these types; of any where none is named. */
  oneInput(...types: readonly ScalarType[]): Form
  /** Takes note of what the training frame is to carry; refuses a name that stands for something else already. */
  columns(test: string, named: readonly (NamedCondition | NamedValue)[]): void
  /** One input, or a list of them. */
  someInputs(...types: readonly ScalarType[]): Form
}

const wordOf: Readonly<Record<ScalarType, string>> = {
  int: 'a number',
  float: 'a number',
  bool: 'a boolean',
  text: 'a text',
  timestamp: 'a time',
  vector: 'a vector',
}

export function declaring(name: string, model: TestedModel): TestContext {
  const say = (test: string): string => `${name}: ${test}`
  const namesOf = (types: readonly ScalarType[]): readonly unknown[] =>
    model.inputs.filter(input => types.length === 0 || types.includes(input.type)).map(input => input.name)
  const oneInput = (...types: readonly ScalarType[]): Form => {
    const names = namesOf(types)
    const kinds = [...new Set(types.map(type => wordOf[type]))].join(' or ')
    return {
      words: `an input${kinds === '' ? '' : ` that is ${kinds}`}: ${names.join(', ') || 'the model has none'}`,
      holds: value => names.includes(value),
    }
  }
  const carried = new Map<string, string>()
  return {
    model,
    columns(test, named) {
      for (const one of named) {
        const written = canonicalJson(one as unknown as Json)
        if ((carried.get(one.name) ?? written) !== written)
          refuse('model test', say(test), `'${one.name}' is the name of another slice already`)
        carried.set(one.name, written)
      }
    },
    refuse: (test, reason) => refuse('model test', say(test), reason),
    make: (test, forms, made) => builder('model test', forms, made, say(test)),
    named: (id, options, severity = 'critical') => ({
      id: options?.id ?? id,
      severity: options?.severity ?? severity,
    }),
    oneInput,
    someInputs(...types) {
      const one = oneInput(...types)
      return {
        words: `${one.words}; or a list of them, each once`,
        holds: value =>
          Array.isArray(value)
            ? value.length > 0 && new Set(value).size === value.length && value.every(one.holds)
            : one.holds(value),
      }
    },
  }
}

/** The inputs of a test as a list. */
export const listed = (given: string | readonly string[]): readonly string[] =>
  typeof given === 'string' ? [given] : given
