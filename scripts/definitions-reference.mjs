// docs/reference/definitions.md from the sources of the definition API: every function, option, default and unit, by its types
// and their comments.
import { Node, Project } from 'ts-morph'

const root = new URL('..', import.meta.url).pathname
const project = new Project({ tsConfigFilePath: `${root}tsconfig.json`, skipAddingFilesFromTsConfig: true })
project.addSourceFilesAtPaths(`${root}src/define/**/*.ts`)

const cell = text => text.replaceAll('\n', ' ').replaceAll('|', '\\|').trim()
const flat = text =>
  text
    .replace(/\/\*\*[\s\S]*?\*\//g, '')
    .replace(/\breadonly /g, '')
    .replace(/\s+/g, ' ')
    .replace(/; }/g, ' }')
    .replace(/^\| /, '')
    .trim()

function docOf(node) {
  const docs = node?.getJsDocs?.() ?? []
  const text = docs.at(-1)?.getDescription() ?? ''
  return text
    .replace(/\n\s*-\s/g, '; ')
    .replace(/\s+/g, ' ')
    .trim()
}

function find(name, kind) {
  for (const file of project.getSourceFiles()) {
    if (file.getBaseName().endsWith('.test.ts')) continue
    const found =
      kind === 'variable' ? file.getVariableDeclaration(name) : (file.getInterface(name) ?? file.getTypeAlias(name))
    if (found && (kind !== 'variable' || found.getVariableStatement()?.isExported())) return found
  }
  throw new Error(`${name} is nowhere below src/define`)
}

/** `(default 3)` or `Default 3.` of a comment, and the comment without it. */
function parted(doc) {
  const match = /\s*\(default:? ([^()]*(?:\([^()]*\)[^()]*)*)\)|^Default ([^.;]+)[.;]\s*/.exec(doc)
  return match ? { text: doc.replace(match[0], ''), fallback: match[1] ?? match[2] } : { text: doc, fallback: '' }
}

function membersOf(type) {
  return type.getProperties().flatMap(symbol => {
    const [declared] = symbol.getDeclarations()
    return declared && (Node.isPropertySignature(declared) || Node.isMethodSignature(declared)) ? [declared] : []
  })
}

function missing(place) {
  throw new Error(`${place} has no comment: what it means, its unit and default`)
}

/** Options with what is said of them, those of options among them below their own name. */
function optionsOf(type, prefix, place) {
  return membersOf(type).flatMap(member => {
    const name = `${prefix}${member.getName()}`
    const doc = docOf(member) || missing(`${place}.${name}`)
    const { text, fallback } = parted(doc)
    const node = member.getTypeNode()
    const inner = Node.isTypeLiteral(node) && membersOf(node.getType())
    const shown = inner ? 'object' : flat(node?.getText() ?? '')
    const state = member.hasQuestionToken() ? fallback : 'required'
    return [{ name, shown, state, text }, ...(inner ? optionsOf(node.getType(), `${name}.`, place) : [])]
  })
}

const rowsOf = (type, prefix, place) =>
  optionsOf(type, prefix, place).map(
    ({ name, shown, state, text }) => `| \`${name}\` | \`${cell(shown)}\` | ${cell(state)} | ${cell(text)} |`,
  )

/** The types whose options the page lists, as it lists them. */
const listed = new Set()

function options(...names) {
  return names.map(name => {
    listed.add(name)
    const declared = find(name, 'type')
    const intro = docOf(declared)
    const rows = rowsOf(declared.getType(), '', name)
    return `#### ${name}\n\n${intro ? `${intro}\n\n` : ''}| option | type | default | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`
  })
}

/** Every option that the page lists, as `{ name: 'DatasetOptions.key', default }`; required ones have no default. */
export function definitionOptions() {
  definitionsReference()
  return [...listed].flatMap(type =>
    optionsOf(find(type, 'type').getType(), '', type).map(({ name, state, shown }) => ({
      name: `${type}.${name}`,
      default: state === 'required' ? '' : state,
      holdsOthers: shown === 'object',
    })),
  )
}

/** An exported function with its comment. */
function builder(name, example) {
  const declared = find(name, 'variable')
  const doc = docOf(declared.getVariableStatement()) || missing(name)
  return [`### ${name}\n\n${doc}\n\n\`\`\`ts\n${example}\n\`\`\`\n`]
}

