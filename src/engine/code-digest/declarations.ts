import type { ModuleSource, Node } from './module-source.ts'
import { boundNames, isNode, importedBy, loadedBy, nameOf, propertyOf, textOf, walk } from './syntax.ts'

/** A module taken apart into what can be depended on. */
export interface Declarations {
  /** The declaration of each top-level name. */
  readonly named: ReadonlyMap<string, Node>
  /** Names that stand for imported modules, with their specifiers. */
  readonly imports: ReadonlyMap<string, string>
  /** What gives each export its value. */
  readonly exported: ReadonlyMap<string, Node>
  /** Specifiers of `export * from`. */
  readonly stars: readonly string[]
  /** Statements that act when the module loads: they always count. */
  readonly effects: readonly Node[]
}

function exportTarget(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  const isExports = nameOf(node['object']) === 'exports'
  return isExports ? propertyOf(node) : undefined
}

function isVoid(node: unknown): boolean {
  return isNode(node) && node.type === 'UnaryExpression' && node['operator'] === 'void'
}

/** `exports.a = exports.b = value`: the names and the value. */
function exportChain(node: unknown): { readonly names: readonly string[]; readonly value: Node } | undefined {
  const names: string[] = []
  let at = node
  while (isNode(at) && at.type === 'AssignmentExpression') {
    const name = exportTarget(at['left'])
    if (name === undefined) return undefined
    names.push(name)
    at = at['right']
  }
  return names.length > 0 && isNode(at) ? { names, value: at } : undefined
}

/** `Object.defineProperty(exports, "a", { get … })`, what `export { a } from` becomes. */
function definedExport(expression: Node): { readonly name: string; readonly value: Node } | undefined {
  if (expression.type !== 'CallExpression' || !isNode(expression['callee'])) return undefined
  if (propertyOf(expression['callee']) !== 'defineProperty') return undefined
  const [target, name, value] = expression['arguments'] as readonly unknown[]
  const text = textOf(name)
  return nameOf(target) === 'exports' && text !== undefined && isNode(value) ? { name: text, value } : undefined
}

/** `Object.keys(_x).forEach(…exports…)`, what `export * from` becomes: the name of the module. */
function starSource(expression: Node, imports: ReadonlyMap<string, string>): string | undefined {
  const callee = expression['callee']
  if (!isNode(callee) || propertyOf(callee) !== 'forEach') return undefined
  const keys = callee['object']
  if (!isNode(keys) || keys.type !== 'CallExpression') return undefined
  const name = nameOf((keys['arguments'] as readonly unknown[])[0])
  return name === undefined ? undefined : imports.get(name)
}

export function declarationsOf({ statements }: ModuleSource): Declarations {
  const named = new Map<string, Node>()
  const imports = new Map<string, string>()
  const exported = new Map<string, Node>()
  const stars: string[] = []
  const effects: Node[] = []
  const variable = (declarator: Node): void => {
    const specifier = importedBy(declarator['init'])
    const name = nameOf(declarator['id'])
    if (specifier !== undefined && name !== undefined) {
      imports.set(name, specifier)
      return
    }
    for (const bound of boundNames(declarator['id'])) named.set(bound, declarator)
    const chain = exportChain(declarator['init'])
    for (const exportName of chain?.names ?? []) exported.set(exportName, declarator)
  }
  const expression = (statement: Node, inner: Node): void => {
    const defined = definedExport(inner)
    const chain = exportChain(inner)
    const star = inner.type === 'CallExpression' ? starSource(inner, imports) : undefined
    if (defined !== undefined) {
      if (defined.name !== '__esModule') exported.set(defined.name, defined.value)
    } else if (chain !== undefined) {
      if (!isVoid(chain.value)) for (const name of chain.names) exported.set(name, chain.value)
    } else if (star !== undefined) stars.push(star)
    else if (statement['directive'] === undefined) effects.push(statement)
  }
  for (const statement of statements) {
    const { type } = statement
    if (type === 'VariableDeclaration') (statement['declarations'] as readonly Node[]).forEach(variable)
    else if (type === 'FunctionDeclaration' || type === 'ClassDeclaration')
      named.set(nameOf(statement['id']) ?? '', statement)
    else if (type === 'ExpressionStatement' && isNode(statement['expression']))
      expression(statement, statement['expression'])
    else if (type !== 'EmptyStatement') effects.push(statement)
  }
  return { named, imports, exported, stars, effects }
}

/** The declaration or statement that holds the call `step('<name>', …)`. */
export function holderOfStep(declarations: Declarations, name: string): Node | undefined {
  const holds = (node: Node): boolean => {
    for (const inner of walk(node)) {
      if (inner.type !== 'CallExpression' || loadedBy(inner) !== undefined) continue
      if (textOf((inner['arguments'] as readonly unknown[])[0]) !== name) continue
      // Imported functions are called as `(0, _millrace.step)(…)`.
      let callee = inner['callee'] as Node
      if (callee.type === 'SequenceExpression') callee = (callee['expressions'] as readonly Node[]).at(-1) ?? callee
      if ((propertyOf(callee) ?? nameOf(callee)) === 'step') return true
    }
    return false
  }
  for (const node of [...declarations.named.values(), ...declarations.exported.values(), ...declarations.effects])
    if (holds(node)) return node
  return undefined
}
