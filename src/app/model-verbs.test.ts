import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listening } from '../../test/support/listener.ts'
import { type Trained, trainedProject } from '../../test/support/trained-project.ts'
import { digestBytes, type Digest } from '../internal/digest.ts'
import type { ModelVersion } from '../ports/metadata-store.ts'
import { explainVersion } from './explain-version.ts'
import { importModel, keepExpected } from './import-model.ts'
import { updateLock } from './project-lock.ts'
import { reportsOfRun } from './reports-of-run.ts'
import { scoreWith } from './score.ts'
import { runTests, testOne } from './test-version.ts'
import { engineListener, train } from './train.ts'

// What people do with models, over a trained project: train, import, test, score, explain.

let trained: Trained
let good: ModelVersion
beforeAll(async () => {
  trained = await trainedProject()
  good = (await trained.workspace.store.getModelVersion('late', trained.versions.good)) as ModelVersion
})
afterAll(() => trained.close())

const place = (name: string): string => join(trained.workspace.root, name)

describe('why a version scores as it does', () => {
  const row = { rides_6h: 3, km_6h: 20, km: 12, hour: 7 }

  it('is told of rows that are given, or of held-out ones', async () => {
    const found = await explainVersion(trained.workspace, {
      version: 'late@1',
      rows: [row, { ...row, km: 39, km_6h: null }],
    })
    expect(found.name).toBe('late@1')
    expect(found.explanations).toHaveLength(2)
    expect(found.explanations[1]?.score).toBeGreaterThan(found.explanations[0]?.score as number)
    expect(found.importance.map(one => one.share)).toEqual(
      found.importance.map(one => one.share).toSorted((a, b) => b - a),
    )
    expect(found.importance[0]).toMatchObject({ input: 'km' })
    expect(found.lossWithout).not.toBeNull()
    expect((await explainVersion(trained.workspace, { version: 'late@1' })).explanations).toHaveLength(3)
    expect((await explainVersion(trained.workspace, { version: 'late@1', heldOut: 5 })).explanations).toHaveLength(5)
  })

  it('is told although nobody knows what matters', async () => {
    const { figures: _, ...facts } = good.facts
    const { version: _version, ...rest } = good
    const bare = await trained.workspace.store.addModelVersion({ ...rest, facts } as never)
    expect(await explainVersion(trained.workspace, { version: `late@${bare.version}`, rows: [row] })).toMatchObject({
      importance: [],
      importanceIs: 'by permutation',
      lossWithout: null,
    })
  })

  it.each<[object, string, string]>([
    [{ km: undefined }, 'km', 'is missing; null says that the value is'],
    [{ more: 1 }, 'more', 'is no input'],
    [{ km: '12' }, 'km', 'expected a number within ±3.4e38, got "12"'],
    [{ km: true }, 'km', 'expected a number within ±3.4e38, got true'],
    [{ km: 1e39 }, 'km', 'expected a number within ±3.4e38, got 1e+39'],
    [{ hour: 1.5 }, 'hour', 'expected a whole number, got 1.5'],
    [{ rides_6h: '3' }, 'rides_6h', 'expected a whole number, got "3"'],
  ])('is not told of a row with %j', async (change, input, reason) => {
    const rows = [row, { ...row, ...change }]
    await expect(explainVersion(trained.workspace, { version: 'late@1', rows })).rejects.toMatchObject({
      details: { row: 1, input, reason, inputs: 'rides_6h, km_6h, km, hour' },
    })
  })

  it.each<[unknown, string | undefined]>([
    ['north', undefined],
    [null, undefined],
    ['', undefined],
    [7, 'expected a text, got 7'],
  ])('takes %j as a text or does not', async (zone, reason) => {
    const work = explainVersion(trained.workspace, { version: 'fare', rows: [{ km: 3, zone }] })
    if (reason === undefined) expect((await work).explanations).toHaveLength(1)
    else await expect(work).rejects.toMatchObject({ details: { row: 0, input: 'zone', reason } })
  })
})

describe('testing a version', () => {
  it('runs what was declared, or what is given, with the cases of a seed', async () => {
    const { report, record } = await runTests(trained.workspace, { version: 'late@1', seed: 7 })
    expect([record.model, record.version]).toEqual(['late', 1])
    expect(report).toMatchObject({ kind: 'model', subject: 'late@1' })
    const least = (min: number) => [{ metric: ['auc', { min }] }]
    const refused = await testOne(trained.workspace, { version: 'late@1', tests: least(0.99) })
    expect(refused.status).toBe('fail')
    expect(refused.checks.filter(check => check.status === 'fail')).toHaveLength(1)
    const allowed = await testOne(trained.workspace, { version: 'late@1', tests: least(0.5) })
    expect(allowed.checks.some(check => check.status === 'fail')).toBe(false)
    await expect(testOne(trained.workspace, { version: 'late@1', tests: [{ none: [] }] })).rejects.toMatchObject({
      code: expect.stringMatching(/^MR/) as string,
    })
  })
})

describe('scoring', () => {
  it('says with which version, and how far it is', async () => {
    writeFileSync(place('rows.csv'), 'km,zone\n1,north\n2,south\n')
    const { said, listener } = listening()
    const input = { version: 'fare', files: [place('rows.csv')], out: place('rows.parquet') }
    expect(await scoreWith(trained.workspace, input, listener)).toMatchObject({
      version: `fare@${trained.fare}`,
      rows: 2,
    })
    expect(said).toEqual([`# score with fare@${trained.fare}`, '2 rows'])
    await expect(scoreWith(trained.workspace, { ...input, version: 'fare@99' }, listener)).rejects.toMatchObject({
      details: { name: 'fare@99' },
    })
  })
})

