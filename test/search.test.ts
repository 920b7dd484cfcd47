import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { resolve } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { graph, writeModel } from '../src/onnx/index.ts'
import { millrace } from './support/command.ts'

// A search through the command line that is killed while it works: what is finished stays finished.

const root = mkdtempSync(join(tmpdir(), 'millrace-searched-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const slopes = [-1, 0.05, 0.5, 3]
/** late = sigmoid(slope × (km − 20)): what the program says that it trained. */
function lateness(slope: number): Uint8Array {
  const builder = graph('by hand')
  builder.input('features', 'float', ['N', 1])
  builder.node('ml.LinearRegressor', ['features'], 'margins', {
    coefficients: { floats: [slope] },
    intercepts: { floats: [-20 * slope] },
    targets: { int: 1 },
  })
  builder.node('Sigmoid', ['margins'], 'probabilities')
  builder.output('probabilities', 'float', ['N', 1])
  return writeModel(builder.build(), {}, '', 'by hand')
}

/** Notes what it was asked for, takes a moment, and takes the file of that slope; without one it fails. */
const program = `
import { appendFileSync, copyFileSync, readFileSync } from 'node:fs'
const { params } = JSON.parse(readFileSync(process.env.MILLRACE_PARAMS, 'utf8'))
appendFileSync(process.env.TRIED, params.slope + '\\n')
await new Promise(done => setTimeout(done, 150))
copyFileSync('models/' + params.slope + '.onnx', process.env.MILLRACE_OUTPUTS + '/model.onnx')
`
const config = `
import { command, csv, dataset, model, project, search, t } from '${pathToFileURL(resolve('dist/index.js')).href}'
const rides = dataset('rides', { source: csv('rides.csv'), columns: { id: t.int(), km: t.float(), late: t.bool() } })
const late = model('late', {
  task: 'binary', from: rides, label: c => c.late, inputs: c => ({ km: c.km }),
  split: { by: 'random', test: 0.25, folds: { by: 'random', count: 2 } },
  train: search({ method: 'grid', trainer: command(['${process.execPath}', 'train.mjs'], { files: ['train.mjs', 'models'], env: ['TRIED'] }),
    space: { slope: [${slopes.join()}, 99] } }),
})
export default project('searched', { rides, late })
`

it('is killed, goes on without what was tried, and the best is trained on all rows', async () => {
  const at = mkdtempSync(join(root, 'project-'))
  const lines = Array.from({ length: 400 }, (_, i) => {
    const km = ((i * 37) % 400) / 10
    return `${i},${km},${((i * 17) % 100) / 100 < 1 / (1 + Math.exp((20 - km) / 2))}`
  })
  mkdirSync(join(at, 'models'))
  writeFileSync(join(at, 'rides.csv'), `id,km,late\n${lines.join('\n')}\n`)
  writeFileSync(join(at, 'millrace.config.ts'), config)
  writeFileSync(join(at, 'train.mjs'), program)
  for (const slope of slopes) writeFileSync(join(at, 'models', `${slope}.onnx`), lateness(slope))
  const tried = join(at, 'tried.txt')
  const notes = (): string[] => (existsSync(tried) ? readFileSync(tried, 'utf8').trim().split('\n') : [])
  const before = process.env.TRIED
  process.env.TRIED = tried
  try {
    const child = spawn(process.execPath, [resolve('dist/cli/bin.js'), 'train', 'late'], { cwd: at, stdio: 'ignore' })
    const ended = new Promise(done => child.once('exit', (_, signal) => done(signal)))
    // Two at once: when the third begins, the first two are done
    while (new Set(notes()).size < 3) await new Promise(done => setTimeout(done, 20))
    child.kill('SIGKILL')
    expect(await ended).toBe('SIGKILL')
    const stopped = JSON.parse((await millrace(at, ['runs', 'list', '--json'])).out) as readonly {
      readonly id: string
      readonly name: string
      readonly status: string
    }[]
    const done = stopped.filter(run => run.name === 'trial-late' && run.status === 'succeeded').map(run => run.id)
    expect(done.length).toBeGreaterThanOrEqual(1)
    const run = stopped.find(one => one.name === 'train-late')
    expect(run?.status).toBe('stopped')
    const again = await millrace(at, ['runs', 'resume', run?.id ?? ''])
    expect([again.code, again.said]).toEqual([0, expect.stringContaining('succeeded')])
    const runs = JSON.parse((await millrace(at, ['runs', 'list', '--json'])).out) as typeof stopped
    const trials = runs.filter(one => one.name === 'trial-late')
    // The one that has no model to take failed, and the others decided
    expect(trials.map(one => one.status).toSorted()).toEqual(['failed', ...Array(4).fill('succeeded')])
    expect(trials.map(one => one.id)).toEqual(expect.arrayContaining(done))
    // Both folds of each trial; of those that were finished when it was killed not once more
    for (const slope of slopes.slice(0, done.length))
      if (slope !== 0.5) expect(notes().filter(one => one === String(slope))).toHaveLength(2)
    const shown = await millrace(at, ['models', 'show', 'late@1'])
    expect(shown.out).toContain('chosen by 5 trials: slope 0.5')
    expect((await millrace(at, ['decisions'])).out).toMatch(
      /search +model late +chosen +slope 0.5: logLoss .* of which 1 failed/,
    )
  } finally {
    if (before === undefined) delete process.env.TRIED
    else process.env.TRIED = before
  }
})
