/**
 * What the engine adds to a step: npm run build && npx jiti bench/engine.ts
 * Beside each figure stands its floor, written by hand: what the same durable writes cost without an engine.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'

const { openArtifacts } = await import('../dist/adapters/artifacts/fs/open.js')
const { systemClock } = await import('../dist/adapters/clock/system.js')
const { processExecutor } = await import('../dist/adapters/executor/process/executor.js')
const { openSqlite } = await import('../dist/adapters/metadata/sqlite/open.js')
const { Engine } = await import('../dist/engine/index.js')
const { digestBytes } = await import('../dist/internal/digest.js')
type Step = import('../src/engine/step.ts').StepDefinition

const root = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
const store = await openSqlite(join(root, 'state.db'))
const artifacts = await openArtifacts(root)
const artifactAccess = {
  module: new URL('../dist/adapters/artifacts/fs/open.js', import.meta.url).href,
  export: 'openArtifacts',
  argument: root,
}
/** How long the last step's process took, from its start to its end. */
let childMs = 0
const processes = processExecutor()
const executor: typeof processes = {
  ...processes,
  async start(job) {
    const begun = performance.now()
    const handle = await processes.start(job)
    const outcome = handle.outcome.then(end => {
      childMs = performance.now() - begun
      return end
    })
    return { ...handle, outcome }
  },
}
const engine = new Engine({
  store,
  artifacts,
  artifactAccess,
  clock: systemClock(),
  executor,
  work: join(root, 'work'),
})

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? 0
const print = (name: string, value: number, floor: number, unit = 'ms'): void =>
  console.log(
    `${name.padEnd(46)} ${value.toFixed(2)} ${unit}   floor ${floor.toFixed(2)} ${unit}   ratio ${(value / floor).toFixed(1)}`,
  )

function chain(count: number, salt: string, width = 1): Step[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `s${i}`,
    inputs: i >= width ? { before: { from: { step: `s${i - width}`, output: 'value' } } } : {},
    parameters: { i },
    code: digestBytes(salt),
    environment: {},
    runsIn: 'inline',
    run: async context => ({ outputs: { value: await context.save('json', `${salt}${i}`) } }),
  }))
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** Floor of an inline step: the artifact and one synced row. */
async function inlineFloor(count: number): Promise<number> {
  const database = new DatabaseSync(join(root, `floor-${performance.now()}.db`))
  database.exec(
    'pragma journal_mode = wal; pragma synchronous = full; create table t (id integer primary key, body text)',
  )
  const insert = database.prepare('insert into t (body) values (?)')
  const each: number[] = []
  for (let i = 0; i < count; i++)
    each.push(
      await timed(async () => {
        const { digest } = await artifacts.put(`floor ${i} ${performance.now()}`)
        insert.run(digest)
      }),
    )
  database.close()
  return median(each)
}

const steps = 200
const { steps: records } = await engine.run({ name: 'warm', steps: chain(steps, 'warm') })
console.log(`${records.length} steps to warm up`)
const started = performance.now()
const marks: number[] = []
const marked = chain(steps, 'inline').map(step => ({
  ...step,
  run: (context: Parameters<NonNullable<Step['run']>>[0]) => {
    marks.push(performance.now())
    return step.run?.(context) ?? { outputs: {} }
  },
}))
await engine.run({ name: 'inline', steps: marked })
print(
  'inline step in a chain, artifact included (mean)',
  (performance.now() - started) / steps,
  await inlineFloor(steps),
)
const gaps = marks.slice(1).map((mark, i) => mark - (marks[i] ?? 0))
const [step, floor] = [median(gaps), await inlineFloor(steps)]
print('inline step in a chain, artifact included (median)', step, floor)
print('  of it the engine’s own (goal 2)', step - floor, 2)

for (const [shape, width] of [
  ['chain', 1],
  ['10 wide', 10],
] as const) {
  await engine.run({ name: 'cached', steps: chain(1000, shape, width) })
  const cached: number[] = []
  for (let i = 0; i < 5; i++)
    cached.push(await timed(() => engine.run({ name: 'cached', steps: chain(1000, shape, width) })))
  const floor = await timed(async () => {
    for (const step of chain(1000, shape, width)) await artifacts.has(digestBytes(`${shape}${step.name.slice(1)}`))
  })
  print(`1,000 cached steps, ${shape} (floor: 1,000 look-ups of files)`, median(cached), floor)
}

const moduleFile = join(root, 'step.mjs')
writeFileSync(
  moduleFile,
  `export const run = async c => ({ outputs: { value: await c.save('json', String(c.parameters)) } })`,
)
const own: number[] = []
const children: number[] = []
for (let i = 0; i < 25; i++) {
  const step: Step = {
    name: 'process',
    inputs: {},
    parameters: i,
    code: digestBytes('process'),
    environment: {},
    runsIn: 'process',
    module: { file: moduleFile, export: 'run' },
  }
  const total = await timed(() => engine.run({ name: 'process', steps: [step] }))
  children.push(childMs)
  own.push(total - childMs)
}
print('process step, a run of its own (floor: its process)', median(own) + median(children), median(children))
print('  of it the engine’s own (goal 10)', median(own), 10)

await engine.close()
await store.close()
rmSync(root, { recursive: true, force: true })
