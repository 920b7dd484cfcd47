import { fail } from '../errors/index.ts'
import { nameForm } from '../internal/ids.ts'
import { nearestFirst } from '../internal/nearest.ts'

/** What can stand in a project. The brand survives two copies of the package, where `instanceof` does not. */
export type DefinitionKind = 'dataset' | 'features' | 'model' | 'deployment' | 'monitor' | 'step'

export const definitionBrand: unique symbol = Symbol.for('millrace.definition')

export interface Definition {
  readonly [definitionBrand]: DefinitionKind
  readonly name: string
}

export function checkName(kind: string, name: string): void {
  if (!nameForm.test(name)) throw fail('invalidName', { kind, name })
}

/** Words that stand in one line: what they quote may hold anything. */
export function inLine(words: string): string {
  return words.replace(/[\p{Cc}\p{Cs}\u2028\u2029]/gu, '·')
}

export function refuse(kind: string, name: string, reason: string): never {
  throw fail('invalidDefinition', { kind, name: inLine(name), reason: inLine(reason) })
}

export function definitionKind(value: unknown): DefinitionKind | undefined {
  return typeof value === 'object' && value !== null && definitionBrand in value
    ? (value as Definition)[definitionBrand]
    : undefined
}

/** `has no option 'mn', did you mean 'min'? It has min, max`. */
export function unknownOption(given: string, known: readonly string[]): string {
  const [nearest = ''] = nearestFirst(given, known)
  return `has no option '${given}'${nearest === '' ? '' : `, did you mean '${nearest}'`}? It has ${known.join(', ')}`
}

/** `names 'orign', did you mean 'origin'? There are …`. */
export function unknownColumn(given: string, known: readonly string[]): string {
  const [nearest = ''] = nearestFirst(given, known)
  return `names '${given}', did you mean '${nearest}'? There are ${known.join(', ')}`
}

/** Refuses members that a definition does not have: without type checking a misspelt option would do nothing, silently. */
export function onlyKeys(kind: string, name: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find(key => !known.includes(key))
  if (unknown !== undefined) refuse(kind, name, unknownOption(unknown, known))
}
