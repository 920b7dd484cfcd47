import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { catalogue } from '../src/errors/catalogue.ts'

// The arrows of the house, read from every import under src/. An exception stands below with its reason, or not at all.

const source = resolve('src')

interface Import {
  readonly from: string
  readonly to: string
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesBelow(path) : /\.tsx?$/.test(entry.name) ? [path] : []
  })
}

const files = filesBelow(source).map(path => ({ name: relative(source, path), text: readFileSync(path, 'utf8') }))
const product = files.filter(({ name }) => !name.endsWith('.test.ts'))

const specifier = /(?:\bfrom\s+|\bimport\s*\(\s*|^import\s+|(?:compiledModule|new URL)\(\s*)['"](\.[^'"]+)['"]/gm

const imports: Import[] = product.flatMap(({ name, text }) =>
  [...text.matchAll(specifier)].map(match => ({
    from: name,
    to: relative(source, resolve(source, dirname(name), match[1] ?? '')),
  })),
)

const roomOf = (name: string): string => (name.includes('/') ? (name.split('/')[0] ?? '') : name.replace(/\.ts$/, ''))

/** Which rooms each room may use. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  internal: [],
  math: [],
  errors: [],
  onnx: ['internal', 'math', 'errors'],
  define: ['internal', 'math', 'onnx', 'errors'],
  ports: ['internal', 'math', 'onnx', 'errors', 'define'],
  engine: ['internal', 'math', 'onnx', 'errors', 'define', 'ports'],
  stages: ['internal', 'math', 'onnx', 'errors', 'define', 'ports', 'engine'],
  adapters: ['internal', 'math', 'onnx', 'errors', 'ports'],
  config: ['internal', 'math', 'onnx', 'errors', 'define', 'ports', 'engine', 'stages', 'adapters'],
  app: ['internal', 'math', 'onnx', 'errors', 'define', 'ports', 'engine', 'stages', 'config'],
  server: ['internal', 'math', 'onnx', 'errors', 'define', 'ports', 'engine', 'stages', 'config', 'app'],
  cli: ['internal', 'math', 'onnx', 'errors', 'define', 'ports', 'engine', 'stages', 'config', 'app', 'server'],
  testing: ['internal', 'math', 'onnx', 'errors', 'define', 'ports', 'engine', 'stages', 'config'],
  // what it needs of the definitions is types: nothing of them reaches a browser
  client: ['define'],
  index: ['define', 'internal'],
}

/** `from -> to` (by file, or by folder with a closing slash) and why it is as it is today. */
const exceptions: Readonly<Record<string, string>> = {
  'adapters/metadata/ -> define/report.ts': 'the type of a report, which the metadata port speaks in',
  'adapters/metadata/ -> define/decision.ts': 'the type of a decision, which the metadata port speaks in',
  'config/load.ts -> index.js': "the package's own entry, by its URL, for projects that do not install it",
}

const excepted = ({ from, to }: Import): boolean =>
  Object.keys(exceptions).some(line => {
    const [left = '', right = ''] = line.split(' -> ')
    const fits = (path: string, rule: string): boolean => (rule.endsWith('/') ? path.startsWith(rule) : path === rule)
    return fits(from, left) && fits(to, right)
  })

const wrong = ({ from, to }: Import): boolean => {
  const [room, other] = [roomOf(from), roomOf(to)]
  // What leads out of src/ is a file of the package: migrations, its own package.json.
  return !to.startsWith('..') && room !== other && !(arrows[room] ?? []).includes(other)
}

test('every room is known', () => {
  expect([...new Set(product.map(({ name }) => roomOf(name)))].filter(room => !(room in arrows))).toEqual([])
})

test('imports only point down', () => {
  expect(imports.filter(one => wrong(one) && !excepted(one)).map(({ from, to }) => `${from} -> ${to}`)).toEqual([])
})

test('every exception is still needed', () => {
  const needed = imports.filter(wrong)
  for (const line of Object.keys(exceptions)) {
    const [left = '', right = ''] = line.split(' -> ')
    expect(
      needed.some(({ from, to }) => from.startsWith(left) && to.startsWith(right)),
      line,
    ).toBe(true)
  }
})

test('the dashboard knows the HTTP API and nothing else', () => {
  const web = filesBelow(resolve('web/src')).map(path => ({ path, text: readFileSync(path, 'utf8') }))
  const outside = web.flatMap(({ path, text }) =>
    [...text.matchAll(/^(import|export)( type)?[^'"]*['"](\.[^'"]+)['"]/gm)]
      .filter(match => !resolve(dirname(path), match[3] ?? '').startsWith(resolve('web/src')))
      .map(match => ({ type: match[2] !== undefined, to: relative(source, resolve(dirname(path), match[3] ?? '')) })),
  )
  // The shapes of answers, as types, from a module that itself imports nothing
  expect(outside.filter(({ type, to }) => !type || to !== 'server/api-types.ts')).toEqual([])
  expect(outside.length).toBeGreaterThan(0)
  expect(imports.filter(({ from }) => from === 'server/api-types.ts')).toEqual([])
})

test('rooms do not need each other in a circle', () => {
  const uses = new Map<string, Set<string>>()
  for (const one of imports) {
    if (one.to.startsWith('..') || excepted(one)) continue
    const [room, other] = [roomOf(one.from), roomOf(one.to)]
    if (room !== other) uses.set(room, (uses.get(room) ?? new Set()).add(other))
  }
  const walk = (room: string, way: readonly string[]): string[] =>
    way.includes(room)
      ? [[...way, room].join(' -> ')]
      : [...(uses.get(room) ?? [])].flatMap(next => walk(next, [...way, room]))
  expect([...uses.keys()].flatMap(room => walk(room, []))).toEqual([])
})

/** Every way round through a graph, by its first node. */
function circles(uses: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const walk = (node: string, way: readonly string[]): void => {
    if (way.includes(node)) found.push([...way.slice(way.indexOf(node)), node].join(' -> '))
    else if (!done.has(node)) for (const next of uses.get(node) ?? []) walk(next, [...way, node])
    done.add(node)
  }
  for (const node of uses.keys()) walk(node, [])
  return found
}

const graphOf = (edges: readonly Import[]): Map<string, Set<string>> => {
  const uses = new Map<string, Set<string>>()
  for (const { from, to } of edges) uses.set(from, (uses.get(from) ?? new Set()).add(to))
  return uses
}

/** Without what is imported as a type alone, which is gone when the code runs. */
const running = product.flatMap(({ name, text }) =>
  [...text.matchAll(/^(?:import|export)(?! type)([^'";]*?)from '(\.[^']+)'/gm)]
    .filter(([, names = '']) => !/^\s*\{(?:\s*type [^,}]*,?)+\s*\}\s*$/.test(names))
    .map(match => ({ from: name, to: relative(source, resolve(source, dirname(name), match[2] ?? '')) })),
)

test('a circle is found however long it is', () => {
  const edges = ['a b', 'b c', 'c a', 'c d', 'd d'].map(pair => ({ from: pair[0] ?? '', to: pair[2] ?? '' }))
  expect(circles(graphOf(edges))).toEqual(['a -> b -> c -> a', 'd -> d'])
  expect(circles(graphOf(edges.slice(0, 2)))).toEqual([])
})

test('files do not need each other in a circle', () => {
  expect(running.length).toBeGreaterThan(1000)
  expect(circles(graphOf(running))).toEqual([])
})

test('stages do not need each other in a circle, also by their types', () => {
  const stage = (path: string): string | undefined => /^stages\/([^/]+)\//.exec(path)?.[1]
  const edges = imports.flatMap(({ from, to }) => {
    const [one, other] = [stage(from), stage(to)]
    return one === undefined || other === undefined || one === other ? [] : [{ from: one, to: other }]
  })
  expect(edges.length).toBeGreaterThan(100)
  expect(circles(graphOf(edges))).toEqual([])
})

test('adapters are named by src/config only', () => {
  const naming = imports.filter(
    ({ from, to }) => roomOf(to) === 'adapters' && !['adapters', 'config'].includes(roomOf(from)),
  )
  expect(naming.filter(one => !excepted(one)).map(({ from, to }) => `${from} -> ${to}`)).toEqual([])
})

test('files tell one story: at most 600 lines', () => {
  const sizes = files.map(({ name, text }) => ({ name, lines: text.split('\n').length - 1 }))
  const long = sizes.filter(({ lines }) => lines > 400).map(({ name, lines }) => `${name} (${lines})`)
  if (long.length > 0) console.warn(`longer than 400 lines: ${long.join(', ')}`)
  expect(sizes.filter(({ lines }) => lines > 600)).toEqual([])
})

test('no test is empty', () => {
  const paths = [...filesBelow(source), ...filesBelow(resolve('test'))].filter(path => path.endsWith('.test.ts'))
  const tests = paths.map(name => ({ name, text: readFileSync(name, 'utf8') }))
  expect(tests.length).toBeGreaterThan(100)
  const empty = /\b(?:it|test)(?:\.\w+)*\([^\n]*(?:=>\s*\{\s*\}|function\s*\(\)\s*\{\s*\})\s*\)/
  expect(tests.filter(({ text }) => empty.test(text)).map(({ name }) => name)).toEqual([])
})

test('files and folders are named in kebab-case', () => {
  const form = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:(?:\.long)?\.test)?(?:\.tsx?)?$/
  expect(files.flatMap(({ name }) => name.split('/').filter(part => !form.test(part)))).toEqual([])
})

test('nothing is exported by default', () => {
  // Examples of a project file inside comments and texts are indented or quoted.
  expect(product.filter(({ text }) => /^export default /m.test(text)).map(({ name }) => name)).toEqual([])
})

test('error codes are unique and every error says what to do next', () => {
  const entries = Object.entries(catalogue)
  const codes = entries.map(([, { code }]) => code)
  expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([])
  for (const [name, { code, hint, message, title }] of entries) {
    expect(code, name).toMatch(/^MR\d{4}$/)
    expect(
      [hint, message, title].every(text => text.trim() !== ''),
      name,
    ).toBe(true)
  }
  // Areas are spread into one object: of two entries with one name, the later hides the earlier.
  const names = filesBelow(join(source, 'errors', 'catalogue')).flatMap(path =>
    [...readFileSync(path, 'utf8').matchAll(/^ {2}(\w+): \{/gm)].map(match => match[1] ?? ''),
  )
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  expect(twice).toEqual([])
})

test('the public definition API is what it was', async () => {
  expect(Object.keys(await import('../src/index.ts')).sort()).toEqual([
    'arrow',
    'baseline',
    'command',
    'container',
    'csv',
    'dataset',
    'deployment',
    'duckdb',
    'entity',
    'expect',
    'features',
    'gbt',
    'json',
    'linear',
    'model',
    'monitor',
    'onnx',
    'parquet',
    'postgres',
    'project',
    'python',
    'search',
    'sql',
    'sqlite',
    't',
    'typescript',
    'when',
  ])
  const types = [...readFileSync('src/index.ts', 'utf8').matchAll(/export (type )?\{([^}]*)\}/g)].flatMap(
    ([, all, names = '']) =>
      names
        .split(',')
        .map(name => name.trim())
        .filter(name => name !== '' && (all || name.startsWith('type ')))
        .map(name => name.replace('type ', '')),
  )
  expect(types.sort()).toEqual([
    'BoolExpression',
    'CheckResult',
    'ColumnSpec',
    'Columns',
    'Dataset',
    'DatasetOptions',
    'Decision',
    'Deployment',
    'DeploymentOptions',
    'Duration',
    'Entity',
    'Expectation',
    'Expression',
    'FeatureView',
    'FeatureViewOptions',
    'Model',
    'ModelOptions',
    'ModelTest',
    'ModelTestBuilder',
    'Monitor',
    'MonitorOptions',
    'NumberExpression',
    'Project',
    'Report',
    'RequestOf',
    'RowOf',
    'SearchOptions',
    'Severity',
    'Source',
    'Status',
    'TextExpression',
    'TimestampExpression',
    'Trainer',
  ])
})