/** Methods of an interface, with their signatures. */
function methods(name, prefix, own = false) {
  const declared = find(name, 'type')
  const list = own ? declared.getMethods() : membersOf(declared.getType())
  const grouped = new Map()
  for (const method of list.filter(Node.isMethodSignature)) {
    const parameters = method.getParameters().map(one => {
      const type = flat(one.getTypeNode()?.getText() ?? '')
      const generic = method.getTypeParameters().find(own => own.getName() === type)
      return `${one.getName()}${one.hasQuestionToken() ? '?' : ''}: ${generic ? flat(generic.getConstraint()?.getText() ?? type) : type}`
    })
    grouped.set(
      method.getName(),
      `| \`${prefix}${method.getName()}(${cell(parameters.join(', '))})\` | ${cell(docOf(method) || meanings[method.getName()] || missing(`${name}.${method.getName()}`))} |`,
    )
  }
  return [`| | |\n|---|---|\n${[...grouped.values()].join('\n')}\n`]
}

/** What methods mean whose name says it already. */
const meanings = {
  eq: 'Equal.',
  ne: 'Not equal.',
  lt: 'Less.',
  lte: 'Less or equal.',
  gt: 'Greater.',
  gte: 'Greater or equal.',
  add: 'Sum; the same as `plus`.',
  plus: 'Sum; of a timestamp, later by a length of time.',
  minus: 'Difference; of a timestamp, earlier by a length of time.',
  times: 'Product.',
  neg: 'The negative.',
  abs: 'The absolute value.',
  floor: 'The greatest whole number below.',
  exp: 'e to its power.',
  toFloat: 'As a float.',
  isFinite: 'Neither NaN nor infinite.',
  in: 'One of the values.',
  coalesce: 'The other where it is null.',
  startsWith: 'Begins with the text.',
  lower: 'In lower case.',
  upper: 'In upper case.',
  trim: 'Without white space at its ends.',
  concat: 'Both texts, one after the other.',
  and: 'Both.',
  or: 'One of the two at least.',
  not: 'The opposite.',
  isNull: 'Null.',
  isNotNull: 'Not null.',
  year: 'The year, in UTC or in the zone.',
  month: 'The month, 1 to 12.',
  day: 'The day of the month.',
  hour: 'The hour, 0 to 23.',
  minute: 'The minute.',
  plusMinutes: 'Later by so many minutes.',
  minutesSince: 'Minutes from the other time on.',
}

function columnTypes() {
  const declared = find('t', 'variable').getInitializer()
  const rows = declared.getProperties().map(property => {
    const doc = property
      .getLeadingCommentRanges()
      .at(-1)
      ?.getText()
      .replace(/^\/\*\*|\*\/$/g, '')
      .replace(/\s*\n\s*\*\s*/g, ' ')
      .trim()
    const call = property.getInitializer()
    const make = call.getArguments()[2]
    const parameters = make
      .getParameters()
      .map(one => `${one.getName()}${one.isOptional() ? '?' : ''}: ${flat(one.getTypeNode()?.getText() ?? '')}`)
    return `| \`t.${property.getName()}(${cell(parameters.join(', '))})\` | ${cell(doc ?? `A ${property.getName()}.`)} |`
  })
  return [`| | |\n|---|---|\n${rows.join('\n')}\n`]
}

const section = (title, ...parts) => `## ${title}\n\n${parts.flat().join('\n')}`

/** Options that all kinds share; they stand in definitions.md. */
const shared = new Set([
  'RowOptions',
  'NoFloatOptions',
  'DecidedOptions',
  'ExpectationOptions',
  'Bounds',
  'Limit',
  'ColumnReference',
  'Query',
])

function callsOf(declared, method) {
  const type = declared.getType()
  const made = type.getAliasSymbol()?.getName() ?? type.getSymbol()?.getName()
  const [of] = type.getAliasTypeArguments().length > 0 ? type.getAliasTypeArguments() : type.getTypeArguments()
  const forms = made === 'TableKind' ? [of] : of.getProperties().map(one => one.getTypeAtLocation(declared))
  const parameterText = parameter => {
    const [node] = parameter.getDeclarations()
    const optional = Node.isParameterDeclaration(node) && (node.isOptional() || node.hasInitializer()) ? '?' : ''
    const name = parameter.getName().startsWith('__') ? 'options' : parameter.getName()
    return `${name}${optional}: ${flat((node?.getTypeNode?.() ?? node)?.getText() ?? '')}`
  }
  const calls = forms.map(one => (one.getCallSignatures()[0]?.getParameters() ?? []).map(parameterText).join(', '))
  return [...new Set(calls)].map(one => `${method}(${one})`)
}

