import type { GoldenRows } from '../evaluate/golden.ts'
import { statSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { late, lateWith, type Trained, trainedProject } from '../../../test/support/trained-project.ts'
import { columnsOf } from '../../define/expression/index.ts'
import type { Dataset } from '../../define/dataset.ts'
import type { Model } from '../../define/model.ts'
import type { Project } from '../../define/project.ts'
import type { Report } from '../../define/report.ts'
import { csv, dataset, deployment, gbt, linear, model, monitor, t } from '../../index.ts'
import { type Digest, digestBytes } from '../../internal/digest.ts'
import { inspectModel } from '../../onnx/index.ts'
import type { StepRecord } from '../../ports/metadata-store.ts'
import type { Profile } from '../windows/profile.ts'
import { ownCode } from './code.ts'
import { datasetStep } from './dataset-steps.ts'
import { keepFailures, keepFailuresIfAllowed } from './keep-failures.ts'
import { modelOf, resumeGraph, startSnapshot, startTraining, trainingGraph } from './run.ts'
import { frameKey, keysOf, sealedBy } from './save.ts'
import type { StageServices } from '../services.ts'
import { datasetsOf } from './step-parts.ts'
import { codeVariable } from './train-step.ts'
import { previousSnapshot, validationServices } from './validation.ts'

// What the steps of a training run hand on, and how a run is rebuilt from its record; on runs that were really made.

let trained: Trained
let steps: readonly StepRecord[]
let rides: Dataset
beforeAll(async () => {
  trained = await trainedProject()
  const { store, project } = trained.workspace
  const first = await store.getModelVersion('late', trained.versions.good)
  steps = await store.listSteps(first?.runId ?? '')
  rides = project.datasets.get('rides') as Dataset
})
afterAll(() => trained.close())

const coded = (code: string): Error => expect.objectContaining({ code }) as Error
const digestOf = (step: string, output: string): Digest =>
  steps.find(one => one.step === step)?.outputs?.[output]?.digest as Digest
const bytesOf = (step: string, output: string) => trained.workspace.artifacts.get(digestOf(step, output))
const jsonOf = async <T>(step: string, output: string): Promise<T> =>
  JSON.parse(Buffer.from(await bytesOf(step, output)).toString()) as T
const withProject = (project: Partial<Project>): StageServices => ({
  ...trained.workspace,
  project: { ...trained.workspace.project, ...project },
})

it('each step stands in its order, with what it reads of those before', async () => {
  const graph = await trainingGraph(trained.workspace, {
    model: late as unknown as Model,
    trigger: 'manual',
    stepEnvironment: null,
    runEnvironment: {},
  })
  const read = graph.map(({ name, inputs }) => [
    name,
    Object.values(inputs)
      .map(one => (typeof one.from === 'object' && 'step' in one.from ? `${one.from.step}.${one.from.output}` : 'log'))
      .join(' '),
  ])
  expect(read).toEqual([
    ['validate-rides', ''],
    ['features-late', 'validate-rides.data log'],
    ['train-late', 'features-late.frame'],
    ['verify-late', 'features-late.frame train-late.onnx train-late.card train-late.reference train-late.scaler'],
    [
      'evaluate-late',
      'validate-rides.data log features-late.frame train-late.card verify-late.onnx verify-late.profile train-late.scaler',
    ],
    [
      'register-late',
      'validate-rides.data log features-late.frame train-late.card train-late.scaler evaluate-late.profile verify-late.onnx verify-late.golden verify-late.explanation evaluate-late.report evaluate-late.metrics evaluate-late.figures',
    ],
  ])
  expect(graph.map(one => [one.name, one.cache]).filter(([, cache]) => cache)).toEqual([
    ['evaluate-late', 'never'],
    ['register-late', 'never'],
  ])
  expect(new Set(graph.map(one => one.code))).toEqual(new Set([ownCode()]))
  expect(new Set(graph.map(one => one.runsIn))).toEqual(new Set(['inline']))
})

describe('the exported file', () => {
  it('says what it is made of, and carries 32 rows with the scores that training gave them', async () => {
    const { metadata } = inspectModel(await bytesOf('verify-late', 'onnx'))
    expect(metadata).toMatchObject({
      'millrace.model': 'late',
      'millrace.threshold': '0.4',
      'millrace.frame': digestOf('features-late', 'frame'),
      'millrace.scaler': digestOf('train-late', 'scaler'),
    })
    const inputs = JSON.parse(metadata['millrace.inputs'] ?? '') as { name: string; kind: string; is: string }[]
    expect(inputs.map(one => [one.name, one.kind])).toEqual([
      ['rides_6h', 'number'],
      ['km_6h', 'number'],
      ['km', 'number'],
      ['hour', 'number'],
    ])
    expect(inputs.map(one => one.is)).toEqual([
      expect.stringContaining('rides_6h'),
      expect.stringContaining('km_6h'),
      'km',
      expect.stringContaining('at'),
    ])
    const golden = await jsonOf<GoldenRows>('verify-late', 'golden')
    expect([golden.features.length, golden.scores.length]).toEqual([32 * 4, 32])
    // the real runtime gives the same, and they are rows of the whole test stretch, the edges among them
    const runtime = await trained.workspace.runtime()
    const loaded = await runtime.load(await bytesOf('verify-late', 'onnx'))
    const features = Float32Array.from(golden.features, one => one ?? Number.NaN)
    const { scores } = await loaded.run({ features, rows: 32 })
    await loaded.close()
    golden.scores.forEach((score, row) => expect(scores[row]).toBeCloseTo(score, 5))
    const rows = Array.from({ length: 32 }, (_, row) => golden.features.slice(4 * row, 4 * row + 4).join())
    expect(new Set(rows).size).toBeGreaterThan(28)
    expect(new Set(golden.scores).size).toBeGreaterThan(5)
  })

  it('is verified before it goes on: each of its checks passed, with numbers missing and far away among the rows', async () => {
    const report = await jsonOf<Report>('verify-late', 'report')
    expect(report).toMatchObject({ kind: 'export', subject: 'late', status: 'pass' })
    expect(report.evidence.onnx).toBe(digestOf('train-late', 'onnx'))
    expect(new Set(report.checks.map(one => one.status))).toEqual(new Set(['pass']))
    expect(report.checks.map(one => one.target.model)).toEqual(report.checks.map(() => 'late'))
    const parity = report.checks.find(one => one.id === 'onnx.parity')
    // ten days of an hour each, and ten rows of the edges
    expect(parity?.evaluated).toBe(10 * 24 + 10 - 2)
    expect((await trained.workspace.store.listReports({ kind: 'export' })).map(one => one.id)).toContain(report.id)
  })
})

describe('the baseline', () => {
  const profile = () => jsonOf<Profile>('verify-late', 'profile')

  it('has the importance of each input, and scores of the rows that were held out', async () => {
    const { columns, score, rows } = await profile()
    expect(columns.map(one => one.name)).toEqual(['rides_6h', 'km_6h', 'km', 'hour'])
    const importance = Object.fromEntries(columns.map(one => [one.name, one.importance ?? 0]))
    expect(Object.values(importance).reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 6)
    expect(importance.km).toBeGreaterThan(0.5)
    const { frame, test } = await counted()
    expect(rows).toBe(frame - test)
    expect(score.counts.reduce((sum, one) => sum + one, 0)).toBe(test)
  })

  it('has windows of the length that the monitor of the model compares', async () => {
    expect((await profile()).naturalWindow).toBe('7d')
    const watched = monitor('of-late', { deployment: deployment('of-late', { model: late }), window: '6h' })
    const other = monitor('of-fare', {
      deployment: deployment('of-fare', { model: trained.workspace.project.models.get('fare') as never }),
      window: '2h',
    })
    const services = withProject({ monitors: new Map([other, watched].map(one => [one.name, one])) as never })
    const graph = await trainingGraph(services, { ...request, model: late as unknown as Model })
    expect(graph.find(one => one.name === 'verify-late')?.parameters).toMatchObject({ naturalWindow: '21600s' })
  })

  /** Rows of the frame, and those of them that were held out. */
  async function counted(): Promise<{ frame: number; test: number }> {
    const engine = await trained.workspace.engine()
    const path = await trained.workspace.artifacts.localPath(digestOf('features-late', 'frame'))
    const meta = steps.find(one => one.step === 'features-late')?.outputs?.frame?.meta as { testFrom: number }
    const [row] = await engine.rows(
      `SELECT count(*) AS n, count(*) FILTER (millrace_at >= ${meta.testFrom}) AS held FROM read_parquet('${path}')`,
    )
    return { frame: Number(row?.n), test: Number(row?.held) }
  }
})

const request = { trigger: 'manual', stepEnvironment: null, runEnvironment: {} } as const

describe('training', () => {
  it('runs in a process of its own where the project says so, unless what it reads is sealed', async () => {
    const services = { ...trained.workspace, trainModule: { file: '/train.js', export: 'train' } }
    const step = async (made: Model) =>
      (await trainingGraph(services, { ...request, model: made })).find(one => one.name === 'train-late')
    const plain = late as unknown as Model
    expect(await step(plain)).toMatchObject({
      runsIn: 'process',
      module: { file: '/train.js' },
      env: { [codeVariable]: ownCode() },
    })
    expect(await step({ ...plain, encryptWith: 'k' })).toMatchObject({ runsIn: 'inline' })
    const from = { ...plain.from, encryptWith: 'k' }
    expect(await step({ ...plain, from, views: [] })).toMatchObject({ runsIn: 'inline' })
  })

  it('is keyed by the seed of its trees, and by what is sealed', async () => {
    const step = async (made: unknown) =>
      (await trainingGraph(trained.workspace, { ...request, model: made as Model })).find(
        one => one.name === 'train-late',
      )
    expect((await step(lateWith(gbt({ trees: 5, seed: 7 }))))?.seed).toBe(7)
    expect((await step(lateWith(gbt({ trees: 5 }))))?.seed).toBe(0)
    expect((await step(lateWith(linear({}) as never)))?.seed).toBe(0)
    const sealed = { ...late, encryptWith: 'k' }
    expect((await step(sealed))?.parameters).toMatchObject({ keys: { model: 'k', rows: 'k' } })
    expect((await step(late))?.parameters).not.toHaveProperty('keys')
  })

  it('has a key of its own, or that of the first of its datasets that has one', () => {
    const plain = late as unknown as Model
    const view = plain.views[0] as Model['views'][number]
    const sealedView = { ...view, from: { ...view.from, name: 'other', encryptWith: 'of-view' } }
    expect(frameKey(plain)).toBeUndefined()
    expect(frameKey({ ...plain, encryptWith: 'own', views: [sealedView] })).toBe('own')
    expect(frameKey({ ...plain, views: [sealedView] })).toBe('of-view')
    // rows under the key of their dataset; what answers where the model says so, or an input is made of personal data
    expect(keysOf(plain)).toEqual({})
    expect(keysOf({ ...plain, views: [sealedView] })).toEqual({ rows: 'of-view' })
    expect(keysOf({ ...plain, encryptWith: 'own', views: [sealedView] })).toEqual({ model: 'own', rows: 'own' })
    const [name = ''] = plain.inputs.flatMap(one => columnsOf(one.node)).filter(column => !column.includes('.'))
    const column = { ...plain.from.columns[name], pii: true }
    const from = { ...plain.from, encryptWith: 'people', columns: { ...plain.from.columns, [name]: column } }
    expect(keysOf({ ...plain, from: from as never, views: [] })).toEqual({ model: 'people', rows: 'people' })
    expect([sealedBy('k'), sealedBy(undefined)]).toEqual([{ encryptWith: 'k' }, {}])
    expect(datasetsOf(plain).map(one => one.name)).toEqual(['rides'])
    expect(datasetsOf({ ...plain, views: [sealedView] }).map(one => one.name)).toEqual(['rides', 'other'])
  })
})

describe('a run', () => {
  it('is rebuilt from its record: the same steps with the same parameters', async () => {
    const { workspace } = trained
    const because = { ...request, trigger: 'data', because: 'decision-1' }
    const spans = { from: 1_767_225_600_000_000, testFrom: 1_769_817_600_000_000, until: 1_770_681_600_000_000 }
    const [file] = await import('../validate/files.ts').then(one => one.sourceFiles(rides, workspace.root))
    const files = new Map([['rides', [file as never]]])
    const asked = { ...because, model: late as unknown as Model, spans, files }
    const handle = await startTraining(workspace, await workspace.engineOf(), asked)
    expect((await handle.done).status).toBe('succeeded')
    const run = await workspace.store.getRun(handle.runId)
    expect(run).toMatchObject({
      name: 'train-late',
      trigger: 'data',
      parameters: { model: 'late', because: 'decision-1', spans, files: { rides: [{ digest: file?.digest }] } },
      environment: {
        code: ownCode(),
        definition: expect.stringMatching(/^sha256:/),
        datasets: { rides: expect.any(String) },
      },
    })
    const shape = (graph: Awaited<ReturnType<typeof resumeGraph>>) =>
      graph?.map(({ name, parameters, inputs }) => ({ name, parameters, inputs }))
    expect(shape(await resumeGraph(workspace, run as never))).toEqual(shape(await trainingGraph(workspace, asked)))
    const [version] = await workspace.store.listModelVersions('late')
    expect(version?.facts).toMatchObject({ trigger: 'data', because: 'decision-1', frameFacts: { until: spans.until } })
  })

  it('of a definition that was declared anew since is not gone on with; one that is gone cannot be', async () => {
    const { workspace } = trained
    const [run] = await workspace.store.listRuns({ name: 'train-late' } as never)
    const again = (project: Partial<Project>) => resumeGraph(withProject(project), run as never)
    const models = (made: unknown) => ({ models: new Map([['late', made as Model]]) })
    expect(await again({})).toHaveLength(6)
    await expect(again(models(lateWith(gbt({ trees: 13 }))))).rejects.toThrow(coded('MR3048'))
    const others = { ...late, from: { ...late.from, expectations: [] }, views: [] }
    await expect(again(models(others))).rejects.toThrow(/./)
    expect(await again({ models: new Map() })).toBeUndefined()
    expect(await resumeGraph(workspace, { ...run, parameters: {} } as never)).toBeUndefined()
  })

  it('of a snapshot has one step, and is rebuilt likewise', async () => {
    const { workspace } = trained
    const handle = await startSnapshot(workspace, await workspace.engineOf(), {
      dataset: rides,
      stepEnvironment: null,
      runEnvironment: { node: 'v20' },
    })
    expect((await handle.done).status).toBe('succeeded')
    const run = await workspace.store.getRun(handle.runId)
    expect(run).toMatchObject({
      name: 'snapshot-rides',
      trigger: 'manual',
      parameters: { dataset: 'rides' },
      environment: { node: 'v20', definition: expect.any(String) },
    })
    expect(run?.environment).not.toHaveProperty('datasets')
    expect((await resumeGraph(workspace, run as never))?.map(one => one.name)).toEqual(['validate-rides'])
    const changed = new Map([['rides', { ...rides, expectations: [] }]])
    await expect(resumeGraph(withProject({ datasets: changed as never }), run as never)).rejects.toThrow(
      coded('MR3048'),
    )
    // what was made of the same content is the same snapshot
    expect(await previousSnapshot(workspace, rides)).toBe(digestOf('validate-rides', 'data'))
    expect(await previousSnapshot(workspace, { ...rides, name: 'others' })).toBeUndefined()
  })

  it('is of the model that is named, or of the only one', () => {
    const only = { models: new Map([['late', late as unknown as Model]]) }
    expect(modelOf(trained.workspace, 'late').name).toBe('late')
    expect(modelOf(withProject(only), undefined).name).toBe('late')
    const told = (services: StageServices, name?: string): string => {
      try {
        return modelOf(services, name).name
      } catch (error) {
        const { code, message, hint } = error as { code: string; message: string; hint: string }
        return `${code} ${message} ${hint}`
      }
    }
    const none = withProject({ models: new Map() })
    expect(told(trained.workspace)).toMatch(/^MR\d+ .*2 are there.*late, fare/)
    expect(told(trained.workspace, 'lat')).toMatch(/^MR\d+ .*'lat'.*late, fare/)
    expect(told(none)).toMatch(/none given.*no models/)
    expect(told(none, 'late')).toMatch(/'late'.*no models/)
    expect(told(withProject(only), 'fare')).toMatch(/'fare'/)
  })
})

describe('a validation', () => {
  it('is made anew where more than the rows decides, and reused by content otherwise', async () => {
    const of = (recent = false) =>
      dataset('rides', {
        source: csv('data/rides.csv'),
        columns: { at: t.timestamp('UTC'), km: t.float(), zone: t.text(), late: t.bool() },
        expect: c => [c.km.between(0, 100), ...(recent ? [c.at.freshness('9999d')] : [])],
      }) as unknown as Dataset
    const step = (made: Dataset) => datasetStep(trained.workspace, made, null)
    const plain = await step(of())
    expect(plain.cache).toBeUndefined()
    expect(plain).toMatchObject({ name: 'validate-rides', runsIn: 'inline', inputs: {}, code: ownCode() })
    expect(plain.parameters).toMatchObject({
      files: [{ digest: expect.stringMatching(/^sha256:/), size: expect.any(Number) }],
    })
    expect((await step(of(true))).cache).toBe('never')
  })

  it('finds the snapshot that a rule compares with: one by digest, the one before, that of the last version', async () => {
    const { snapshot, history } = await validationServices(trained.workspace, rides)
    const data = digestOf('validate-rides', 'data')
    const path = await trained.workspace.artifacts.localPath(data)
    const found = async (reference: Parameters<NonNullable<typeof snapshot>>[0]) =>
      JSON.stringify((await snapshot?.(reference)) ?? null).includes(path)
    expect(await found({ snapshot: data } as never)).toBe(true)
    expect(await found({ previous: true } as never)).toBe(true)
    expect(await found({ train: 'late' } as never)).toBe(true)
    expect(await found({ train: 'nobody' } as never)).toBe(false)
    expect(await found({ snapshot: digestBytes('nothing') } as never)).toBe(false)
    expect(await found({ snapshot: 'no digest' } as never)).toBe(false)
    const reports = (await history?.()) ?? []
    expect(reports.length).toBeGreaterThan(0)
    expect(new Set(reports.map(one => one.subject))).toEqual(new Set(['rides']))
    expect(reports.map(one => one.at)).toEqual(reports.map(one => one.at).toSorted((a, b) => a - b))
  })

  it('keeps failing rows for their owner alone; sealed where the dataset has a key, and else nowhere', async () => {
    const { workspace } = trained
    const kept = await keepFailures(workspace, rides, 'SELECT 1 AS a UNION ALL SELECT 2', 'of-test')
    expect(kept).toEqual({ file: `${workspace.folder}/quarantine/of-test.parquet`, rows: 2 })
    expect(statSync(kept.file).mode & 0o777).toBe(0o600)
    const engine = await workspace.engine()
    expect(await engine.rows(`SELECT sum(a) AS sum FROM read_parquet('${kept.file}')`)).toEqual([{ sum: 3 }])
    expect((await keepFailures(workspace, rides, 'SELECT 1 AS a')).file).toMatch(/quarantine\/rides\.parquet$/)
    const sealed = { ...rides, encryptWith: 'nobody-has-it' }
    const none = await keepFailuresIfAllowed(workspace, sealed, 'SELECT 1 AS a', 'sealed')
    expect(none).toEqual({ unkept: expect.stringMatching(/\. \S/) })
    expect(() => statSync(`${workspace.folder}/quarantine/sealed.parquet`)).toThrow(/ENOENT/)
    // nothing else is let pass as a reason
    await expect(keepFailuresIfAllowed(workspace, rides, 'SELECT no_such_column')).rejects.toThrow(/no_such_column/)
    await expect(keepFailuresIfAllowed(workspace, sealed, 'SELECT no_such_column')).rejects.toThrow(/no_such_column/)
  })
})

it('models that this package makes of the same code have one digest', () => {
  expect(ownCode()).toMatch(/^sha256:[0-9a-f]{64}$/)
  expect(ownCode()).toBe(ownCode())
  expect(model).toBeTypeOf('function')
})