describe('training', () => {
  it('makes a version, says what it came to, and brings the lock up to date', async () => {
    const { said, listener } = listening()
    const answer = await train(trained.workspace, { model: 'fare', trigger: 'schedule', because: 'd-1' }, listener)
    const [newest] = await trained.workspace.store.listModelVersions('fare')
    expect(answer).toMatchObject({
      model: 'fare',
      status: 'succeeded',
      version: newest?.version,
      metrics: newest?.metrics,
      chosen: null,
      error: null,
      // outside of git nothing is uncommitted
      uncommitted: null,
    })
    expect(newest?.runId).toBe(answer.run)
    expect(newest?.facts).toMatchObject({ trigger: 'schedule', because: 'd-1' })
    expect(answer.steps.every(step => step.status === 'succeeded' || step.status === 'reused')).toBe(true)
    expect(said).toContain('# register-fare')
    expect(readFileSync(place('millrace.lock'), 'utf8')).toContain('fare')
    expect((await reportsOfRun(trained.workspace.store, answer.run)).map(one => one.kind)).toContain('model')
    expect((await trained.workspace.store.getRun(answer.run))?.trigger).toBe('schedule')
  })

  it('says progress in words, or as a share', () => {
    const { said, listener } = listening()
    const hear = engineListener(listener)
    const at = { runId: 'r', at: 0 }
    hear({ type: 'progress', step: 'train', message: 'tree 3', fraction: 0.2, ...at } as never)
    hear({ type: 'progress', step: 'train', fraction: 0.256, ...at } as never)
    hear({ type: 'progress', step: 'train', ...at } as never)
    hear({ type: 'step', step: 'train', status: 'running', ...at } as never)
    hear({ type: 'step', step: 'train', status: 'succeeded', ...at } as never)
    hear({ type: 'run', name: 'x', status: 'running', ...at } as never)
    expect(said).toEqual(['train: tree 3', 'train: 26 %', 'train: 0 %', '# train'])
  })

  it('is done although the lock cannot be written', async () => {
    rmSync(place('millrace.lock'), { force: true })
    mkdirSync(place('millrace.lock'))
    const { said, listener } = listening()
    try {
      await updateLock(trained.workspace, listener)
      expect(said).toEqual([expect.stringMatching(/^! millrace\.lock was not brought up to date: .* is registered\.$/)])
    } finally {
      rmSync(place('millrace.lock'), { recursive: true })
    }
  })
})

describe('importing', () => {
  const onnx = async (): Promise<string> => {
    const path = place('made.onnx')
    const fare = await trained.workspace.store.getModelVersion('fare', trained.fare)
    writeFileSync(path, await trained.workspace.artifacts.get(fare?.digest as Digest))
    return path
  }

  it('refuses what is no file, no model, or not fed, before anything is kept', async () => {
    const { listener } = listening()
    const run = (input: object) => importModel(trained.workspace, { model: 'fare', ...input } as never, listener)
    await expect(run({ file: place('none.onnx') })).rejects.toMatchObject({
      code: 'MR2002',
      details: { source: 'none.onnx', reason: 'it does not exist' },
    })
    writeFileSync(place('text.onnx'), 'no model')
    await expect(run({ file: place('text.onnx') })).rejects.toMatchObject({ details: { file: 'text.onnx' } })
    await expect(run({ file: place('.') })).rejects.toMatchObject({ code: 'MR2002' })
    const file = await onnx()
    await expect(run({ file, model: 'none' })).rejects.toMatchObject({ details: { name: 'none' } })
    await expect(run({ file, inputs: { x: 'colour' } })).rejects.toMatchObject({
      code: expect.stringMatching(/^MR/) as string,
    })
    const kept = { digest: digestBytes('gone'), name: 'rows.csv' }
    await expect(run({ file, expected: kept })).rejects.toMatchObject({
      details: { source: 'rows.csv', reason: `no rows are kept as ${kept.digest}` },
    })
    await expect(run({ file, expected: place('none.csv') })).rejects.toMatchObject({
      details: { source: 'none.csv', reason: 'it does not exist' },
    })
  })

  it('keeps expected rows by what is in them, called as they end', async () => {
    writeFileSync(place('rows.upload'), 'km,zone,score\n')
    const kept = await keepExpected(trained.workspace, place('rows.upload'), '/some/where/rows.csv')
    expect(kept).toEqual({ digest: digestBytes('km,zone,score\n'), name: 'rows.csv' })
    expect(await trained.workspace.artifacts.has(kept.digest)).toBe(true)
  })

  it('makes a version of a file as of one that was trained', async () => {
    const { listener } = listening()
    const file = await onnx()
    const answer = await importModel(trained.workspace, { file, model: 'fare', name: 'from afar.onnx' }, listener)
    expect([answer.status, answer.error]).toEqual(['succeeded', null])
    expect((await trained.workspace.store.getRun(answer.run))?.trigger).toBe('import')
    const made = await trained.workspace.store.getModelVersion('fare', answer.version as number)
    expect(made?.facts).toMatchObject({ trigger: 'import' })
    // it is answered as the one that it was made of
    writeFileSync(place('asked.csv'), 'km,zone\n1,north\n25,south\n')
    const scored = async (version: number | null, out: string) => {
      await scoreWith(
        trained.workspace,
        { version: `fare@${version}`, files: [place('asked.csv')], out: place(out) },
        listener,
      )
      const engine = await trained.workspace.engine()
      return (await engine.rows(`SELECT score FROM read_parquet('${place(out)}')`)).map(row => row.score)
    }
    expect(await scored(answer.version, 'imported.parquet')).toEqual(await scored(trained.fare, 'own.parquet'))
  })
})