/** How a kind of expectation is called, and what options it has of its own, by the method that its catalogue names. */
export function expectationForms(method) {
  const catalogue = project.getSourceFileOrThrow(`${root}src/define/expectation/catalogue.ts`)
  for (const entry of catalogue
    .getVariableDeclarations()
    .flatMap(one => one.getInitializer()?.getProperties?.() ?? [])) {
    if (entry.getName?.() !== method) continue
    const name = Node.isShorthandPropertyAssignment(entry) ? entry.getName() : entry.getInitializer().getText()
    const from = catalogue
      .getImportDeclarations()
      .find(one => one.getNamedImports().some(specifier => specifier.getName() === name))
    const file = from.getModuleSpecifierSourceFileOrThrow()
    const calls = callsOf(file.getVariableDeclarationOrThrow(name), method)
    const files = [file, ...project.getSourceFiles(`${root}src/define/expectation/**/*.ts`)]
    const named = [...new Set(calls.join(' ').match(/\b[A-Z]\w+/g) ?? [])].filter(one => !shared.has(one))
    const own = named.flatMap(name => files.map(file => file.getInterface(name)).find(Boolean) ?? [])
    const rows = own
      .filter(one => one.getMethods().length === 0)
      .flatMap(one => rowsOf(one.getType(), '', `${method} ${one.getName()}`))
    return { calls, rows: [...new Set(rows)].filter(row => !row.startsWith('| `id`') && !row.startsWith('| `node`')) }
  }
  throw new Error(`the catalogue has no ${method}`)
}

