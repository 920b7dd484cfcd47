import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ridesOf } from '../../../test/support/rides-of.ts'
import { faultyRuntime } from '../../../test/support/faulty-runtime.ts'
import { hour, type Trained, trainedProject } from '../../../test/support/trained-project.ts'
import type { LiveDeployment } from './deployment.ts'

// How a challenger comes to its traffic, and what a broken one does to callers: nothing.

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())

const canary = { steps: ['20%', '50%'], minRequests: 20 } as const
const { row, many, digestOf, decisionsOf, past, arms } = ridesOf(() => trained)

describe('a rollout', () => {
  it('goes its way: shadow, steps, bake, and then the challenger is stable and champion', async () => {
    const { clock, workspace, versions } = trained
    const live = await trained.live('whole', { canary })
    const stable: number[] = []
    live.onStable = version => stable.push(version.record.version)
    await live.rollOut(versions.other, 'ada')
    await expect(live.rollOut(versions.other, 'ada')).rejects.toMatchObject({
      code: 'MR4103',
      details: { challenger: `late@${versions.other}` },
    })
    expect(arms(await live.predict(many(999)))).toEqual(new Set(['stable']))
    expect(live.rollout).toMatchObject({ phase: 'shadow', weight: 0 })
    await live.predict(many(1))
    expect(live.rollout).toMatchObject({ phase: 'step', weight: 0.2 })
    await live.predict(many(400))
    expect(live.rollout).toMatchObject({ phase: 'bake', weight: 1 })
    expect(arms(await live.predict(many(50)))).toEqual(new Set(['canary']))
    await clock.advance(3_600_000 - 1)
    live.tick()
    expect([live.rollout?.phase, stable]).toEqual(['bake', []])
    await clock.advance(1)
    live.tick()
    await live.settled()
    expect([live.rollout?.phase, live.rolling, stable]).toEqual(['done', false, [versions.other]])
    expect(live.status().stable).toMatchObject({ version: versions.other, since: clock.now() })
    expect((await workspace.store.aliases('late')).champion).toBe(versions.other)
    expect((await workspace.store.getDocument('rollout', 'whole'))?.value).toMatchObject({ phase: 'done' })
    expect((await decisionsOf('whole', 'rollout')).map(one => one.verdict).toReversed()).toEqual([
      'advanced',
      'advanced',
      'promoted',
      'completed',
    ])
    const [promotion] = await decisionsOf('whole', 'promotion')
    expect(promotion).toMatchObject({
      verdict: 'promoted',
      actor: 'system',
      at: clock.now(),
      reason: `late@${versions.other} passed its rollout`,
      rule: { name: 'stable version' },
      inputs: { before: versions.good, after: versions.other, digest: await digestOf(versions.other) },
      evidence: [`model:late@${versions.other}`],
    })
    expect(await workspace.store.edgesTo(['deployment:whole'])).toContainEqual(
      expect.objectContaining({ from: `model:late@${versions.other}`, to: 'deployment:whole', relation: 'serves' }),
    )
    expect((await workspace.store.getDocument('deployment', 'whole'))?.value).toEqual({
      model: 'late',
      version: versions.other,
      since: clock.now(),
      declared: expect.objectContaining({ canary: expect.objectContaining({ labels: 'advisory' }) }),
    })
    const [answer] = await live.predict(many(1))
    expect([answer?.arm, answer?.version]).toEqual(['stable', versions.other])
    // the next one begins from the beginning
    await live.rollOut(versions.good, 'ada')
    expect(live.rollout).toMatchObject({ phase: 'shadow', config: { stable: `late@${versions.other}` } })
  })

  it('is resolved from what the deployment declares', async () => {
    const live = await trained.live('declared', {
      canary: { steps: ['7%', '30%'], labels: 'required', minRequests: 33, maxWait: '2h', alpha: 0.002 },
    })
    await live.rollOut(trained.versions.other, 'ada')
    expect(live.rollout?.config).toMatchObject({
      deployment: 'declared',
      challenger: `late@${trained.versions.other}`,
      stable: `late@${trained.versions.good}`,
      task: 'binary',
      labels: 'required',
      minRequests: 33,
      maxWait: 2 * hour,
      alpha: 0.002,
      threshold: 0.4,
    })
    expect(live.rollout?.config.weights.map(weight => Number(weight.toPrecision(6)))).toEqual([0.07, 0.3])
  })

  it('obeys its operator, and tells nobody twice', async () => {
    const live = await trained.live('obedient', { canary })
    await live.rollOut(trained.versions.other, 'ada')
    await live.command('promote', 'ada')
    expect(live.rollout?.phase).toBe('bake')
    const status = await live.command('abort', 'bob')
    expect(status.rollout).toMatchObject({ phase: 'rolled-back', weight: 0 })
    await expect(live.command('abort', 'bob')).rejects.toMatchObject({ code: 'MR4104' })
    expect((await decisionsOf('obedient', 'rollout')).map(one => [one.verdict, one.actor])).toEqual([
      ['rolled-back', 'bob'],
      ['promoted', 'ada'],
    ])
    expect(live.status().stable?.version).toBe(trained.versions.good)
  })

  it('of two that begin at once there is one', async () => {
    const { runtime, open } = faultyRuntime(trained.workspace.runtime)
    const live = await trained.live('twice', { canary }, { runtime })
    const both = await Promise.allSettled([
      live.rollOut(trained.versions.other, 'a'),
      live.rollOut(trained.versions.other, 'b'),
    ])
    expect(both.map(one => one.status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(both.find(one => one.status === 'rejected')).toMatchObject({ reason: { code: 'MR4103' } })
    await live.settled()
    expect(open).toHaveLength(2)
  })
})

describe('a challenger', () => {
  /** A rollout at 50 % whose challenger does what a test says from then on. */
  async function challenged(name: string, beyondShadow = true) {
    const { runtime, faults, open } = faultyRuntime(trained.workspace.runtime)
    const live = await trained.live(name, { canary: { steps: ['50%'], minRequests: 100_000 } }, { runtime })
    await live.rollOut(trained.versions.other, 'ada')
    if (beyondShadow) await past(live)
    return { live, faults, open, digest: await digestOf(trained.versions.other) }
  }
  const one = (live: LiveDeployment, i: number) => live.predict([{ id: `x${i}`, row: row(12) }])

  it('that fails is answered for by stable, and gone after the fifth of its calls', async () => {
    const { live, faults, open, digest } = await challenged('failing')
    const expected = (await (await trained.live('failing-alone')).predict([{ row: row(12) }]))[0]?.score
    faults.set(digest, () => Promise.reject(new Error('no memory for tensors')))
    let failed = 0
    for (let i = 0; failed < 4; i++) {
      const [answer] = await one(live, i)
      expect([answer?.score, answer?.version]).toEqual([expected, trained.versions.good])
      if (answer?.arm === 'canary') failed++
      expect(answer?.fallback).toBe(answer?.arm === 'canary' ? true : undefined)
    }
    expect(live.rollout?.phase).toBe('step')
    expect(live.health()).toEqual({ ready: true, reasons: ['a challenger failed to answer: no memory for tensors'] })
    expect(live.status().requests.errors).toBeGreaterThanOrEqual(4)
    for (let i = 100; live.rolling; i++) await one(live, i)
    await live.settled()
    expect((await decisionsOf('failing', 'rollout'))[0]).toMatchObject({
      verdict: 'rolled-back',
      rule: { name: 'hard stop', value: 5 },
    })
    expect(open).toEqual([await digestOf(trained.versions.good)])
    // the next challenger has a good name
    faults.clear()
    await live.rollOut(trained.versions.other, 'ada')
    expect(live.health().reasons).toEqual([])
  })

  it('that fails once and answers again stays', async () => {
    const { live, faults, digest } = await challenged('stumbling')
    for (let round = 0; round < 4; round++) {
      faults.set(digest, () => Promise.reject(new Error('busy')))
      for (let failed = 0, i = 0; failed < 2; i++) if ((await one(live, round * 100 + i))[0]?.fallback) failed++
      faults.clear()
      await live.predict(many(20))
    }
    expect(live.rollout?.phase).toBe('step')
  })

  it('that fails now and then is gone by what the split of its failures says', async () => {
    const { live, faults, digest } = await challenged('leaking')
    let calls = 0
    faults.set(digest, answer => (calls++ % 3 === 0 ? answer() : Promise.reject(new Error('now and then'))))
    let failed = 0
    for (let i = 0; live.rolling && i < 300; i++) if ((await one(live, i))[0]?.fallback) failed++
    await live.settled()
    const [last] = await decisionsOf('leaking', 'rollout')
    expect(last).toMatchObject({ verdict: 'rolled-back', rule: { name: 'guardrail error', threshold: Math.log(200) } })
    // Polya's urn at one half: the product of 2 (5 + i) / (10 + i) passes 200 with the seventeenth failure
    expect(failed).toBe(17)
  })

  it('that fails in shadow, where nobody is its caller, is gone after five calls, too', async () => {
    const { live, faults, digest } = await challenged('dark', false)
    faults.set(digest, () => Promise.reject(new Error('no')))
    for (let i = 0; i < 4; i++) await one(live, i)
    expect(live.rollout?.phase).toBe('shadow')
    faults.clear()
    await live.predict(many(3))
    faults.set(digest, () => Promise.reject(new Error('no')))
    for (let i = 0; i < 4; i++) await one(live, i)
    expect(live.rollout?.phase).toBe('shadow')
    await one(live, 5)
    expect(live.rollout?.phase).toBe('rolled-back')
  })

  it('that gives what is no number is gone at once, and no caller sees it', async () => {
    const { live, faults, digest } = await challenged('nan')
    faults.set(digest, async answer => ({ scores: (await answer()).scores.fill(Number.NaN) }))
    const answers = await live.predict(many(50))
    for (const { arm, score } of answers) expect([arm, Number.isFinite(score)]).toEqual(['stable', true])
    await live.settled()
    expect((await decisionsOf('nan', 'rollout'))[0]).toMatchObject({ rule: { name: 'finite scores' } })
  })

  it('that does not answer is waited for a second, not for ever, and holds up nothing afterwards', async () => {
    const { live, faults, digest } = await challenged('hanging')
    faults.set(digest, () => new Promise(() => undefined))
    let answered = 0
    for (let i = 0; live.rolling; i++) {
      const call = one(live, i).then(() => answered++)
      const before = answered
      // everything that does not wait for the clock
      for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
      await trained.clock.advance(999)
      expect(answered).toBe(before)
      await trained.clock.advance(1)
      await call
    }
    expect(live.health().reasons).toEqual(["a challenger failed to answer: no answer 1000 ms after stable's"])
    await live.settled()
    expect((await decisionsOf('hanging', 'rollout'))[0]).toMatchObject({
      verdict: 'rolled-back',
      rule: { name: 'hard stop' },
    })
    await live.rollOut(trained.versions.good, 'ada')
    await live.command('abort', 'ada')
  })

  it('has more time where stable takes long: four times as long', async () => {
    const { live, faults, digest } = await challenged('large')
    faults.set(await digestOf(trained.versions.good), async answer => {
      trained.clock.work(500)
      return answer()
    })
    faults.set(digest, async answer => {
      await trained.clock.sleep(1900)
      return answer()
    })
    const call = live.predict(many(30))
    for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
    await trained.clock.advance(1999)
    expect(arms(await call)).toEqual(new Set(['stable', 'canary']))
    expect(live.status().requests.errors).toBe(0)
  })

  it('is not closed under a request that is in it', async () => {
    const { live, faults, open, digest } = await challenged('busy')
    let letGo = (): void => undefined
    faults.set(digest, async answer => {
      await new Promise<void>(resolve => (letGo = resolve))
      return answer()
    })
    const call = live.predict(many(10))
    // Its features are read first
    for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
    await live.command('abort', 'ada')
    expect(open).toContain(digest)
    letGo()
    expect(arms(await call)).toEqual(new Set(['stable']))
    for (let turn = 0; turn < 50 && open.includes(digest); turn++) await new Promise(resolve => setImmediate(resolve))
    expect(open).not.toContain(digest)
  })
})
