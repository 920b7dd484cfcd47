import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import type { Decision } from '../../define/decision.ts'
import type { Report } from '../../define/report.ts'
import { csv, dataset, expect as rule, gbt, linear, model, project, t, type Project } from '../../index.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { ArtifactRef } from '../../ports/metadata-store.ts'
import { startTraining } from './run.ts'

// Whole training runs of a small project on a real engine, store and DuckDB: what they let pass, what they refuse, and what a
// version is made of.

const root = mkdtempSync(join(tmpdir(), 'millrace-training-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const hours = 1_000
/** A ride an hour from 1 January; late with a chance that rises with its length. Ride 500 is 4,000 km long. */
function folder(): string {
  const at = mkdtempSync(join(root, 'project-'))
  const random = seeded(11)
  const lines = Array.from({ length: hours }, (_, i) => {
    const km = i === 500 ? 4_000 : Math.round(random.next() * 400) / 10
    const time = new Date(Date.UTC(2026, 0, 1) + i * 3_600_000).toISOString().slice(0, 19)
    return `${i},${time},${km},${random.next() < 1 / (1 + Math.exp((20 - km) / 2))}`
  })
  mkdirSync(join(at, 'data'))
  writeFileSync(join(at, 'millrace.config.ts'), '')
  writeFileSync(join(at, 'data', 'rides.csv'), `id,at,km,late\n${lines.join('\n')}\n`)
  return at
}

const ofDataset = {
  source: csv('data/*.csv'),
  columns: { id: t.int(), at: t.timestamp('UTC'), km: t.float(), late: t.bool() },
  eventTime: 'at',
  knownAt: { late: (c: { at: { plus(d: string): never } }) => c.at.plus('2h') },
  expect: (c: { km: { between(a: number, b: number): never } }) => [c.km.between(0, 100)],
}
const ofModel = {
  task: 'binary',
  label: (c: { late: never }) => c.late,
  inputs: (c: { km: never }) => ({ km: c.km }),
  split: { by: 'time', train: '30d', test: '10d' },
  train: gbt({ trees: 8, leaves: 4 }),
}

function build(over: { dataset?: object; model?: object } = {}): Project {
  const rides = dataset('rides', { ...ofDataset, ...over.dataset } as never)
  const late = model('late', { ...ofModel, from: rides, ...over.model } as never)
  return project('training', { rides, late } as never)
}

interface Outcome {
  readonly status: string
  readonly error: string
  readonly outputs: Readonly<Record<string, ArtifactRef>>
  readonly decisions: readonly Decision[]
  readonly workspace: Workspace
  readonly json: <T>(output: string) => Promise<T>
}

/** One training run; what it left is looked at by `look` before the store closes. */
async function train(at: string, made: Project, look: (outcome: Outcome) => Promise<void> | void): Promise<void> {
  const workspace = await openWorkspace(at, { project: made })
  try {
    const run = await startTraining(workspace, await workspace.engineOf(), {
      model: made.models.get('late') as never,
      trigger: 'schedule',
      because: 'decision-7',
      stepEnvironment: null,
      runEnvironment: { node: 'v20' },
    })
    const { status, error } = await run.done
    const steps = await workspace.store.listSteps(run.runId)
    const outputs = Object.fromEntries(
      steps.flatMap(step => Object.entries(step.outputs ?? {}).map(([name, one]) => [`${step.step}.${name}`, one])),
    )
    await look({
      status,
      error: JSON.stringify(error ?? ''),
      outputs,
      decisions: await workspace.store.listDecisions({}),
      workspace,
      json: async output =>
        JSON.parse(Buffer.from(await workspace.artifacts.get(outputs[output]?.digest as never)).toString()),
    })
  } finally {
    await workspace.close()
  }
}

describe('a run that passes', () => {
  it('registers a version with the digest of everything that it came from', async () => {
    await train(folder(), build(), async ({ status, outputs, workspace, decisions, json }) => {
      expect(status).toBe('succeeded')
      const [version] = await workspace.store.listModelVersions('late')
      expect(version).toMatchObject({
        model: 'late',
        version: 1,
        digest: outputs['verify-late.onnx']?.digest,
        facts: {
          'data:rides': outputs['validate-rides.data']?.digest,
          frame: outputs['features-late.frame']?.digest,
          card: outputs['train-late.card']?.digest,
          scaler: outputs['train-late.scaler']?.digest,
          onnx: outputs['verify-late.onnx']?.digest,
          golden: outputs['verify-late.golden']?.digest,
          // with the level of quality that the held-out rows gave
          profile: outputs['evaluate-late.profile']?.digest,
          report: outputs['evaluate-late.report']?.digest,
          trigger: 'schedule',
          because: 'decision-7',
          environment: { node: 'v20' },
        },
      })
      for (const fact of ['data:rides', 'frame', 'card', 'golden', 'scaler', 'onnx', 'profile', 'report'])
        expect(await workspace.artifacts.has(version?.facts[fact] as never), fact).toBe(true)
      expect(version?.metrics).toEqual(await json('evaluate-late.metrics'))
      expect(version?.metrics.auc as number).toBeGreaterThan(0.85)
      expect(
        decisions.map(one => [one.subject, one.kind, one.verdict]).toSorted((a, b) => (String(a) < String(b) ? -1 : 1)),
      ).toEqual([
        ['dataset rides', 'quarantine', 'quarantined'],
        ['model late', 'gate', 'passed'],
      ])
    })
  })

  it('trains on no row that its snapshot leaves out, or whose label is not known by then', async () => {
    const trained: number[] = []
    for (const delay of ['0h', '2h', '12h'])
      await train(
        folder(),
        build({ dataset: { knownAt: { late: (c: { at: { plus(d: string): never } }) => c.at.plus(delay) } } }),
        async ({ outputs, workspace }) => {
          const engine = await workspace.engine()
          const count = async (output: string) => {
            const path = await workspace.artifacts.localPath(outputs[output]?.digest as never)
            const [row] = await engine.rows(`SELECT count(*) AS n FROM read_parquet('${path}')`)
            return Number(row?.n)
          }
          // the long ride stays out
          expect(await count('validate-rides.data')).toBe(hours - 1)
          expect(await count('validate-rides.quarantine')).toBe(1)
          expect(outputs['validate-rides.data']?.meta).toMatchObject({ rows: hours - 1, quarantined: 1 })
          trained.push(await count('features-late.frame'))
        },
      )
    // a ride an hour over 40 days, without the long one; each hour of delay keeps one of the last labels back
    expect(trained).toEqual([40 * 24 - 1, 40 * 24 - 3, 40 * 24 - 13])
  })

  it('takes the baseline of quality from the held-out rows', async () => {
    await train(folder(), build(), async ({ json, outputs }) => {
      type Baseline = { performance: { rows: number; quality: { natural: unknown; value?: number } } }
      const baseline = await json<Baseline>('evaluate-late.profile')
      const training = await json<Baseline>('verify-late.profile')
      const { evidence } = await json<Report>('evaluate-late.report')
      expect(baseline.performance.rows).toBe(evidence.rows)
      expect(training.performance.rows).not.toBe(evidence.rows)
      expect(baseline.performance.quality.natural).toEqual(training.performance.quality.natural)
      expect(outputs['evaluate-late.profile']?.digest).not.toBe(outputs['verify-late.profile']?.digest)
    })
  })
})

describe('a run that is refused', () => {
  const none = async ({ status, workspace, outputs }: Outcome): Promise<void> => {
    expect(status).toBe('failed')
    expect(await workspace.store.listModelVersions('late')).toEqual([])
    expect(Object.keys(outputs).filter(name => name.startsWith('register-'))).toEqual([])
  }

  it('has a critical bad row that nothing sets aside: no snapshot, no model', async () => {
    await train(folder(), build({ dataset: { quarantine: false } }), async outcome => {
      await none(outcome)
      expect(outcome.error).toContain('rides is refused')
      expect(Object.keys(outcome.outputs)).not.toContain('validate-rides.data')
      expect(outcome.decisions.map(({ verdict }) => verdict)).toEqual(['refused'])
      expect(await outcome.workspace.store.listReports({})).toMatchObject([{ subject: 'rides', status: 'fail' }])
    })
  })

  it('has a rule over the whole that does not hold', async () => {
    await train(folder(), build({ dataset: { expect: () => [rule.rowCount({ min: hours + 1 })] } }), none)
    await train(folder(), build({ dataset: { expect: () => [rule.rowCount({ min: hours })] } }), ({ status }) =>
      expect(status).toBe('succeeded'),
    )
  })

  it('has a model that is not as good as asked', async () => {
    const asked = (min: number) =>
      build({ model: { test: (m: { metric(n: string, o: object): never }) => [m.metric('auc', { min })] } })
    let auc = 0
    await train(folder(), asked(0.5), async ({ status, workspace }) => {
      expect(status).toBe('succeeded')
      auc = (await workspace.store.listModelVersions('late'))[0]?.metrics.auc as number
    })
    await train(folder(), asked(auc), ({ status }) => expect(status).toBe('succeeded'))
    await train(folder(), asked(auc + 0.001), async outcome => {
      await none(outcome)
      expect(outcome.error).toContain('auc is')
      expect(outcome.decisions.find(({ subject }) => subject === 'model late')).toMatchObject({
        kind: 'gate',
        verdict: 'refused',
      })
      const report = (await outcome.workspace.store.listReports({})).find(({ kind }) => kind === 'model')
      expect(report).toMatchObject({ subject: 'late', status: 'fail' })
    })
  })
})

it('a challenger is held against the champion on the same rows', async () => {
  const at = folder()
  const test = (m: { metric(n: string, o: object): never }) => [
    m.metric('logLoss', { notWorseThan: 'champion' }),
    m.metric('accuracy', { notWorseThan: 'champion' }),
  ]
  const good = build({ model: { test } })
  const bad = build({ model: { test, train: linear({ l2: 1e6 }) } })
  const check = async ({ json }: Outcome) =>
    (await json<Report>('evaluate-late.report')).checks.find(({ id }) => id === 'logLoss-vs-champion')
  await train(at, good, async outcome => {
    expect(await check(outcome)).toMatchObject({ status: 'skipped' })
    await outcome.workspace.store.setAlias('late', 'champion', 1)
  })
  await train(at, bad, async outcome => {
    expect(outcome.status).toBe('failed')
    expect(outcome.error).toContain('logLoss')
    expect((await outcome.workspace.store.listModelVersions('late')).map(({ version }) => version)).toEqual([1])
  })
  await train(at, good, async outcome => {
    expect(outcome.status).toBe('succeeded')
    expect(await check(outcome)).toMatchObject({ status: 'pass', observed: { difference: 0 } })
    expect(outcome.decisions.filter(({ inputs }) => inputs.champion === 1)).toHaveLength(2)
  })
  // the same scores, of which nearly every one is now called late
  await train(at, build({ model: { test, threshold: 0.001 } }), outcome => {
    expect(outcome.status).toBe('failed')
    expect(outcome.error).toContain('accuracy')
    expect(outcome.error).not.toContain('logLoss')
  })
})

it('a champion that takes other inputs is held against the challenger by its own', async () => {
  const at = folder()
  const test = (m: { metric(n: string, o: object): never }) => [m.metric('logLoss', { notWorseThan: 'champion' })]
  const check = async ({ json }: Outcome) =>
    (await json<Report>('evaluate-late.report')).checks.find(({ id }) => id === 'logLoss-vs-champion')?.status
  const inputs: readonly [string, (c: { km: never; id: never }) => object, string][] = [
    ['the first', c => ({ km: c.km }), 'skipped'],
    ['the same', c => ({ km: c.km }), 'pass'],
    ['one more', c => ({ km: c.km, id: c.id }), 'pass'],
    ['of another name', c => ({ miles: c.km }), 'pass'],
  ]
  for (const [name, of, status] of inputs)
    await train(at, build({ model: { test, inputs: of } }), async outcome => {
      expect(outcome.status, name).toBe('succeeded')
      expect(await check(outcome), name).toBe(status)
      // the units of inputs that both have are compared
      const ids = (await outcome.json<Report>('evaluate-late.report')).checks.map(one => one.id)
      expect(ids.includes('scaler-unit-change'), name).toBe(status === 'pass')
      const [latest] = outcome.decisions.filter(one => one.subject === 'model late')
      expect(latest?.inputs.champion ?? null, name).toBe(status === 'pass' ? 1 : null)
      await outcome.workspace.store.setAlias('late', 'champion', 1)
    })
})

it("a version whose input is the champion's in another unit is refused, unless the unit is declared", async () => {
  const at = folder()
  const steps: readonly [string, object, string, string][] = [
    ['the first', { inputs: (c: { km: never }) => ({ km: c.km }) }, 'succeeded', 'skipped'],
    ['in metres', { inputs: inMetres }, 'failed', 'fail'],
    ['declared', { inputs: inMetres, units: { km: 'm' } }, 'succeeded', 'pass'],
    // Declared once, it is the unit of the champion
    ['back without a word', { inputs: (c: { km: never }) => ({ km: c.km }), units: { km: 'm' } }, 'failed', 'fail'],
  ]
  for (const [name, of, status, checked] of steps)
    await train(at, build({ model: of }), async outcome => {
      expect(outcome.status, name).toBe(status)
      const { checks } = await outcome.json<Report>('evaluate-late.report')
      expect(checks.find(one => one.id === 'scaler-unit-change')?.status ?? 'skipped', name).toBe(checked)
      if (status === 'failed') expect(outcome.error).toContain('name its unit in units')
      const versions = await outcome.workspace.store.listModelVersions('late')
      await outcome.workspace.store.setAlias('late', 'champion', versions[0]?.version as number)
    })
})
const inMetres = (c: { km: { times(by: number): never } }) => ({ km: c.km.times(1000) })

it('a version is traced from its file and its run, and has the latest of what it was tested for', async () => {
  await train(folder(), build(), async ({ workspace, outputs, decisions }) => {
    const { store } = workspace
    const [version] = await store.listModelVersions('late')
    const edges = await store.edgesTo(['model:late@1'])
    expect(new Set(edges.map(one => `${one.from} ${one.relation}`))).toEqual(
      new Set([`run:${version?.runId} made`, `${outputs['verify-late.onnx']?.digest} registered as`]),
    )
    expect(version?.tags).toEqual({})
    const gate = decisions.find(one => one.subject === 'model late')
    const [report] = await store.listReports({ kind: 'model' })
    expect(gate?.evidence).toContain(report?.id)
    expect(outputs['validate-rides.quarantine']?.meta).toMatchObject({ rows: 1 })
    const [validation] = await store.listReports({ kind: 'validation' })
    expect(validation).toMatchObject({
      runId: version?.runId,
      evidence: { quarantine: outputs['validate-rides.quarantine']?.digest },
    })
    expect(validation?.evidence.files).toHaveLength(1)
  })
})