export function definitionsReference() {
  return [
    "# Definitions\n\nEverything that a `millrace.config.ts` can declare, from the types themselves. An option that is not here is refused when the project is loaded, with the nearest name that is. Lengths of time are written `'15m'`, `'3h'`, `'30d'` (us, ms, s, m, h, d, w); times are UTC.\n",
    section(
      'Columns',
      builderless('t', 'Column types, as `columns: { km: t.nullable(t.float()) }` has them.'),
      columnTypes(),
      options('TextOptions'),
    ),
    section(
      'Sources',
      ...[
        ['parquet', "parquet('data/flights/*.parquet')"],
        ['csv', "csv('data/*.csv', { delimiter: ';' })"],
        ['json', "json('data/events.jsonl')"],
        ['arrow', "arrow('data/*.arrow')"],
        ['postgres', "postgres('public.orders', { urlFrom: 'DATABASE_URL' })"],
        ['sqlite', "sqlite('shop.sqlite', 'orders')"],
        ['duckdb', "duckdb('shop.duckdb', 'orders')"],
      ].map(([name, example]) => builder(name, example)),
      options('CsvOptions', 'PostgresOptions'),
    ),
    section(
      'Datasets',
      builder(
        'dataset',
        "const orders = dataset('orders', {\n  source: csv('data/orders.csv'),\n  columns: { at: t.timestamp('UTC'), km: t.float(), late: t.bool() },\n  eventTime: 'at',\n  knownAt: { late: c => c.at.plus('2h') },\n  expect: c => [c.km.between(0, 100)],\n})",
      ),
      options('DatasetOptions'),
    ),
    section(
      'Expectations',
      'Every kind with an example: [expectations](expectations.md). What all of them take, and what those take that single rows break:\n',
      options('ExpectationOptions', 'RowOptions', 'Limit', 'Bounds'),
    ),
    section(
      'Expressions',
      'What `c` is in `label: c => c.delay.gt(15)`: the same of labels, conditions, inputs and known times. Offline, online and in the ONNX file they give the same value; null where an operand is null, unless it says otherwise.\n',
      '### Any\n',
      methods('Expression', '', true),
      '### Numbers\n',
      methods('Comparable', '', true),
      methods('NumberExpression', '', true),
      '### Texts\n',
      methods('TextExpression', '', true),
      '### Conditions\n',
      methods('BoolExpression', '', true),
      '### Times\n',
      methods('TimestampExpression', '', true),
    ),
    section(
      'Features',
      builder('entity', "const shop = entity('shop', { shop: t.text() })"),
      builder(
        'features',
        "const shops = features('shops', {\n  entity: shop,\n  from: orders,\n  ttl: '2d',\n  compute: f => ({ orders_6h: f.count('6h'), late_1d: f.share(c => c.late, '1d') }),\n})",
      ),
      options('FeatureViewOptions'),
      '#### f\n',
      methods('FeatureBuilder', 'f.'),
    ),
    section(
      'Models',
      builder(
        'model',
        "const lateness = model('lateness', {\n  task: 'binary',\n  from: orders,\n  label: c => c.late,\n  features: [shops],\n  inputs: c => ({ ...shops.all, km: c.km, hour: c.at.hour() }),\n  split: { by: 'time', train: '45d', test: '14d' },\n  train: gbt({ trees: 60 }),\n  test: m => [m.metric('auc', { min: 0.6, notWorseThan: 'champion' }), m.latency({ p99: '20ms' })],\n})",
      ),
      options(
        'ModelOptions',
        'TimeSplit',
        'RandomSplit',
        'HashSplit',
        'GroupSplit',
        'ColumnSplit',
        'RandomFolds',
        'GroupFolds',
        'TimeFolds',
        'LearningCurveOptions',
      ),
      builder('gbt', 'gbt({ trees: 200, depth: 6 })'),
      options('GbtOptions'),
      builder('linear', 'linear({ l2: 0.5 })'),
      options('LinearOptions'),
      builder('baseline', "baseline({ input: 'last_price' })"),
      options('BaselineOptions'),
      builder(
        'search',
        "search({ method: 'tpe', trials: 30, trainer: gbt({ trees: 200 }), space: { depth: { from: 2, to: 8 } } })",
      ),
      options('GridSearch', 'RandomSearch', 'HalvingSearch', 'TpeSearch', 'SearchRange'),
      builder('python', "python('train/train.py', { lock: 'train/requirements.lock', params: { depth: 4 } })"),
      options('PythonOptions'),
      builder('typescript', "typescript('train/train.ts')"),
      builder('command', "command(['Rscript', 'train.R'], { files: ['train.R'] })"),
      options('ProgramOptions'),
      builder('container', "container('trainer:3', { command: ['train'] })"),
      options('ContainerOptions'),
      builder('onnx', "onnx('models/scorer.onnx', { inputs: { x: ['bill', 'mass'] } })"),
      options('OnnxOptions'),
      '### Tests of a model\n',
      methods('ModelTestBuilder', 'm.'),
      options(
        'MetricOptions',
        'LeakOptions',
        'SlicesOptions',
        'FairnessOptions',
        'MonotoneOptions',
        'InvariantOptions',
        'DirectionalOptions',
        'MattersOptions',
        'StableOptions',
        'RelationOptions',
        'CalibrationTestOptions',
        'SimpleModelOptions',
        'OverfitOptions',
        'FreshOptions',
        'LatencyOptions',
        'MemoryOptions',
        'SizeOptions',
      ),
    ),
    section(
      'Deployments',
      builder(
        'deployment',
        "const api = deployment('lateness-api', {\n  model: lateness,\n  canary: { steps: ['1%', '20%'], labels: 'advisory' },\n  stickyBy: 'shop',\n})",
      ),
      options('DeploymentOptions', 'CanaryOptions'),
    ),
    section(
      'Monitors',
      builder(
        'monitor',
        "const watch = monitor('lateness-watch', {\n  deployment: api,\n  falseAlarms: 'one per 30d',\n  retrain: { on: ['drift', 'performance'], cooldown: '24h' },\n})",
      ),
      options('MonitorOptions'),
    ),
    section(
      'The project',
      builder(
        'project',
        "export default project('shop', { orders, shops, lateness, api, watch }, { run: { kind: 'process' } })",
      ),
      options(
        'ProjectSettings',
        'PostgresMetadata',
        'RedisOnline',
        'PostgresOnline',
        'DuckdbData',
        'SparkConnectData',
        'ContainerRun',
        'ServeSettings',
        'AuditSettings',
        'AnchorSettings',
        'AnchorRepository',
      ),
    ),
  ].join('\n')
}

function builderless(name, words) {
  return [`### ${name}\n\n${words}\n`]
}
