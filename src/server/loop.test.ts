import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BareApp, bareApp } from '../../test/support/bare-app.ts'
import { digestBytes } from '../internal/digest.ts'
import { identityOf } from '../internal/process-identity.ts'
import type { MetadataStore, StepRecord } from '../ports/metadata-store.ts'
import { echoDeployment, echoServing } from '../../test/support/echo-serving.ts'
import { loopStages, type Stage } from './loop.ts'

// What each stage of the loop shows, from records that are written here one by one.

let app: BareApp
let store: MetadataStore
const deployment = echoDeployment({ name: 'lateness-api', columns: [], score: 'p' })
beforeEach(async () => {
  app = await bareApp({ serving: echoServing([deployment]) })
  store = app.services.workspace.store
})
afterEach(async () => {
  deployment.ready = true
  await app.close()
})

const stage = async (id: Stage['id']): Promise<Stage> => {
  const found = (await loopStages(app.services)).find(one => one.id === id)
  if (!found) throw new Error(id)
  return found
}
const shown = async (id: Stage['id']) => {
  const { state, figure, at } = await stage(id)
  return { state, figure: figure && `${figure.value} ${figure.label}`, at }
}

let next = 0
const report = (kind: string, status: string, at: number, checks: object[] = [], evidence: object = {}) => {
  const id = `report-${next++}`
  return store
    .addReport({ id, kind, subject: kind === 'validation' ? 'flights' : 'x', at, status, checks, evidence } as never)
    .then(() => id)
}
const check = (status: string, more: object = {}) => ({
  id: `c${next++}`,
  kind: 'k',
  target: {},
  severity: 'critical',
  status,
  observed: {},
  evaluated: 0,
  bad: 0,
  threshold: '',
  message: '',
  ...more,
})
const decision = (kind: string, subject: string, verdict: string, at: number, evidence: string[] = []) =>
  store.addDecision({
    id: `decision-${next++}`,
    kind,
    subject,
    verdict,
    at,
    reason: '',
    rule: { name: 'r' },
    inputs: {},
    evidence,
    actor: 'system',
  } as never)

async function run(
  status: string,
  steps: Readonly<Record<string, Partial<StepRecord>>> = {},
  more: object = {},
): Promise<void> {
  const id = `run-${next++}`
  await store.createRun({
    id,
    kind: 'pipeline',
    name: 'train-lateness',
    status,
    trigger: 'manual',
    startedAt: 1_000_000,
    environment: {},
    parameters: {},
    ...more,
  } as never)
  await store.putSteps(
    Object.entries(steps).map(([step, one]) => ({ runId: id, step, status: 'succeeded', attempt: 1, ...one })) as never,
  )
}

describe('a loop of which nothing has happened', () => {
  it('is idle, stage by stage, and names the command of each', async () => {
    const stages = await loopStages(app.services)
    expect(stages.map(({ id, title, command }) => [id, title, command])).toEqual([
      ['validate', 'Validate', 'millrace validate'],
      ['features', 'Features', 'millrace features materialise'],
      ['train', 'Train', 'millrace train'],
      ['test', 'Test', 'millrace models test'],
      ['export', 'Export', 'millrace train'],
      ['register', 'Register', 'millrace train'],
      ['deploy', 'Deploy', 'millrace deploy'],
      ['watch', 'Watch', 'millrace up'],
      ['retrain', 'Retrain', 'millrace up'],
    ])
    for (const one of stages)
      expect(one, one.id).toMatchObject({ state: 'idle', figure: null, at: null, decision: null })
  })
})

