import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import { baseline, csv, dataset, gbt, linear, model, project, search, t, type Model } from '../../index.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { RunStatus } from '../../ports/metadata-store.ts'
import { drawFigures } from '../evaluate/figures/draw.ts'
import type { LearningCurveFigure } from '../evaluate/figures/learning-curve.ts'
import { readPart } from '../register/version-parts.ts'
import { testVersion } from '../serve/test-version.ts'
import { startTraining } from './run.ts'

// Learning curves of a real model: on which rows, how many, of which options, and what is drawn of them.

const root = mkdtempSync(join(tmpdir(), 'millrace-curve-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

function folder(rows = 1_000): string {
  const at = mkdtempSync(join(root, 'project-'))
  const random = seeded(7)
  const lines = Array.from({ length: rows }, (_, i) => {
    const [km, noise] = [random.next() * 40, random.next()]
    const late = random.next() < 1 / (1 + Math.exp((20 - km) / 3))
    return `${i},${new Date(Date.UTC(2026, 0, 1) + i * 3_600_000).toISOString()},${km},${noise},${i < 700 ? 'a' : 'b'},${late}`
  })
  mkdirSync(join(at, 'data'))
  writeFileSync(join(at, 'millrace.config.ts'), '')
  writeFileSync(join(at, 'data', 'rides.csv'), `id,at,km,noise,shop,late\n${lines.join('\n')}\n`)
  return at
}
const rides = dataset('rides', {
  source: csv('data/rides.csv'),
  columns: { id: t.int(), at: t.timestamp('UTC'), km: t.float(), noise: t.float(), shop: t.text(), late: t.bool() },
  eventTime: 'at',
})
const late = (over: object): Model =>
  model('late', {
    task: 'binary',
    from: rides,
    label: c => c.late,
    inputs: c => ({ km: c.km, noise: c.noise }),
    split: { by: 'random', test: 0.2, seed: 1 },
    train: gbt({ trees: 40, leaves: 8 }),
    learningCurve: {},
    ...(over as { learningCurve?: object }),
  }) as never

interface Measured {
  readonly status: RunStatus
  readonly curve: LearningCurveFigure | undefined
  readonly steps: Readonly<Record<string, string>>
}

async function train(at: string, made: Model, look?: (workspace: Workspace) => Promise<void>): Promise<Measured> {
  const workspace = await openWorkspace(at, { project: project('curves', { rides, late: made }) })
  const { curveModule: _, trialModule: __, ...services } = workspace
  try {
    const engine = await workspace.engineOf()
    const request = { model: made, trigger: 'manual', stepEnvironment: null, runEnvironment: {} }
    const { status, steps } = await (await startTraining(services, engine, request)).done
    const digest = steps.find(one => one.step === 'curve-late')?.outputs?.curve?.digest
    await look?.(workspace)
    return {
      status,
      steps: Object.fromEntries(steps.map(one => [one.step, one.status])),
      curve: digest && JSON.parse(Buffer.from(await workspace.artifacts.get(digest)).toString()),
    }
  } finally {
    await workspace.close()
  }
}

describe('a learning curve', () => {
  const at = folder()
  it('is of shares that double, of the training rows alone, and drawn wherever the version is', async () => {
    const { status, curve } = await train(at, late({}), async workspace => {
      const [record] = await workspace.store.listModelVersions('late')
      const figures = record && (await readPart(workspace, record, 'figures'))
      expect(figures?.learningCurve?.points.length).toBe(5)
      const drawn = figures && drawFigures(figures).find(one => one.title === 'Learning curve')
      expect(drawn?.note).toMatch(/^logLoss of 160 training rows that were kept back/)
      expect(drawn?.svg).toContain('others')
      // Who tests the version later has it too
      const { figures: again } = await testVersion(workspace, record as never, { seed: 1 })
      expect(again.learningCurve).toEqual(figures?.learningCurve)
    })
    expect([status, curve?.metric, curve?.judged]).toEqual(['succeeded', 'logLoss', 160])
    const sizes = curve?.points.map(one => one.rows) ?? []
    // 800 training rows, of which a fifth is judged
    expect(sizes.at(-1)).toBe(640)
    sizes.slice(1).forEach((size, i) => expect(size / (sizes[i] as number)).toBeCloseTo(2, 0))
    const [first, last] = [curve?.points[0], curve?.points.at(-1)]
    // More rows are learned by heart less, and help those that were not seen
    expect(Number(last?.held)).toBeLessThan(Number(first?.held))
    expect(Number(last?.held)).toBeGreaterThan(Number(last?.trained))
    expect(Number(last?.held)).toBeLessThan(Math.log(2))
  })

  it('is measured once, and anew when its options change, of as many rows as they say; the model stays as it was', async () => {
    const again = await train(at, late({}))
    expect(again.steps).toMatchObject({ 'curve-late': 'reused', 'train-late': 'reused' })
    const { curve, steps } = await train(at, late({ learningCurve: { points: 2, maxRows: 100 } }))
    expect(steps).toMatchObject({ 'curve-late': 'succeeded', 'train-late': 'reused' })
    expect(curve?.judged).toBeLessThanOrEqual(100)
    expect(curve?.points.length).toBe(2)
    expect(curve?.points.at(-1)?.rows).toBeGreaterThan(70)
    expect(curve?.points.at(-1)?.rows).toBeLessThan(130)
    const none = await train(at, late({ learningCurve: undefined }))
    expect(none.steps['curve-late']).toBeUndefined()
    expect(none.curve).toBeUndefined()
  })

  it('is judged along time where the split is, and with what a search chose', async () => {
    const timed = await train(at, late({ split: { by: 'time', train: '30d', test: '5d' } }))
    // 720 hours in six spans: five are learned from, the newest is judged
    expect([timed.curve?.judged, timed.curve?.points.at(-1)?.rows]).toEqual([120, 600])
    const { curve, status } = await train(
      at,
      late({ train: search({ method: 'grid', trainer: linear(), space: { l2: [1, 100] } }) }),
    )
    expect([status, curve?.points.every(one => one.held !== null)]).toEqual(['succeeded', true])
  })

  it('leaves out shares that nothing can be learned from, and says so; training itself goes on', async () => {
    const { status, curve } = await train(at, late({ learningCurve: { points: 10, maxRows: 20_000 } }))
    expect(status).toBe('succeeded')
    expect(curve?.points[0]).toMatchObject({
      held: null,
      trained: null,
      reason: expect.stringMatching(/fewer than 20/),
    })
    expect(curve?.points.filter(one => one.held === null).every(one => one.rows < 20)).toBe(true)
    expect(curve?.points.filter(one => one.held !== null).every(one => one.rows >= 20)).toBe(true)
    expect(curve?.points.at(-1)?.rows).toBe(640)
  })

  it('takes five shares of at most 20,000 rows where nothing is said', async () => {
    const split = { by: 'random', test: 0.1 }
    const { curve } = await train(folder(30_000), late({ train: baseline(), split }))
    // 27,000 training rows, of which a fifth is judged
    expect([curve?.points.length, curve?.judged]).toEqual([5, 5_400])
    expect(curve?.points.at(-1)?.rows).toBeGreaterThan(19_700)
    expect(curve?.points.at(-1)?.rows).toBeLessThan(20_300)
  })

  it('is refused where nothing learns, or what it is asked for is no curve', () => {
    for (const [over, words] of [
      [{ learningCurve: { points: 1 } }, /points/],
      [{ learningCurve: { maxRows: 10 } }, /maxRows/],
      [{ learningCurve: { shares: 3 } }, /has no option 'shares'/],
      [
        { learningCurve: undefined, split: { by: 'random', test: 0.2, folds: { by: 'random', count: 3 } } },
        /learningCurve/,
      ],
    ] as const)
      expect(() => late(over)).toThrow(words)
  })
})
