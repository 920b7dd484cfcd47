// npm run build: what the compiler wrote to build/ becomes dist/.
//
// A command loads some five hundred modules of this package, and Node takes half a millisecond for each: more than what most
// commands do. So the modules that are loaded together lie together in a few files of dist/bundle/, and every module of dist/
// only passes on what is there. Each can be imported as before, on its own or with others, and there is one of it in a process.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'

const [compiled, made] = [resolve('build'), resolve('dist')]
const { exports } = JSON.parse(readFileSync('package.json', 'utf8'))

/**
 * What stays as the compiler wrote it: entries of processes and threads, which must not begin when somebody else loads their
 * neighbours; what `models export` copies into its folder; the client, which browsers load.
 */
const stays = [
  /^cli\/bin\.js$/,
  /(^|\/)(host|process|worker|watchdog|try-open|batch-guard|\w+-process|typescript-host)\.js$/,
  /^stages\/edge\/(scorer|pattern|pages)\.js$/,
  /^define\/expression\/(row|letter-case|zone)\.js$/,
  /^client\//,
]

/** Packages of many small files that every command loads: they lie in the bundle with their licences. */
const within = ['kysely', '@duckdb/node-api']

const filesOf = folder =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)))

// What was compiled from a file that is gone would still answer an import of it
const sourceOf = name => join('src', name.replace(/(\.d\.ts|\.js)$/, '.ts'))
for (const name of filesOf(compiled)) if (!existsSync(sourceOf(name))) rmSync(join(compiled, name))

const modules = filesOf(compiled)
const staying = modules.filter(name => stays.some(pattern => pattern.test(name)))
const bundled = modules.filter(name => !staying.includes(name))

/** The modules that a module names in places of this form. */
function namedIn(name, pattern) {
  const text = readFileSync(join(compiled, name), 'utf8')
  return [...text.matchAll(pattern)]
    .map(([, path]) => join(dirname(name), path.replace(/\.ts$/, '.js')))
    .filter(path => modules.includes(path))
}
const loadedWith = new Map(
  modules.map(name => [name, namedIn(name, /^(?:import|export)\s(?:[\w\s*{},$]*from\s*)?['"](\.[^'"]+)['"]/gm)]),
)

/** Where loading begins: what the package exports, processes and threads, and what is loaded when it is first used. */
const entries = new Set([
  ...Object.values(exports).flatMap(one => (one.default ? [relative('dist', one.default)] : [])),
  ...staying,
  ...modules.flatMap(name => namedIn(name, /\b(?:import|compiledModule)\(\s*['"](\.[^'"]+)['"]/g)),
])

/**
 * The file of a module: it is shared with the modules that are loaded from the same entries, and only with those, so that
 * nobody loads what is not needed. It is called after its first module.
 */
function filesOfModules() {
  const loadedFrom = new Map(modules.map(name => [name, []]))
  for (const entry of entries) {
    const open = [entry]
    const seen = new Set(open)
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      loadedFrom.get(name).push(entry)
      for (const next of loadedWith.get(name)) {
        if (seen.has(next)) continue
        seen.add(next)
        open.push(next)
      }
    }
  }
  const called = new Map()
  return new Map(
    bundled.toSorted().map(name => {
      const from = loadedFrom.get(name).join()
      if (!called.has(from)) called.set(from, name.replace(/\.js$/, '').replaceAll('/', '-'))
      return [join(compiled, name), called.get(from)]
    }),
  )
}

const fileOf = filesOfModules()
const packageOf = id => {
  const found = within.find(name => id.includes(`/node_modules/${name}/`))
  return found ? `package-${found.replace(/^@/, '').replace('/', '-')}` : null
}
const isWithin = id => within.some(name => id === name || id.startsWith(`${name}/`))
/** Stand for where a module lies, and for the module, until it is known which file speaks of it. */
const placeOf = name => `__place_of__(${JSON.stringify(name)})`
const moduleAt = name => `module-at:${name}`

const bundle = await rolldown({
  input: Object.fromEntries(bundled.map(name => [name.replace(/\.js$/, ''), join(compiled, name)])),
  platform: 'node',
  preserveEntrySignatures: 'allow-extension',
  external: (id, _, isResolved) => !isResolved && !/^[./]/.test(id) && !isWithin(id),
  onLog: (level, log, handle) => (log.code === 'INEFFECTIVE_DYNAMIC_IMPORT' ? undefined : handle(level, log)),
  plugins: [
    {
      name: 'places',
      resolveId(id, importer) {
        if (!id.startsWith('.') || !importer?.startsWith(compiled)) return null
        const name = relative(compiled, resolve(dirname(importer), id))
        return staying.includes(name) ? { id: moduleAt(name), external: true } : null
      },
      // A module finds what lies beside it (processes, migrations, pages) as if it were where it was written
      transform(code, id) {
        if (!id.startsWith(compiled) || !code.includes('import.meta.url')) return null
        return { code: code.replaceAll('import.meta.url', placeOf(relative(compiled, id))) }
      },
      renderChunk(code, { fileName }) {
        const from = join(made, dirname(fileName))
        const pathTo = name => {
          const path = relative(from, join(made, name))
          return JSON.stringify(path.startsWith('.') ? path : `./${path}`)
        }
        const found = code
          .replaceAll(/__place_of__\("([^"]+)"\)/g, (_, name) => `new URL(${pathTo(name)}, import.meta.url).href`)
          .replaceAll(/"module-at:([^"]+)"/g, (_, name) => pathTo(name))
        return { code: found }
      },
    },
  ],
})
const { output } = await bundle.write({
  dir: made,
  format: 'esm',
  minify: false,
  comments: { legal: true, annotation: true, jsdoc: false },
  entryFileNames: '[name].js',
  chunkFileNames: 'bundle/[name].js',
  codeSplitting: {
    includeDependenciesRecursively: false,
    groups: [{ debugName: 'modules', name: id => fileOf.get(id) ?? packageOf(id) }],
  },
})
await bundle.close()
for (const name of staying) cpSync(join(compiled, name), join(made, name))

const licences = within.map(name => {
  const { version, license } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'))
  const file = readdirSync(`node_modules/${name}`).find(entry => /^licen[cs]e/i.test(entry))
  return `${name} ${version}\n\n${file ? readFileSync(`node_modules/${name}/${file}`, 'utf8') : license}`
})
writeFileSync(join(made, 'bundle/LICENSES.txt'), licences.join('\n\n'))
const { digestOfCode } = await import(pathToFileURL(join(compiled, 'stages/pipeline/code.js')).href)
writeFileSync(join(made, 'bundle/code-digest.txt'), digestOfCode(compiled))

const written = new Set([
  ...output.map(one => one.fileName),
  ...staying,
  'bundle/LICENSES.txt',
  'bundle/code-digest.txt',
])
for (const name of filesOf(made)) {
  const isDeclaration = name.endsWith('.d.ts') && existsSync(sourceOf(name))
  if (!name.startsWith('web/') && !isDeclaration && !written.has(name)) rmSync(join(made, name))
}
