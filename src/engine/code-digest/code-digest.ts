import { existsSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { digestJson, type Digest } from '../../internal/digest.ts'
import { declarationsOf, holderOfStep, type Declarations } from './declarations.ts'
import { moduleSource, type ModuleSource, type Node } from './module-source.ts'
import { digestNode, loadedBy, nameOf, propertyOf, walk } from './syntax.ts'

export interface CodeDigest {
  readonly digest: Digest
  /** Digest of the used declarations of each project module, by path from the project's folder. */
  readonly modules: Readonly<Record<string, Digest>>
}

interface Module extends Declarations {
  readonly source: ModuleSource
  readonly seen: Set<Node>
  readonly digests: string[]
}

/** Follows what a step's declaration uses, through the project's modules. */
class Collector {
  readonly modules = new Map<string, Module>()
  readonly #step: string

  constructor(step: string) {
    this.#step = step
  }

  open(path: string): Module {
    const known = this.modules.get(path)
    if (known !== undefined) return known
    const source = moduleSource(path, this.#step)
    const module: Module = { ...declarationsOf(source), source, seen: new Set(), digests: [] }
    this.modules.set(path, module)
    for (const effect of module.effects) this.visit(module, effect)
    return module
  }

  /** Everything that the module exports and does. */
  whole(module: Module): void {
    for (const node of [...module.named.values(), ...module.exported.values()]) this.visit(module, node)
    for (const specifier of [...module.imports.values(), ...module.stars]) this.#follow(module, specifier)
  }

  export(module: Module, name: string): boolean {
    const node = module.exported.get(name)
    if (node !== undefined) {
      this.visit(module, node)
      return true
    }
    for (const specifier of module.stars) {
      const target = module.source.resolve(specifier)
      if (target !== undefined && this.export(this.open(target), name)) return true
    }
    return false
  }

  visit(module: Module, node: Node): void {
    if (module.seen.has(node)) return
    module.seen.add(node)
    const { path } = module.source
    // What `import.meta` gives is written into the code as text.
    const places = new Set([path, dirname(path), pathToFileURL(path).href])
    module.digests.push(
      digestNode(
        node,
        name => this.#stableName(module, name),
        text => (places.has(text) ? 'place of the module' : text),
      ),
    )
    const members = new Set<unknown>()
    for (const inner of walk(node)) {
      const object = inner.type === 'MemberExpression' ? nameOf(inner['object']) : undefined
      const specifier = object === undefined ? undefined : module.imports.get(object)
      const property = propertyOf(inner)
      if (specifier !== undefined && property !== undefined) {
        members.add(inner['object'])
        this.#follow(module, specifier, property)
      }
      // What is loaded inside a function is used as a whole, for all that can be seen from here.
      const loaded = loadedBy(inner)
      if (loaded !== undefined) this.#follow(module, loaded)
      const name = members.has(inner) ? undefined : nameOf(inner)
      if (name === undefined) continue
      const namespace = module.imports.get(name)
      if (namespace !== undefined) this.#follow(module, namespace)
      const declaration = module.named.get(name)
      if (declaration !== undefined) this.visit(module, declaration)
    }
  }

  /** Without `name`, or where the name cannot be found: the whole module. */
  #follow(from: Module, specifier: string, name?: string): void {
    const path = from.source.resolve(specifier)
    if (path === undefined) return
    const module = this.open(path)
    if (name === undefined || !this.export(module, name)) this.whole(module)
  }

  /** Generated names of imports hang on the other imports of the file; the package's name does not. */
  #stableName(module: Module, name: string): string {
    const specifier = module.imports.get(name)
    if (specifier === undefined) return name
    return module.source.resolve(specifier) === undefined ? `import ${specifier}` : 'import of the project'
  }
}

function projectFolder(entry: string): string {
  for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder))
    if (existsSync(join(folder, 'package.json'))) return folder
  return dirname(entry)
}

/**
 * Digest of a step's own code: the declaration that holds it and all that it uses in the project's modules, as syntax
 * trees, so that comments, formatting and types do not count, and neither do other steps of the same file. Packages
 * count through the lockfile digest. The step is found by the name of its export, or by its `step('<name>', …)` call;
 * where neither can be found the whole module counts. Throws `codeUnreadable`.
 */
export async function codeDigest(of: {
  readonly entry: string
  readonly exportName?: string
  readonly stepName?: string
}): Promise<CodeDigest> {
  const entry = resolve(of.entry)
  const collector = new Collector(of.stepName ?? of.exportName ?? entry)
  const module = collector.open(entry)
  const holder = of.stepName === undefined ? undefined : holderOfStep(module, of.stepName)
  if (holder !== undefined) collector.visit(module, holder)
  if (of.exportName === undefined || !collector.export(module, of.exportName))
    if (holder === undefined) collector.whole(module)
  const folder = projectFolder(entry)
  const modules: Record<string, Digest> = {}
  const all: string[] = []
  for (const [path, { digests }] of collector.modules) {
    if (digests.length === 0) continue
    modules[relative(folder, path).split(sep).join('/')] = digestJson([...digests].sort())
    all.push(...digests)
  }
  return { digest: digestJson(all.sort()), modules }
}
