// A process that drives one run and is meant to be killed: node crash-project.mjs ROOT RUN [recover]
// Every execution of a step leaves one line in ROOT/log.
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [root, runId, mode] = process.argv.slice(2)
const dist = pathToFileURL(join(process.cwd(), 'dist/'))
const load = path => import(new URL(path, dist).href)
const { openArtifacts } = await load('adapters/artifacts/fs/open.js')
const { systemClock } = await load('adapters/clock/system.js')
const { processExecutor } = await load('adapters/executor/process/executor.js')
const { openSqlite } = await load('adapters/metadata/sqlite/open.js')
const { Engine } = await load('engine/index.js')
const { digestBytes } = await load('internal/digest.js')

const module = { file: join(root, 'step.mjs'), export: 'run' }
const names = ['one', 'two', 'three', 'four', 'five', 'six']
const steps = names.map((name, i) => ({
  name,
  inputs: i === 0 ? {} : { before: { from: { step: names[i - 1], output: 'out' } } },
  parameters: { name, root, runId: mode === 'race' ? 'shared' : runId, milliseconds: 120 },
  code: digestBytes('crash'),
  environment: {},
  ...(i % 2 === 0
    ? {
        runsIn: 'inline',
        run: async context => {
          await context.clock.sleep(120, context.signal)
          const out = await context.save('json', JSON.stringify(context.parameters))
          appendFileSync(join(root, 'log'), `${name}\n`)
          return { outputs: { out } }
        },
      }
    : { runsIn: 'process', module }),
}))

const store = await openSqlite(join(root, 'state.db'))
const artifacts = await openArtifacts(root)
const engine = new Engine({
  store,
  artifacts,
  artifactAccess: {
    module: new URL('adapters/artifacts/fs/open.js', dist).href,
    export: 'openArtifacts',
    argument: root,
  },
  clock: systemClock(),
  executor: processExecutor(),
  work: join(root, 'work'),
  resolve: async () => steps,
})
if (mode === 'recover') engine.watch(error => console.error(error))
else {
  const result = await engine.run({ name: 'crash', steps, runId })
  console.log(JSON.stringify({ status: result.status, steps: result.steps.map(step => step.status) }))
  await engine.close()
  await store.close()
}
