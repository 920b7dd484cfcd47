import { createJiti, type Jiti } from 'jiti'

/** A node of the file's own syntax: Babel's tree of TypeScript, with places in the text as it stands. */
export interface Syntax {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [member: string]: unknown
}

export const isSyntax = (value: unknown): value is Syntax =>
  typeof value === 'object' && value !== null && typeof (value as Partial<Syntax>).type === 'string'

let jiti: Jiti | undefined

/**
 * The statements of a TypeScript file, as the loader of project files parses it; nothing of it is run. Undefined where it
 * is no TypeScript.
 */
export function statementsOf(source: string, filename: string): readonly Syntax[] | undefined {
  // what the loader remembers of a file it would not parse again
  jiti ??= createJiti(import.meta.url, { fsCache: false, moduleCache: false })
  let program: { readonly body: readonly Syntax[] } | undefined
  // the tree is changed as soon as this returns, so what is kept of it is a copy
  const keep = () => ({
    pre(file: { readonly ast: { readonly program: { readonly body: readonly Syntax[] } } }) {
      program = JSON.parse(
        JSON.stringify(file.ast.program, (key, value: unknown) =>
          key === 'loc' || key.endsWith('Comments') ? undefined : value,
        ),
      ) as typeof program
    },
  })
  const code = jiti.transform({ source, filename, ts: true, async: true, babel: { plugins: [keep] } } as Parameters<
    Jiti['transform']
  >[0])
  // instead of throwing, the loader gives code that throws
  return code.startsWith('exports.__JITI_ERROR__') ? undefined : program?.body
}

export function* walkSyntax(node: Syntax): Generator<Syntax> {
  yield node
  for (const value of Object.values(node)) {
    if (isSyntax(value)) yield* walkSyntax(value)
    else if (Array.isArray(value)) for (const item of value) if (isSyntax(item)) yield* walkSyntax(item)
  }
}

export const nameOf = (node: unknown): string | undefined =>
  isSyntax(node) && node.type === 'Identifier' ? (node.name as string) : undefined

export const textOf = (node: unknown): string | undefined =>
  isSyntax(node) && node.type === 'StringLiteral' ? (node.value as string) : undefined

/** A value without what only types it: `x as T`, `x satisfies T`, `(x)`. */
export function plainValue(node: unknown): Syntax | undefined {
  if (!isSyntax(node)) return undefined
  const wraps = ['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression', 'ParenthesizedExpression']
  return wraps.includes(node.type) ? plainValue(node.expression) : node
}
