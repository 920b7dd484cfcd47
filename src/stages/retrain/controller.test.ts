import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Trained, late, lateWith, trainedProject } from '../../../test/support/trained-project.ts'
import type { Model } from '../../define/model.ts'
import { gbt } from '../../index.ts'
import { concludeRetrain, recordRetrain, retrain } from './controller.ts'

// What follows from retrains that were really trained: a rollout, or the record of why there is none.

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())

const environment = { stepEnvironment: null, runEnvironment: {} } as const
async function retrained(name: string, model: object, because?: string) {
  const live = await trained.live(name)
  const { workspace } = trained
  const request = { trigger: 'drift', model: model as Model, ...environment, ...(because ? { because } : {}) }
  const ended = await retrain(workspace, await workspace.engineOf(), live, request)
  return { live, ended, decision: await workspace.store.getDecision(ended.decision) }
}

describe('a retrain', () => {
  it('whose file is another challenges the stable version, and says so', async () => {
    const { live, ended, decision } = await retrained('anew', lateWith(gbt({ trees: 9, leaves: 3, seed: 3 })), 'd-1')
    const [newest] = await trained.workspace.store.listModelVersions('late')
    expect(ended).toMatchObject({ verdict: 'challenging', version: newest?.version, runId: newest?.runId })
    expect(newest?.facts).toMatchObject({ trigger: 'drift', because: 'd-1' })
    expect(live.stable?.record.version).toBe(trained.versions.good)
    expect(live.rollout?.config).toMatchObject({ challenger: `late@${newest?.version}`, stable: 'late@1' })
    expect(decision).toMatchObject({
      kind: 'gate',
      subject: 'model late',
      at: trained.clock.now(),
      verdict: 'passed',
      reason: `late@${newest?.version} challenges the stable version`,
      rule: { name: 'success criteria of a retrain', threshold: 'every gate of the pipeline passes' },
      inputs: { trigger: 'drift', because: 'd-1', version: newest?.version },
      evidence: [`run:${newest?.runId}`],
      actor: 'system',
    })
    // twice is once: the rollout goes on as it is, also when its challenger is stable already
    const since = live.rollout?.since
    await trained.clock.advance(1_000)
    const again = () => concludeRetrain(trained.workspace, live, { trigger: 'drift' }, newest?.runId ?? '')
    await again()
    expect(live.rollout).toMatchObject({ since, config: { challenger: `late@${newest?.version}` } })
    await live.command('abort', 'ada')
    await live.deploy(newest?.version ?? 0, 'ada')
    expect(live.rolling).toBe(false)
    expect((await again()).verdict).toBe('challenging')
    expect(live.rolling).toBe(false)
    expect(live.stable?.record.version).toBe(newest?.version)
  })

  it('whose file is that of the stable version has nothing to try', async () => {
    const { live, ended, decision } = await retrained('same', late)
    expect(ended.verdict).toBe('unchanged')
    expect(live.rolling).toBe(false)
    expect(decision).toMatchObject({ verdict: 'unchanged', inputs: { because: null, version: ended.version } })
  })

  it('that a gate refuses goes no further', async () => {
    const asked = lateWith(gbt({ trees: 12, leaves: 4, seed: 1 }), m => [m.metric('auc', { min: 0.9999 })])
    const before = (await trained.workspace.store.listModelVersions('late')).length
    const { live, ended, decision } = await retrained('refused', asked)
    expect(ended).toMatchObject({ verdict: 'refused', version: undefined })
    expect(ended.reason).toContain('auc is')
    expect(decision).toMatchObject({ verdict: 'refused', reason: ended.reason, inputs: { version: null } })
    expect(live.rolling).toBe(false)
    expect(await trained.workspace.store.listModelVersions('late')).toHaveLength(before)
  })

  it('whose run nobody knows is recorded as failed', async () => {
    const live = await trained.live('unknown')
    const ended = await concludeRetrain(trained.workspace, live, { trigger: 'data' }, 'run-0')
    expect(ended).toMatchObject({ verdict: 'failed', runId: 'run-0', version: undefined })
    const { store } = trained.workspace
    expect(await store.getDecision(ended.decision)).toMatchObject({ verdict: 'refused', evidence: ['run:run-0'] })
    const never = { verdict: 'failed', reason: 'it did not begin', version: undefined, runId: undefined } as const
    const told = await recordRetrain(trained.workspace, 'late', { trigger: 'data' }, never)
    expect(await store.getDecision(told.decision)).toMatchObject({ evidence: [], reason: 'it did not begin' })
  })
})