describe('validation', () => {
  it('shows rows, or those that were set aside', async () => {
    await report('validation', 'pass', 5, [check('pass', { evaluated: 1200 }), check('pass', { evaluated: 1000 })])
    expect(await shown('validate')).toEqual({ state: 'ok', figure: '1,200 rows, 2 checks', at: 5 })
    const failed = await report('validation', 'fail', 6, [check('fail', { evaluated: 1500, bad: 30 })], {
      quarantined: 30,
    })
    expect(await shown('validate')).toEqual({ state: 'fail', figure: '30 of 1,500 rows set aside', at: 6 })
    // what its gate let pass is worth a look, no failure
    await decision('gate', 'dataset flights', 'refused', 7, [failed])
    expect((await shown('validate')).state).toBe('fail')
    await decision('gate', 'dataset flights', 'passed', 8, ['another'])
    expect((await shown('validate')).state).toBe('fail')
    await decision('gate', 'dataset flights', 'passed', 9, [failed])
    expect((await shown('validate')).state).toBe('warn')
    expect((await stage('validate')).decision).toMatchObject({ at: 9 })
  })

  it.each([
    ['pass', 'ok'],
    ['skipped', 'ok'],
    ['warn', 'warn'],
    ['fail', 'fail'],
    ['error', 'fail'],
  ])('that ended as %s is %s', async (status, state) => {
    await report('validation', status, 5)
    expect((await shown('validate')).state).toBe(state)
  })

  it('is of the whole, whatever part was looked at since', async () => {
    await report('validation', 'pass', 5, [check('pass', { evaluated: 10 })])
    await report('validation', 'fail', 6, [], { file: 'sha256:0', source: 'a.csv' })
    expect(await shown('validate')).toMatchObject({ state: 'ok', at: 5 })
  })
})

describe('the newest run', () => {
  it('shows its steps before anything older', async () => {
    await report('validation', 'pass', 5)
    await run(
      'running',
      {
        'validate-flights': { status: 'running', startedAt: 7 },
        'features-lateness': { status: 'failed', endedAt: 8 },
        'verify-lateness': { status: 'skipped' },
      },
      { lease: { owner: identityOf(process.pid), until: app.clock.now() + 1e9 } },
    )
    expect(await shown('validate')).toMatchObject({ state: 'running', at: 7 })
    expect(await shown('features')).toMatchObject({ state: 'fail', at: 8 })
    expect((await shown('export')).state).toBe('idle')
  })

  it('whose process is gone runs nothing', async () => {
    await run(
      'running',
      { 'validate-flights': { status: 'running', startedAt: 7 } },
      {
        lease: { owner: { host: 'h', bootId: 'b', pid: 1, startTime: '1' }, until: 1 },
      },
    )
    expect([(await shown('validate')).state, (await shown('train')).state]).toEqual(['fail', 'fail'])
  })

  it.each([
    ['succeeded', 'ok'],
    ['failed', 'fail'],
    ['queued', 'running'],
    ['cancelled', 'idle'],
  ])('that is %s shows training as %s', async (status, state) => {
    await run(status, {}, { endedAt: 4_500_000 })
    expect(await shown('train')).toEqual({ state, figure: '3.5 s last training', at: 4_500_000 })
  })

  it('shows how long its training took, or that it was reused', async () => {
    await run('succeeded', { 'train-lateness': { startedAt: 2_000_000, endedAt: 3_250_000 } })
    expect(await shown('train')).toEqual({ state: 'ok', figure: '1.3 s last training', at: 1_000_000 })
    await run('succeeded', { 'train-lateness': { status: 'reused' } }, { startedAt: 9_000_000 })
    expect((await shown('train')).figure).toBe('reused nothing had changed')
    const lease = { owner: identityOf(process.pid), until: app.clock.now() + 1e9 }
    await run('running', { 'train-lateness': { status: 'pending' } }, { startedAt: 10_000_000, lease })
    expect((await shown('train')).state).toBe('running')
  })
})

describe('features', () => {
  it('show what the newest comparison found, else the rows that were made', async () => {
    const frame = { type: 'frame', digest: digestBytes('x'), size: 1, meta: { train: 1234 } }
    await run('succeeded', { 'features-lateness': { outputs: { frame }, endedAt: 3 } as never })
    expect(await shown('features')).toEqual({ state: 'ok', figure: '1,234 training rows', at: 3 })
    await store.putDocument('feature-verification', 'old', { mismatches: 7, compared: 10 }, 5)
    await store.putDocument('feature-verification', 'new', { mismatches: 0, compared: 5000 }, 9)
    await store.putDocument('feature-verification', 'older', { mismatches: 8, compared: 10 }, 4)
    expect(await shown('features')).toEqual({ state: 'ok', figure: '0 mismatches in 5,000 values', at: 9 })
    await store.putDocument('feature-verification', 'new', { mismatches: 3, compared: 5000 }, 10)
    expect((await shown('features')).state).toBe('fail')
  })
})

