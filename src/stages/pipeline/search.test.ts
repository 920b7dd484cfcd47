import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { fit, score } from '../../adapters/trainer/own/fit.ts'
import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import type { Engine, EngineEvent } from '../../engine/index.ts'
import { csv, dataset, gbt, linear, model, project, search, t, type Project, type SearchOptions } from '../../index.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { RunRecord } from '../../ports/metadata-store.ts'
import { linear as linearTrainer } from '../../define/trainer.ts'
import { readFrame } from '../train/read-frame.ts'
import { reproduce } from '../version/reproduce.ts'
import { startTraining } from './run.ts'
import type { StageServices } from '../services.ts'
import type { TrialRecord } from './search-step.ts'
import { newestRun, trialInWords } from './trial-run.ts'
import { winnerOf } from './winner.ts'

// Searches of a real model in a real store, their trials in this process: what is tried, on which rows, what of it is kept and
// used again, and what becomes of what did best.

const root = mkdtempSync(join(tmpdir(), 'millrace-search-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

function folder(): string {
  const at = mkdtempSync(join(root, 'project-'))
  const random = seeded(5)
  const lines = Array.from({ length: 400 }, (_, i) => {
    const [km, noise] = [random.next() * 40, random.next()]
    return `${i},${km},${noise},${'abcdefgh'[i % 8]},${random.next() < 1 / (1 + Math.exp((20 - km) / 3))}`
  })
  mkdirSync(join(at, 'data'))
  writeFileSync(join(at, 'millrace.config.ts'), '')
  writeFileSync(join(at, 'data', 'rides.csv'), `id,km,noise,shop,late\n${lines.join('\n')}\n`)
  return at
}
const rides = dataset('rides', {
  source: csv('data/rides.csv'),
  columns: { id: t.int(), km: t.float(), noise: t.float(), shop: t.text(), late: t.bool() },
})
function build(searched: SearchOptions, folds: object = { by: 'random', count: 3, seed: 1 }): Project {
  const late = model('late', {
    task: 'binary',
    from: rides,
    label: c => c.late,
    inputs: c => ({ km: c.km, noise: c.noise }),
    split: { by: 'random', test: 0.25, folds: folds as never },
    train: search(searched),
  })
  return project('searching', { rides, late })
}
const penalties: SearchOptions = { method: 'grid', trainer: linear(), space: { l2: [0.1, 10, 1000], l1: [0, 5] } }

interface Searched {
  readonly status: string
  readonly error: string
  readonly run: string
  readonly steps: Readonly<Record<string, string>>
  readonly trials: readonly RunRecord[]
  readonly records: readonly TrialRecord[]
  readonly workspace: Workspace
  readonly engine: Engine
  readonly services: StageServices
}

/** One training run with its trials in this process. `heard` may stop it. */
async function train(
  at: string,
  made: Project,
  look: (searched: Searched) => Promise<void>,
  heard: (event: EngineEvent, engine: Engine) => void = () => undefined,
): Promise<void> {
  const workspace = await openWorkspace(at, { project: made })
  const { trialModule: _, ...services } = workspace
  try {
    const engine: Engine = await workspace.engineOf(event => heard(event, engine))
    const run = await startTraining(services, engine, {
      model: made.models.get('late') as never,
      trigger: 'manual',
      stepEnvironment: null,
      runEnvironment: {},
    })
    const { status, error, steps } = await run.done
    const trials = steps.find(one => one.step === 'search-late')?.outputs?.trials?.digest
    const records = trials && JSON.parse(Buffer.from(await workspace.artifacts.get(trials)).toString())
    await look({
      status,
      error: JSON.stringify(error ?? ''),
      run: run.runId,
      steps: Object.fromEntries(steps.map(one => [one.step, one.status])),
      trials: (await workspace.store.listRuns({ name: 'trial-late' })).toReversed(),
      records: (records ?? []) as TrialRecord[],
      workspace,
      engine,
      services,
    })
  } finally {
    await workspace.close()
  }
}

describe('a grid', () => {
  const at = folder()
  it('tries every combination on the folds, each as a run with its parameters and its score', async () => {
    await train(at, build(penalties), async ({ status, error, run, records, trials, workspace }) => {
      expect([status, error]).toEqual(['succeeded', '""'])
      expect(records.map(one => one.parameters)).toEqual([0.1, 10, 1000].flatMap(l2 => [0, 5].map(l1 => ({ l2, l1 }))))
      expect(trials.map(one => [one.status, one.parameters.search])).toEqual(records.map(() => ['succeeded', run]))
      const [version] = await workspace.store.listModelVersions('late')
      const engine = await workspace.engine()
      const path = await workspace.artifacts.localPath(version?.facts.frame as never)
      const inputs = [
        { name: 'km', type: 'float' },
        { name: 'noise', type: 'float' },
      ] as const
      const all = await readFrame(engine, path, inputs, 'train')
      const folds = await engine.rows(
        `SELECT millrace_fold AS f FROM read_parquet('${path}') WHERE millrace_split = 'train'`,
      )
      // By hand: a model of the rows of the other folds, and its log loss on the rows of this one
      const expected = async (l2: number, l1: number): Promise<number> => {
        let sum = 0
        for (let fold = 1; fold <= 3; fold++) {
          const rowsIn = (own: boolean) => folds.flatMap((row, i) => ((Number(row.f) === fold) === own ? [i] : []))
          const take = (pick: number[]) => ({
            rows: pick.length,
            labels: Float32Array.from(pick, i => all.labels[i] as number),
            inputs: all.inputs.map(values => Float32Array.from(pick, i => values[i] as number)),
            slices: new Map(),
          })
          const [own, held] = [take(rowsIn(false)), take(rowsIn(true))]
          const request = {
            task: 'binary',
            scale: 'standard',
            inputs,
            classes: [],
            trainer: linearTrainer({ l2, l1 }),
          } as const
          const scores = score(await fit(request, own, undefined, () => undefined), held)
          held.labels.forEach((y, i) => (sum -= Math.log(y === 1 ? (scores[i] as number) : 1 - (scores[i] as number))))
        }
        return sum / all.rows
      }
      for (const { parameters, value } of records)
        expect(value).toBeCloseTo(await expected(parameters.l2 as number, parameters.l1 as number), 5)
      // The best of them is the version's, trained on all of the training rows
      const best = records.toSorted((a, b) => (a.value as number) - (b.value as number))[0]
      expect(await winnerOf(workspace, version as never)).toMatchObject({ parameters: best?.parameters, trials: 6 })
      const whole = await fit(
        { task: 'binary', scale: 'standard', inputs, classes: [], trainer: linearTrainer(best?.parameters as never) },
        all,
        undefined,
        () => undefined,
      )
      const held = await readFrame(engine, path, inputs, 'test')
      const loaded = await (await workspace.runtime()).load(await workspace.artifacts.get(version?.digest as never))
      const features = Float32Array.from({ length: held.rows * 2 }, (_, i) => held.inputs[i % 2]?.[i >> 1] as number)
      const { scores } = await loaded.run({ rows: held.rows, features })
      score(whole, held).forEach((one, i) => expect(scores[i]).toBeCloseTo(one, 5))
      await loaded.close()
      // Told in words, and decided once
      const words = await trialInWords(workspace.store, trials[0] as never)
      expect(words).toBe(`#1 l1 0, l2 0.1: logLoss ${Number(Number(records[0]?.value).toPrecision(4))}`)
      expect((await newestRun(workspace.store))?.id).toBe(run)
      const decisions = await workspace.store.listDecisions({ kind: 'search' })
      expect(decisions.map(one => [one.verdict, one.evidence])).toEqual([['chosen', [best?.run]]])
    })
  })

  it('is not searched again when nothing changed; a larger one repeats no trial, another trainer all of them', async () => {
    await train(at, build(penalties), async ({ steps, trials }) => {
      expect(steps).toMatchObject({ 'search-late': 'reused', 'train-late': 'reused' })
      expect(trials).toHaveLength(6)
    })
    const larger = { ...penalties, space: { l2: [0.1, 10, 1000, 5000], l1: [0, 5] } }
    const reused = async (made: Project) => {
      let found: string[] = []
      await train(at, made, async ({ records, workspace }) => {
        const steps = await Promise.all(records.map(one => workspace.store.listSteps(one.run)))
        found = steps.map(([step]) => step?.status ?? '')
      })
      return found
    }
    expect(await reused(build(larger))).toEqual([...Array(6).fill('reused'), ...Array(2).fill('succeeded')])
    const other = { ...penalties, trainer: linear({ minCategoryRows: 3 }) }
    expect(await reused(build(other))).toEqual(Array(6).fill('succeeded'))
    expect(await reused(build(other, { by: 'random', count: 4, seed: 1 }))).toEqual(Array(6).fill('succeeded'))
  })

  it('is not searched again to rebuild the version', async () => {
    await train(at, build(penalties), async ({ workspace }) => {
      const [version] = (await workspace.store.listModelVersions('late')).toReversed()
      const clean = await openWorkspace(folder(), { project: build(penalties) })
      try {
        const engine = await clean.engineOf()
        const made = clean.project.models.get('late') as never
        const origin = { from: 'project file', reason: 'a test' } as const
        const { same } = await reproduce(clean, engine, made, version as never, workspace.artifacts, null, origin)
        expect(same).toBe(true)
        expect(await clean.store.listRuns({ name: 'trial-late' })).toEqual([])
      } finally {
        await clean.close()
      }
    })
  })
})

it('goes on where it was ended: what was tried is not tried again, and the outcome is the same', async () => {
  const trees: SearchOptions = {
    method: 'tpe',
    trials: 6,
    seed: 3,
    trainer: gbt({ trees: 5 }),
    space: { depth: { from: 1, to: 6 }, learningRate: { from: 0.01, to: 1, scale: 'log' } },
  }
  let whole: readonly TrialRecord[] = []
  await train(folder(), build(trees), async ({ records }) => {
    whole = records
  })
  expect(whole).toHaveLength(6)
  expect(whole.every(one => Number.isInteger(one.parameters.depth))).toBe(true)
  let ended = 0
  const stopAfter = (event: EngineEvent, engine: Engine): void => {
    if (event.type === 'run' && event.name === 'trial-late' && event.status === 'succeeded' && ++ended === 3)
      void engine.cancel(engine.active()[0] as string)
  }
  await train(
    folder(),
    build(trees),
    async ({ status, run, trials, engine, services, workspace }) => {
      expect(status).toBe('cancelled')
      const before = trials.filter(one => one.status === 'succeeded').map(one => one.id)
      expect(before.length).toBeGreaterThanOrEqual(3)
      expect(before.length).toBeLessThan(6)
      const made = services.project.models.get('late') as never
      const { trainingGraph } = await import('./run.ts')
      const graph = await trainingGraph(services, {
        model: made,
        trigger: 'manual',
        stepEnvironment: null,
        runEnvironment: {},
      })
      const { status: after, steps } = await (await engine.resume(run, graph)).done
      expect(after).toBe('succeeded')
      const digest = steps.find(one => one.step === 'search-late')?.outputs?.trials?.digest
      const records: TrialRecord[] = JSON.parse(Buffer.from(await workspace.artifacts.get(digest as never)).toString())
      expect(records.map(one => [one.parameters, one.value])).toEqual(whole.map(one => [one.parameters, one.value]))
      // Every trial that was finished is the run that it was, and none was begun twice
      for (const id of before) expect(records.map(one => one.run)).toContain(id)
      expect(await workspace.store.listRuns({ name: 'trial-late' })).toHaveLength(6)
    },
    stopAfter,
  )
})

it('draws as many trials as it is told, by its seed, and judges them by what it is told', async () => {
  const at = folder()
  const rates = { learningRate: { from: 0.01, to: 1, scale: 'log' } } as const
  const tried = async (over: object): Promise<readonly TrialRecord[]> => {
    let found: readonly TrialRecord[] = []
    const of = { method: 'random', trials: 3, trainer: gbt({ trees: 3 }), space: rates, ...over } as SearchOptions
    await train(at, build(of), async ({ records, workspace }) => {
      found = records
      const [version] = await workspace.store.listModelVersions('late')
      const winner = await winnerOf(workspace, version as never)
      const values = records.map(one => one.value as number)
      expect(winner?.metric).toBe(of.best ?? 'logLoss')
      expect(winner?.value).toBe(of.best === 'auc' ? Math.max(...values) : Math.min(...values))
    })
    return found
  }
  const first = await tried({})
  expect(first).toHaveLength(3)
  const byArea = await tried({ best: 'auc' })
  // The same trials, judged otherwise
  expect(byArea.map(one => one.parameters)).toEqual(first.map(one => one.parameters))
  expect(byArea.every(one => (one.value as number) > 0.8)).toBe(true)
  const other = await tried({ seed: 1, trials: 2, method: 'tpe' })
  expect(other).toHaveLength(2)
  expect(other.map(one => one.parameters)).not.toEqual(first.slice(0, 2).map(one => one.parameters))
})

it('by halving most trials learn from few rows, and only those that went all the way can win', async () => {
  const metrics = [
    ['logLoss', Math.min, (a: number, b: number) => a - b],
    ['auc', Math.max, (a: number, b: number) => b - a],
  ] as const
  for (const [best, bestOf, betterFirst] of metrics) {
    const halving: SearchOptions = {
      method: 'halving',
      best,
      trials: 9,
      trainer: gbt({ trees: 3, minLeaf: 2 }),
      space: { learningRate: { from: 0.01, to: 1, scale: 'log' } },
    }
    await train(folder(), build(halving), async ({ status, records, workspace }) => {
      expect(status).toBe('succeeded')
      const at = (share: number) => records.filter(one => Math.abs(one.share - share) < 1e-9)
      expect(at(1 / 9)).toHaveLength(9)
      expect(at(1 / 3).length).toBeGreaterThanOrEqual(3)
      expect(at(1).length).toBeGreaterThanOrEqual(1)
      const [version] = await workspace.store.listModelVersions('late')
      const winner = await winnerOf(workspace, version as never)
      expect(at(1).map(one => one.parameters)).toContainEqual(winner?.parameters)
      expect(winner?.value).toBe(bestOf(...at(1).map(one => one.value as number)))
      // Once all are known the best third of a rung goes on, whatever was promoted before
      const values = (share: number) => at(share).map(one => one.value as number)
      for (const [few, more] of [
        [1 / 9, 1 / 3],
        [1 / 3, 1],
      ] as const) {
        expect(new Set(values(few)).size).toBeGreaterThan(2)
        const last = values(few).toSorted(betterFirst)[Math.floor(at(few).length / 3) - 1] as number
        const above = at(few).filter(one => betterFirst(one.value as number, last) < 0)
        const next = at(more).map(one => JSON.stringify(one.parameters))
        for (const one of above) expect(next).toContain(JSON.stringify(one.parameters))
        expect(at(more).length).toBeGreaterThanOrEqual(Math.floor(at(few).length / 3))
      }
    })
  }
})

describe('where trials fail', () => {
  const columns = { ...penalties, space: { l2: [1] } } as SearchOptions
  it('the others decide; where all do, the run says why and is 1', async () => {
    const odd: SearchOptions = { method: 'grid', trainer: gbt({ trees: 2 }), space: { minLeaf: [5, 100_000] } }
    await train(folder(), build(odd), async ({ records }) => {
      expect(records.map(one => one.value !== null)).toEqual([true, true])
    })
    await train(
      folder(),
      build(columns, { by: 'group', of: (c: { shop: never }) => c.shop, count: 9 }),
      async ({ status, error }) => {
        expect(status).toBe('failed')
        expect(error).toContain('fold 9 of 9 by group has no row to be judged on')
        expect(error).toContain('MR4023')
      },
    )
    // Areas under a curve need both classes, which the folds by label have not
    const oneClass = { by: 'group', of: (c: { late: never }) => c.late, count: 2 }
    await train(
      folder(),
      build({ ...columns, best: 'auc' } as SearchOptions, oneClass),
      async ({ status, error, trials }) => {
        expect(status).toBe('failed')
        expect(error).toContain('MR4024')
        expect(error).toContain('None of the 1 trials of late gave a score: fold 1 of 2 has no auc')
        expect(trials.map(one => one.status)).toEqual(['failed'])
      },
    )
  })
})
