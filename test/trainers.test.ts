import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openWorkspace, type Workspace } from '../src/config/workspace.ts'
import {
  command,
  csv,
  dataset,
  deployment,
  model,
  monitor,
  onnx,
  project,
  python,
  t,
  typescript,
  type Project,
  type Trainer,
} from '../src/index.ts'
import { graph, writeModel } from '../src/onnx/index.ts'
import type { ModelCard } from '../src/ports/trainer.ts'
import { startTraining } from '../src/stages/pipeline/run.ts'
import type { LiveDeployment } from '../src/stages/serve/deployment.ts'
import { LiveServing } from '../src/stages/serve/serving.ts'
import { LiveMonitor } from '../src/stages/watch/live.ts'
import { inside as millrace } from './support/inside.ts'

// Trainers that are no code of Millrace: programs that keep the step contract, and many that do not.

const root = mkdtempSync(join(tmpdir(), 'millrace-trainers-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

/** The data engine's Node package, for scripts that read Parquet. */
const duckdb = createRequire(import.meta.url).resolve('@duckdb/node-api')

/** late = sigmoid((km − 20) / 2), written by hand: what a framework's exporter would give for one input. */
function lateness(width = 1): Uint8Array {
  const builder = graph('by hand')
  builder.input('features', 'float', ['N', width])
  builder.node('ml.LinearRegressor', ['features'], 'margins', {
    coefficients: { floats: [0.5, ...Array.from({ length: width - 1 }, () => 0)] },
    intercepts: { floats: [-10] },
    targets: { int: 1 },
  })
  builder.node('Sigmoid', ['margins'], 'probabilities')
  builder.output('probabilities', 'float', ['N', 1])
  return writeModel(builder.build(), {}, '', 'by hand')
}

/** Rides without any time: length, and whether they were late. */
function folder(files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const at = mkdtempSync(join(root, 'project-'))
  const lines = Array.from({ length: 400 }, (_, i) => {
    const km = ((i * 37) % 400) / 10
    return `${i},${km},${((i * 17) % 100) / 100 < 1 / (1 + Math.exp((20 - km) / 2))}`
  })
  mkdirSync(join(at, 'data'))
  mkdirSync(join(at, 'train'))
  writeFileSync(join(at, 'millrace.config.ts'), '')
  writeFileSync(join(at, 'data', 'rides.csv'), `id,km,late\n${lines.join('\n')}\n`)
  writeFileSync(join(at, 'train', 'model.onnx'), lateness())
  for (const [name, content] of Object.entries(files)) writeFileSync(join(at, name), content)
  return at
}

function built(train: Trainer): Project {
  const rides = dataset('rides', {
    source: csv('data/rides.csv'),
    columns: { id: t.int(), km: t.float(), late: t.bool() },
  })
  const late = model('late', {
    task: 'binary',
    from: rides,
    label: c => c.late,
    inputs: c => ({ km: c.km }),
    split: { by: 'random', test: 0.25 },
    train,
    test: m => [m.metric('auc', { min: 0.8 })],
  })
  return project('trainers', { rides, late, api: deployment('api', { model: late }) })
}

interface Outcome {
  readonly status: string
  readonly error: string
  /** What each step did. */
  readonly steps: Readonly<Record<string, string>>
  readonly workspace: Workspace
  output(step: string, name: string): Promise<string>
}

async function train(at: string, trainer: Trainer, then: (outcome: Outcome) => Promise<void>): Promise<void> {
  const own = built(trainer)
  const workspace = await openWorkspace(at, { project: own })
  try {
    const request = {
      model: own.models.get('late') as never,
      trigger: 'manual',
      stepEnvironment: null,
      runEnvironment: {},
    }
    const done = await (await startTraining(workspace, await workspace.engineOf(), request)).done
    await then({
      status: done.status,
      error: String((done.error as { reason?: string } | undefined)?.reason ?? ''),
      steps: Object.fromEntries(done.steps.map(one => [one.step, one.status])),
      workspace,
      async output(step, name) {
        const found = done.steps.find(one => one.step === step)?.outputs?.[name]
        if (!found) throw new Error(`${step} gave no ${name}`)
        return Buffer.from(await workspace.artifacts.get(found.digest)).toString()
      },
    })
  } finally {
    await workspace.close()
  }
}

/** A program that trains nothing and keeps the contract: the file that lies beside it, and its scores of the held-out rows. */
const honest = `
import { copyFileSync, readFileSync, writeFileSync, appendFileSync } from 'node:fs'
import { createRequire } from 'node:module'
const step = process.env.MILLRACE_STEP
const told = JSON.parse(readFileSync(process.env.MILLRACE_PARAMS, 'utf8'))
const { DuckDBInstance } = createRequire(told.params.duckdb)(told.params.duckdb)
const connection = await (await DuckDBInstance.create()).connect()
const rows = async part => (await connection.runAndReadAll(\`SELECT * FROM '\${step}/\${told[part]}'\`)).getRowObjectsJS()
const [train, test] = [await rows('train'), await rows('test')]
console.log('columns', Object.keys(train[0]).join(), '|', Object.keys(test[0]).join())
console.log('late', train.filter(row => row[told.label] === 1).length, 'of', train.length)
console.log('told', process.argv.slice(2).filter(one => !one.startsWith('/')).join(' '), process.env.SM_HP_DEPTH, process.env.SECRET, process.env.HIDDEN)
console.log('channels', process.env.SM_CHANNEL_TRAIN === step + '/inputs/train', process.env.AIP_MODEL_DIR === step + '/outputs')
copyFileSync('train/model.onnx', process.env.SM_MODEL_DIR + '/model.onnx')
const score = row => 1 / (1 + Math.exp(-(0.5 * row.km - 10)))
writeFileSync(step + '/outputs/scores.csv', ['score', ...test.map(score)].join('\\n') + '\\n')
for (let i = 1; i <= 3; i++) appendFileSync(step + '/outputs/metrics.ndjson', JSON.stringify({ key: 'loss', value: 1 / i, step: i }) + '\\n')
writeFileSync(step + '/outputs/importance.json', JSON.stringify({ km: 3 }))
`
const files = ['train/train.mjs', 'train/model.onnx']
const params = { depth: 4, duckdb }
const node = (over: object = {}) => command([process.execPath, 'train/train.mjs'], { files, params, ...over })

describe('a program that keeps the contract', () => {
  it('is told what to train, trains it, and its model goes the way of every other', async () => {
    process.env['SECRET'] = 'told'
    process.env['HIDDEN'] = 'not told'
    const at = folder({ 'train/train.mjs': honest })
    await train(at, node({ env: ['SECRET'] }), async ({ status, error, steps, workspace, output }) => {
      expect([status, error]).toEqual(['succeeded', ''])
      expect(Object.values(steps)).toEqual(Array.from({ length: 6 }, () => 'succeeded'))
      const log = await output('train-late', 'log')
      expect(log).toContain('columns km,millrace_label | km')
      expect(log).toMatch(/late \d+ of 299/)
      expect(log).toContain('told --depth 4 --duckdb 4 told undefined')
      expect(log).toContain('channels true true')
      const card = JSON.parse(await output('train-late', 'card')) as ModelCard
      expect(card).toMatchObject({
        trainer: 'command',
        reproducible: 'tolerance',
        importance: [1],
        inputs: [{ name: 'km' }],
      })
      const report = JSON.parse(await output('verify-late', 'report')) as {
        checks: { id: string; status: string; evaluated: number }[]
      }
      expect(report.checks.find(check => check.id === 'onnx.parity')).toMatchObject({ status: 'pass', evaluated: 101 })
      const [version] = await workspace.store.listModelVersions('late')
      expect(version?.metrics['auc']).toBeGreaterThan(0.9)
      const serving = await LiveServing.open(workspace, await workspace.online())
      const live = serving.get('api')
      await live?.deploy(1, 'test')
      const [near, far] = (await live?.predict([{ row: { km: 4 } }, { row: { km: 36 } }])) ?? []
      expect(near?.score).toBeCloseTo(1 / (1 + Math.exp(8)), 5)
      expect([near?.label, far?.label]).toEqual([false, true])
      await serving.close()
    })
    // Nothing has changed: nothing is trained again
    await train(at, node({ env: ['SECRET'] }), async ({ steps }) => {
      expect([steps['train-late'], steps['verify-late']]).toEqual(['reused', 'reused'])
    })
    // A word in the script, or a parameter, is another model
    writeFileSync(join(at, 'train', 'train.mjs'), `${honest}// changed\n`)
    await train(at, node({ env: ['SECRET'] }), async ({ steps }) => expect(steps['train-late']).toBe('succeeded'))
    await train(at, node({ params: { ...params, depth: 5 } }), async ({ steps }) =>
      expect(steps['train-late']).toBe('succeeded'),
    )
  })

  it('says with 75 that it cannot now, and is tried again', async () => {
    const at = folder()
    const tried = join(at, 'tried')
    const later = `if (!require('node:fs').existsSync(${JSON.stringify(tried)})) {
      require('node:fs').writeFileSync(${JSON.stringify(tried)}, '')
      process.exit(75)
    }
    require('node:fs').copyFileSync('train/model.onnx', process.env.MILLRACE_OUTPUTS + '/model.onnx')`
    const trainer = command([process.execPath, '-e', later], { files: ['train/model.onnx'] })
    await train(at, trainer, async ({ status, error }) => expect([status, error]).toEqual(['succeeded', '']))
  })

  it('may be a TypeScript module', async () => {
    const script = `
      import { copyFileSync } from 'node:fs'
      export default async ({ params, outputs, task, inputs }: { params: { from: string }; outputs: string; task: string; inputs: { name: string }[] }) => {
        console.log(task, inputs.map(one => one.name).join())
        copyFileSync(params.from, outputs + '/model.onnx')
      }`
    const trainer = typescript('train/train.ts', { files: ['train/model.onnx'], params: { from: 'train/model.onnx' } })
    await train(folder({ 'train/train.ts': script }), trainer, async ({ status, error, output }) => {
      expect([status, error]).toEqual(['succeeded', ''])
      expect(await output('train-late', 'log')).toBe('binary km\n')
      // It gave no scores of its own: that is told, and counts as a warning
      const report = JSON.parse(await output('verify-late', 'report')) as {
        status: string
        checks: { id: string; status: string }[]
      }
      expect(report.checks.find(check => check.id === 'onnx.parity')).toMatchObject({ status: 'warn' })
      expect(report.status).toBe('warn')
    })
  })
})

const writing = (what: string): string =>
  `import { writeFileSync, copyFileSync } from 'node:fs'
   const out = process.env.MILLRACE_OUTPUTS
   copyFileSync('train/model.onnx', out + '/model.onnx')
   ${what}`
const scores = (values: string): string =>
  writing(`writeFileSync(out + '/scores.csv', ['score', ...${values}].join('\\n') + '\\n')`)

describe('a program that does not', () => {
  it.each<[string, string, RegExp]>([
    ['writes no model', '', /wrote no model\.onnx/],
    ['writes an empty one', writing(`writeFileSync(out + '/model.onnx', '')`), /model\.onnx is empty/],
    ['writes something else', writing(`writeFileSync(out + '/model.onnx', 'a pickle')`), /not a valid ONNX model/],
    [
      'scores by no number',
      scores('Array.from({ length: 101 }, (_, i) => (i === 7 ? "NaN" : 0.5))'),
      /no finite number/,
    ],
    ['scores too few rows', scores('[0.5, 0.5]'), /has 2 rows, there are 101 held-out rows/],
    [
      'scores in another column',
      writing(`writeFileSync(out + '/scores.csv', 'p\\n0.5\\n')`),
      /has no column score; it has p/,
    ],
    [
      'scores otherwise than its model',
      scores('Array.from({ length: 101 }, () => 0.5)'),
      /scores differ in \d+ of 101 rows/,
    ],
    [
      'says why it cannot',
      `console.error('no memory on the card'); process.exit(3)`,
      /exit code 3; it said: no memory on the card/,
    ],
    ['is killed', `process.kill(process.pid, 'SIGKILL')`, /ended by SIGKILL, as happens when memory runs out/],
  ])('%s', async (_, script, said) => {
    const trainer = node({ params: {} })
    await train(folder({ 'train/train.mjs': script }), trainer, async ({ status, error, workspace }) => {
      expect(status).toBe('failed')
      expect(error).toMatch(said)
      expect(await workspace.store.listModelVersions('late')).toEqual([])
    })
  })

  it('takes longer than it may and heeds no signal: it is ended with what it started, wherever that went', async () => {
    const at = folder()
    const mark = join(at, 'still-alive')
    const child = `setInterval(() => require('fs').writeFileSync(${JSON.stringify(mark)}, String(Date.now())), 50)`
    writeFileSync(
      join(at, 'train', 'train.mjs'),
      `import { spawn } from 'node:child_process'
       spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { detached: true, stdio: 'ignore' }).unref()
       process.on('SIGTERM', () => console.log('no'))
       setInterval(() => {}, 1000)`,
    )
    await train(at, node({ params: {}, timeout: '2s' }), async ({ status, error }) => {
      expect(status).toBe('failed')
      expect(error).toMatch(/not done after 2 s, the timeout that is declared; it said: no/)
    })
    const last = readFileSync(mark, 'utf8')
    await new Promise(resolve => setTimeout(resolve, 300))
    expect(readFileSync(mark, 'utf8')).toBe(last)
  })

  it.each<[string, Trainer, RegExp]>([
    ['is not there', command(['no-such-program'], {}), /no-such-program.*does not start/s],
    ['has no file', command(['node'], { files: ['train/none.mjs'] }), /train\/none\.mjs of command cannot be read/],
    ['has no lock', python('train/train.mjs', { lock: 'none.lock' }), /none\.lock of python cannot be read/],
    [
      'has a lock without hashes',
      python('train/train.mjs', { lock: 'train/some.lock' }),
      /some\.lock cannot be made: numpy==2\.0\.0 has no hash/,
    ],
  ])('%s', async (_, trainer, said) => {
    const at = folder({ 'train/train.mjs': '', 'train/some.lock': 'numpy==2.0.0 # fast\n' })
    const failed = train(at, trainer, async ({ error }) => {
      throw new Error(error)
    })
    await expect(failed).rejects.toThrow(said)
  })
})

describe('a version is rebuilt as its trainer says that it can be', () => {
  /** Another file each time: with a note of the moment, or with another weight. */
  const noting = `import { appendFileSync, copyFileSync } from 'node:fs'
    const to = process.env.MILLRACE_OUTPUTS + '/model.onnx'
    copyFileSync('train/model.onnx', to)
    const note = String(process.hrtime.bigint())
    appendFileSync(to, Buffer.concat([Buffer.from([0x32, note.length]), Buffer.from(note)]))`
  const guessing = `import { readFileSync, writeFileSync } from 'node:fs'
    const bytes = readFileSync('train/model.onnx')
    const half = Buffer.alloc(4)
    half.writeFloatLE(0.5)
    bytes.writeFloatLE(0.5 + (Number(process.hrtime.bigint() % 99_991n) + 1) / 1e6, bytes.indexOf(half))
    writeFileSync(process.env.MILLRACE_OUTPUTS + '/model.onnx', bytes)`
  it.each<[string, string, number, RegExp, string]>([
    [
      'a file with a note',
      'tolerance',
      0,
      /rebuilt to the same scores: scores of held-out rows differ by up to 0\.?0*/,
      noting,
    ],
    ['a file with a note', 'bitwise', 1, /NOT rebuilt to the same bytes/, noting],
    ['another model', 'tolerance', 1, /NOT rebuilt to the same scores/, guessing],
    ['another model', 'none', 0, /promises no likeness/, guessing],
  ])('%s, promising %s: exit code %s', async (_, reproducible, code, said, script) => {
    const at = folder({
      'train/train.mjs': script,
      'millrace.config.ts': `
        import { command, csv, dataset, model, project, t } from 'millrace'
        const rides = dataset('rides', { source: csv('data/rides.csv'), columns: { id: t.int(), km: t.float(), late: t.bool() } })
        const late = model('late', {
          task: 'binary', from: rides, label: c => c.late, inputs: c => ({ km: c.km }), split: { by: 'random', test: 0.25 },
          train: command(['node', 'train/train.mjs'], { files: ['train/train.mjs', 'train/model.onnx'], reproducible: '${reproducible}' }),
        })
        export default project('rebuilt', { rides, late })`,
    })
    const trained = await millrace(at, ['train'])
    expect(trained.code, trained.said).toBe(0)
    const rebuilt = await millrace(at, ['reproduce', 'late@1'])
    expect(rebuilt.out + rebuilt.said).toMatch(said)
    expect(rebuilt.code).toBe(code)
  })
})

describe('each refusal has its code', () => {
  it.each<[string, Trainer, string]>([
    ['a program that fails', command([process.execPath, '-e', 'process.exit(3)'], {}), 'MR4030'],
    ['one that leaves no model', command([process.execPath, '-e', '0'], {}), 'MR4031'],
    ['one whose file is missing', command([process.execPath], { files: ['none.mjs'] }), 'MR4032'],
    ['a lock without hashes', python('train/model.onnx', { lock: 'train/some.lock' }), 'MR4033'],
  ])('%s: %s', async (_, trainer, code) => {
    const at = folder({ 'train/some.lock': 'numpy==2.0.0\n' })
    const workspace = await openWorkspace(at, { project: built(trainer) })
    const frame = {
      path: '',
      rows: async () => ({ rows: 0, labels: new Float32Array(0), inputs: [new Float32Array(0)], slices: new Map() }),
      write: async () => [],
      read: async () => new Map(),
    }
    const failed = (await workspace.trainer(trainer)).train({
      model: 'late',
      task: 'binary',
      classes: [],
      inputs: [{ name: 'km', type: 'float' }],
      scale: 'standard',
      trainer,
      threshold: 0.5,
      seed: 0,
      frame,
      signal: new AbortController().signal,
      folder: async () => mkdtempSync(join(root, 'step-')),
      progress: () => undefined,
      metric: () => undefined,
    })
    await expect(failed).rejects.toMatchObject({ code })
    await workspace.close()
  })
})

describe('a model that was made elsewhere', () => {
  it('is tested, registered and served as it is', async () => {
    await train(folder(), onnx('train/model.onnx'), async ({ status, error, workspace }) => {
      expect([status, error]).toEqual(['succeeded', ''])
      const [version] = await workspace.store.listModelVersions('late')
      expect(version?.metrics['auc']).toBeGreaterThan(0.9)
    })
  })

  it('is fed and read as it is said where its names do not say it', async () => {
    const builder = graph('by hand')
    builder.input('a', 'float', ['N', 1])
    builder.input('b', 'float', ['N', 1])
    builder.node('Add', ['a', 'b'], 'sum')
    builder.node('Sigmoid', ['sum'], 'first')
    builder.node('Sigmoid', ['a'], 'second')
    for (const name of ['first', 'second']) builder.output(name, 'float', ['N', 1])
    const files = { 'train/model.onnx': writeModel(builder.build(), {}, '', 'by hand') }
    const of = async (trainer: Trainer): Promise<string> => {
      let said = ''
      await train(folder(files), trainer, async ({ error }) => {
        said = error
      })
      return said
    }
    const inputs = { a: 'km', b: 'km' }
    expect(await of(onnx('train/model.onnx'))).toMatch(/which input feeds which is not clear/)
    expect(await of(onnx('train/model.onnx', { inputs }))).toMatch(/output/)
    // it is read; that it is no good model is another matter
    expect(await of(onnx('train/model.onnx', { inputs, output: 'first' }))).toMatch(/model tests failed: auc/)
    expect(await of(onnx('train/model.onnx', { inputs, output: 'none' }))).toMatch(/none/)
  })

  it('is refused with both sides named where it does not fit', async () => {
    const at = folder({ 'train/model.onnx': lateness(3) })
    await train(at, onnx('train/model.onnx'), async ({ status, error }) => {
      expect(status).toBe('failed')
      expect(error).toMatch(/the graph takes "features" \(3 float32\)/)
      expect(error).toMatch(/there is km/)
    })
  })
})

it('leaves nothing of its own running', () => {
  const own = execFileSync('ps', ['-eo', 'args'])
    .toString()
    .split('\n')
    .filter(line => line.includes(root))
  expect(own).toEqual([])
})

it('a model that was made elsewhere is watched as any other: what comes in otherwise than at its training alerts, the rest does not', async () => {
  const at = folder()
  await train(at, onnx('train/model.onnx'), async ({ status, error, workspace }) => {
    expect([status, error]).toEqual(['succeeded', ''])
    const serving = await LiveServing.open(workspace, await workspace.online())
    const live = serving.get('api') as LiveDeployment
    await live.deploy(1, 'test')
    const { store, clock } = workspace
    const watch = monitor('watch', { deployment: live.definition, window: '1h' })
    const watching = new LiveMonitor({ store, clock, notifiers: [] }, watch)
    const { stable } = live
    if (!stable) throw new Error('nothing is stable')
    watching.watch(stable.profile, stable.scaler)
    live.observer = watching
    const hour = 3_600_000_000
    const now = Math.floor(clock.now() / hour) * hour
    const window = async (back: number, shift: number): Promise<void> => {
      const rows = Array.from({ length: 600 }, (_, i) => ({ row: { km: ((i * 37 + back) % 400) / 10 + shift } }))
      await live.predict(rows.map((row, i) => ({ ...row, id: `${back}-${i}`, at: now - back * hour })))
    }
    const alerts = async (): Promise<readonly unknown[]> => {
      await watching.settled()
      return (await store.listDocuments<{ state: string; summary: string }>('alert')).map(one => one.value)
    }
    for (let back = 20; back > 12; back--) await window(back, 0)
    expect(await alerts()).toEqual([])
    for (let back = 12; back > 6; back--) await window(back, 6)
    expect(await alerts()).toEqual([
      expect.objectContaining({ state: 'firing', summary: expect.stringMatching(/km: mean \+0\.\d+ sd/) as string }),
    ])
    await serving.close()
  })
})