describe('test, export and registration', () => {
  it('show how many tests passed, the largest difference, and the newest version', async () => {
    await report('model', 'fail', 5, [check('pass'), check('fail'), check('pass')])
    expect(await shown('test')).toEqual({ state: 'fail', figure: '2/3 model tests passed', at: 5 })
    await report('export', 'pass', 6, [check('pass'), check('pass', { observed: { maxDifference: 0.00000012 } })])
    expect(await shown('export')).toEqual({ state: 'ok', figure: '1.2e-7 largest difference of ONNX', at: 6 })
    await report('export', 'pass', 7, [check('pass'), check('pass')])
    expect((await shown('export')).figure).toBe('2 ONNX checks')
    const version = (createdAt: number, metrics: object) =>
      store.addModelVersion({
        model: 'lateness',
        digest: digestBytes(String(createdAt)),
        runId: 'r',
        createdAt,
        metrics,
        facts: {},
        tags: {},
      } as never)
    await version(8, { auc: 0.71234 })
    expect(await shown('register')).toEqual({ state: 'ok', figure: 'v1 lateness, AUC 0.712', at: 8 })
    await version(9, { rmse: 3 })
    expect((await shown('register')).figure).toBe('v2 lateness, RMSE 3')
    await version(10, {})
    expect((await shown('register')).figure).toBe('v3 lateness')
    await decision('gate', 'model lateness', 'passed', 11)
    await decision('promotion', 'model lateness', 'promoted', 12)
    expect([
      (await stage('test')).decision?.at,
      (await stage('register')).decision?.at,
      (await stage('export')).decision,
    ]).toEqual([11, 12, null])
  })
})

describe('deployment', () => {
  it('shows what is stable, and that it does not answer', async () => {
    await store.putDocument('deployment', 'other-api', { version: 1 }, 4)
    await store.putDocument('deployment', 'lateness-api', { version: 3 }, 5)
    expect(await shown('deploy')).toEqual({ state: 'ok', figure: 'v3 serves lateness-api', at: 5 })
    deployment.ready = false
    expect((await shown('deploy')).state).toBe('fail')
  })

  it('shows a rollout that runs, and that it is held', async () => {
    const rollout = (phase: string, hold: string | null, weight = 0.05) =>
      store.putDocument('rollout', 'lateness-api', { phase, hold, weight }, 6)
    await store.putDocument('deployment', 'lateness-api', { version: 3 }, 5)
    await rollout('step', null)
    expect(await shown('deploy')).toEqual({ state: 'running', figure: '5 % canary on lateness-api', at: 6 })
    await rollout('bake', 'paused', 1)
    expect(await shown('deploy')).toMatchObject({ state: 'warn', figure: '100 % canary on lateness-api' })
    for (const over of ['done', 'rolled-back']) {
      await rollout(over, null)
      expect((await shown('deploy')).figure).toBe('v3 serves lateness-api')
    }
    await decision('rollout', 'deployment lateness-api', 'advanced', 7)
    expect((await stage('deploy')).decision).toMatchObject({ at: 7 })
    await decision('promotion', 'deployment lateness-api', 'promoted', 8)
    expect((await stage('deploy')).decision).toMatchObject({ at: 8 })
  })
})

describe('watching and retraining', () => {
  it('show drifted columns, alerts that fire, and what was started', async () => {
    await report('drift', 'fail', 5, [check('fail'), check('pass'), check('fail')])
    expect(await shown('watch')).toEqual({ state: 'fail', figure: '2 of 3 columns drifted', at: 5 })
    await store.putDocument('alert', 'a', { state: 'resolved' }, 1)
    expect((await shown('watch')).state).toBe('fail')
    await store.putDocument('alert', 'b', { state: 'firing' }, 1)
    expect(await shown('watch')).toEqual({ state: 'warn', figure: '1 alert firing', at: 5 })
    await decision('alert', 'monitor m', 'firing', 6)
    expect((await stage('watch')).decision).toMatchObject({ at: 6 })

    await decision('trigger', 'model lateness', 'suppressed', 6)
    expect(await shown('retrain')).toEqual({ state: 'ok', figure: '0 retrains started', at: 6 })
    await decision('trigger', 'model lateness', 'fired', 7)
    expect(await shown('retrain')).toEqual({ state: 'ok', figure: '1 retrain started', at: 7 })
    await decision('trigger', 'model lateness', 'fired', 8)
    expect((await shown('retrain')).figure).toBe('2 retrains started')
    expect((await stage('retrain')).decision).toMatchObject({ at: 8 })
  })
})
