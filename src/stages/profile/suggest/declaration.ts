import { isSyntax, nameOf, plainValue, statementsOf, textOf, walkSyntax, type Syntax } from './syntax.ts'

/** Where new expectations of a dataset belong in the file that declares it. */
export interface Place {
  /** The list that `expect` gives, and the name of its columns; or the object that has no `expect` yet. */
  readonly list?: { readonly node: Syntax; readonly columns: string; readonly property: Syntax }
  readonly options: Syntax
  /** The import that `dataset` comes from, its name in this file, and that of `expect` where it is imported too. */
  readonly from: Syntax
  readonly dataset: string
  readonly expect: string | undefined
}

/** Why the file cannot be changed safely. */
export class Unsafe extends Error {}

const properties = (node: Syntax): readonly Syntax[] => node.properties as readonly Syntax[]

/** The name of a plain property. */
export function keyOf(property: Syntax): string | undefined {
  if (property.computed === true) return undefined
  return nameOf(property.key) ?? textOf(property.key)
}

interface Imports {
  readonly from: Syntax
  readonly dataset: string
  readonly expect: string | undefined
}

function importsOf(statements: readonly Syntax[]): Imports {
  for (const from of statements) {
    if (from.type !== 'ImportDeclaration' || textOf(from.source) !== 'millrace' || from.importKind === 'type') continue
    const names = new Map<string, string>()
    for (const one of from.specifiers as readonly Syntax[])
      if (one.type === 'ImportSpecifier' && one.importKind !== 'type')
        names.set(nameOf(one.imported) ?? textOf(one.imported) ?? '', nameOf(one.local) ?? '')
    const dataset = names.get('dataset')
    if (dataset !== undefined) return { from, dataset, expect: names.get('expect') }
  }
  throw new Unsafe("it does not import { dataset } from 'millrace'")
}

function callOf(statements: readonly Syntax[], callee: string, name: string): Syntax {
  const calls = statements
    .flatMap(one => [...walkSyntax(one)])
    .filter(
      one =>
        one.type === 'CallExpression' &&
        nameOf(one.callee) === callee &&
        textOf((one.arguments as readonly unknown[])[0]) === name,
    )
  if (calls.length === 0) throw new Unsafe(`no call ${callee}('${name}', { … }) stands in it`)
  if (calls.length > 1) throw new Unsafe(`${callee}('${name}', { … }) stands in it ${calls.length} times`)
  return calls[0] as Syntax
}

function listOf(property: Syntax): NonNullable<Place['list']> {
  const value = property.type === 'ObjectProperty' ? plainValue(property.value) : undefined
  if (value?.type !== 'ArrowFunctionExpression') throw new Unsafe('its expect is no arrow function')
  const params = value.params as readonly unknown[]
  const columns = nameOf(params[0])
  if (params.length !== 1 || columns === undefined)
    throw new Unsafe('its expect takes something else than the columns under one name')
  const node = plainValue(value.body)
  if (node?.type !== 'ArrayExpression') throw new Unsafe('its expect gives no list that stands there')
  const elements = node.elements as readonly unknown[]
  if (elements.some(one => !isSyntax(one) || one.type === 'SpreadElement'))
    throw new Unsafe('its list of expectations is put together from others')
  return { node, columns, property }
}

/** Finds the declaration of a dataset in a file. Throws `Unsafe`. */
export function findPlace(source: string, filename: string, dataset: string): Place {
  const statements = statementsOf(source, filename)
  if (!statements) throw new Unsafe('it is no TypeScript that can be read')
  const { from, dataset: callee, expect } = importsOf(statements)
  const call = callOf(statements, callee, dataset)
  const options = plainValue((call.arguments as readonly unknown[])[1])
  if (options?.type !== 'ObjectExpression') throw new Unsafe('its options do not stand at the call')
  const own = properties(options)
  if (own.some(one => one.type === 'SpreadElement')) throw new Unsafe('its options are put together from others')
  if (own.some(one => one.computed === true)) throw new Unsafe('its options have a computed name')
  const property = own.find(one => keyOf(one) === 'expect')
  return { options, from, dataset: callee, expect, ...(property ? { list: listOf(property) } : {}) }
}
