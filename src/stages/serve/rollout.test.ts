import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { predicted, ridesOf } from '../../../test/support/rides-of.ts'
import { faultyRuntime } from '../../../test/support/faulty-runtime.ts'
import { hour, type Trained, trainedProject } from '../../../test/support/trained-project.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { InferenceResult } from '../../ports/inference-runtime.ts'
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
    expect(arms(await predicted(live, many(999)))).toEqual(new Set(['stable']))
    expect(live.rollout).toMatchObject({ phase: 'shadow', weight: 0 })
    await predicted(live, many(1))
    expect(live.rollout).toMatchObject({ phase: 'step', weight: 0.2 })
    // however many rows a request has, it is one step
    await predicted(live, many(400))
    expect(live.rollout).toMatchObject({ phase: 'step', weight: 0.5 })
    await predicted(live, many(400))
    expect(live.rollout).toMatchObject({ phase: 'bake', weight: 1 })
    expect(arms(await predicted(live, many(50)))).toEqual(new Set(['canary']))
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
    const [answer] = await predicted(live, many(1))
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
  const one = (live: LiveDeployment, i: number) => predicted(live, [{ id: `x${i}`, row: row(12) }])

  it('that fails is answered for by stable, and gone after the eighth request that stable could answer', async () => {
    const { live, faults, open, digest } = await challenged('failing')
    const expected = (await (await trained.live('failing-alone')).predict([{ row: row(12) }]))[0]?.score
    faults.set(digest, () => Promise.reject(new Error('no memory for tensors')))
    let canary = 0
    for (let i = 0; i < 7; i++) {
      const [answer] = await one(live, i)
      expect([answer?.score, answer?.version]).toEqual([expected, trained.versions.good])
      if (answer?.arm === 'canary') canary++
      expect(answer?.fallback).toBe(answer?.arm === 'canary' ? true : undefined)
    }
    expect(live.rollout?.phase).toBe('step')
    expect(live.health()).toEqual({ ready: true, reasons: ['a challenger failed to answer: no memory for tensors'] })
    expect(live.status().requests).toMatchObject({ canary, errors: canary })
    await one(live, 100)
    expect((await decisionsOf('failing', 'rollout'))[0]).toMatchObject({
      verdict: 'rolled-back',
      rule: { name: 'guardrail error', threshold: Math.log(200) },
      inputs: { guardrails: { error: { canary: 8, all: 8 } } },
    })
    expect(open).toEqual([await digestOf(trained.versions.good)])
    // the next challenger has a good name
    faults.clear()
    await live.rollOut(trained.versions.other, 'ada')
    expect(live.health().reasons).toEqual([])
  })

  it.each([0.1, 0.5])('that fails as often as stable does stays: %d of the requests', async share => {
    const { live, faults, digest } = await challenged(`like-stable-${share * 10}`)
    const random = seeded(share * 10)
    const fault = async (answer: () => Promise<InferenceResult>): Promise<InferenceResult> => {
      if (random.next() < share) throw new Error('out of order')
      return answer()
    }
    faults.set(digest, fault).set(await digestOf(trained.versions.good), fault)
    let failed = 0
    for (let i = 0; i < 400; i++) await one(live, i).catch(() => failed++)
    expect(live.rollout?.phase).toBe('step')
    const { error } = live.rollout?.guardrails ?? {}
    expect(error?.all).toBeGreaterThan(50)
    // what failed is what both arms failed at, or stable's own: a caller of the challenger is answered where it can
    expect(failed).toBeGreaterThan(400 * share * share)
    expect(failed).toBeLessThan(400 * share)
  })

  it('that fails in shadow, where nobody is its caller, is gone as soon', async () => {
    const { live, faults, digest } = await challenged('dark', false)
    faults.set(digest, () => Promise.reject(new Error('no')))
    for (let i = 0; i < 7; i++) await one(live, i)
    expect([live.rollout?.phase, live.status().requests.errors]).toEqual(['shadow', 0])
    await one(live, 7)
    expect(live.rollout?.phase).toBe('rolled-back')
  })

  it('that answers what stable cannot is asked by its own callers, and counts for it', async () => {
    const { live, faults } = await challenged('better')
    faults.set(await digestOf(trained.versions.good), () => Promise.reject(new Error('out of order')))
    const answers = await Promise.allSettled(Array.from({ length: 40 }, (_, i) => one(live, i)))
    const given = answers.flatMap(each => (each.status === 'fulfilled' ? each.value : []))
    expect(given.length).toBeGreaterThan(5)
    for (const each of given) expect([each.arm, each.version]).toEqual(['canary', trained.versions.other])
    expect(answers.filter(each => each.status === 'rejected').length).toBeGreaterThan(5)
    expect(live.rollout?.guardrails.error).toEqual({ canary: 0, all: 40 })
  })

  it('that takes longer than stable is gone, whoever is answered by it', async () => {
    const { live, faults, digest } = await challenged('dragging', false)
    const took = (milliseconds: number) => async (answer: () => Promise<InferenceResult>) => {
      trained.clock.work(milliseconds)
      return answer()
    }
    faults.set(digest, took(11)).set(await digestOf(trained.versions.good), took(10))
    for (let i = 0; i < 30; i++) await one(live, i)
    expect(live.rollout?.phase).toBe('shadow')
    faults.set(digest, took(13))
    for (let i = 0; live.rolling && i < 200; i++) await one(live, i)
    expect((await decisionsOf('dragging', 'rollout'))[0]).toMatchObject({
      verdict: 'rolled-back',
      rule: { name: 'guardrail latency' },
    })
  })

  it('that gives what is no number is gone at once, and no caller sees it', async () => {
    const { live, faults, digest } = await challenged('nan')
    faults.set(digest, async answer => ({ scores: (await answer()).scores.fill(Number.NaN) }))
    const answers = await predicted(live, many(50))
    for (const { arm, score } of answers) expect([arm, Number.isFinite(score)]).toEqual(['stable', true])
    await live.settled()
    expect((await decisionsOf('nan', 'rollout'))[0]).toMatchObject({ rule: { name: 'finite scores' } })
  })

  it('that does not answer is waited for by its own callers for a second, and by nobody else', async () => {
    const { live, faults, digest } = await challenged('hanging')
    faults.set(digest, () => new Promise(() => undefined))
    const [own = [], others = []] = [false, true].map(stable =>
      Array.from({ length: 400 }, (_, i) => ({ id: `x${i}`, row: row(12) })).filter(
        request => (live.armOf(request) === 'stable') === stable,
      ),
    )
    const ask = (request: object) => live.predict([request as never])
    for (const request of others.slice(0, 4)) expect((await ask(request))[0]?.arm).toBe('stable')
    let answered = 0
    const calls = own.slice(0, 4).map(request => ask(request).then(([answer]) => answer?.fallback && answered++))
    // everything that does not wait for the clock
    for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
    await trained.clock.advance(999)
    expect(answered).toBe(0)
    await trained.clock.advance(1)
    await Promise.all(calls)
    expect([answered, live.rollout?.guardrails.timeout]).toEqual([4, { canary: 8, all: 8 }])
    expect(live.health().reasons).toEqual(["a challenger failed to answer: no answer 1000 ms after stable's"])
    for (const request of others.slice(4, 6)) await ask(request)
    for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
    await trained.clock.advance(1000)
    await live.settled()
    expect((await decisionsOf('hanging', 'rollout'))[0]).toMatchObject({
      verdict: 'rolled-back',
      rule: { name: 'guardrail timeout', threshold: Math.log(400) },
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
    await live.settled()
    expect(arms(await call)).toEqual(new Set(['stable', 'canary']))
    expect(live.status().requests.errors).toBe(0)
  })

  it('is not closed under a request that is in it', async () => {
    const { live, faults, open, digest } = await challenged('busy')
    let letGo: (() => void) | undefined
    faults.set(digest, async answer => {
      await new Promise<void>(resolve => (letGo = resolve))
      return answer()
    })
    const call = live.predict(many(10))
    while (letGo === undefined) await new Promise(resolve => setImmediate(resolve))
    await live.command('abort', 'ada')
    expect(open).toContain(digest)
    letGo?.()
    expect(arms(await call)).toEqual(new Set(['stable']))
    for (let turn = 0; turn < 50 && open.includes(digest); turn++) await new Promise(resolve => setImmediate(resolve))
    expect(open).not.toContain(digest)
  })
})
