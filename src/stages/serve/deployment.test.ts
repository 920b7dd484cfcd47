import type { Digest } from '../../internal/digest.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { predicted, ridesOf } from '../../../test/support/rides-of.ts'
import { faultyRuntime } from '../../../test/support/faulty-runtime.ts'
import { hour, late, madeRides, type Trained, trainedProject } from '../../../test/support/trained-project.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import type { LiveDeployment } from './deployment.ts'

// Real versions of a trained model behind a name: what gets traffic, who is answered by which arm.

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())

const { row, many, digestOf, decisionsOf, past, arms } = ridesOf(() => trained)

describe('before traffic', () => {
  it('says that nothing is deployed, or which version there is not', async () => {
    const serving = await trained.serve(trained.deployed('empty').project)
    const live = serving.get('empty') as LiveDeployment
    expect(live.health()).toEqual({ ready: false, reasons: ['nothing is deployed as empty'] })
    expect(live.status()).toMatchObject({ stable: null, rollout: null, requests: { stable: 0, canary: 0, errors: 0 } })
    await expect(live.predict([{ row: row() }])).rejects.toMatchObject({ code: 'MR4102' })
    await expect(live.rollOut(99, 'ada')).rejects.toMatchObject({ details: { name: 'late@99' } })
    await expect(live.command('promote', 'ada')).rejects.toMatchObject({ code: 'MR4104' })
    expect(serving.get('other')).toBeUndefined()
    expect(serving.list().map(one => one.name)).toEqual(['empty'])
  })

  /** A version that is `good`, but for its golden rows. */
  async function withGolden(change: (golden: string) => string): Promise<ModelVersion> {
    const { store, artifacts } = trained.workspace
    const good = (await store.getModelVersion('late', trained.versions.good)) as ModelVersion
    const golden = Buffer.from(await artifacts.get(good.facts.golden as Digest)).toString()
    const { digest } = await artifacts.put(Buffer.from(change(golden)))
    const { version: _, ...rest } = good
    return store.addModelVersion({ ...rest, facts: { ...rest.facts, golden: digest } } as never)
  }
  const moved = (by: number) => (golden: string) => {
    const rows = JSON.parse(golden) as { scores: number[] }
    return JSON.stringify({ ...rows, scores: rows.scores.map((score, i) => (i === 0 ? score + by : score)) })
  }

  it.each([
    ['one golden row is answered otherwise', moved(3e-5), false],
    [
      'it has none',
      (golden: string) => JSON.stringify({ ...JSON.parse(golden), features: [], categories: [], scores: [] }),
      false,
    ],
    ['they are answered within rounding', moved(3e-6), true],
  ] as const)('a version is held to its golden rows: %s', async (what, change, served) => {
    const name = `golden-${what.replaceAll(' ', '-')}`
    const bad = await withGolden(change)
    const { runtime, open } = faultyRuntime(trained.workspace.runtime)
    const live = (await trained.serve(trained.deployed(name).project, { runtime })).get(name) as LiveDeployment
    if (served) {
      await live.rollOut(bad.version, 'ada')
      expect(live.status().stable?.version).toBe(bad.version)
      return
    }
    await expect(live.rollOut(bad.version, 'ada')).rejects.toMatchObject({ code: 'MR4101', exit: 1 })
    const [refused] = await trained.workspace.store.listDecisions({ subject: `model late@${bad.version}` })
    expect(refused).toMatchObject({
      kind: 'gate',
      verdict: 'refused',
      at: trained.clock.now(),
      reason: expect.stringMatching(new RegExp(`^late@${bad.version} is not served: .*golden rows`)) as string,
      rule: { name: 'golden rows', threshold: 'scores within 1e-5' },
      evidence: [bad.digest],
    })
    expect([live.health().ready, await trained.workspace.store.getDocument('deployment', name)]).toEqual([
      false,
      undefined,
    ])
    // nor as a challenger, nor after a restart
    await live.deploy(trained.versions.good, 'ada')
    await expect(live.rollOut(bad.version, 'ada')).rejects.toMatchObject({ code: 'MR4101' })
    expect([live.rolling, live.status().rollout]).toEqual([false, null])
    expect(await decisionsOf(name, 'promotion')).toHaveLength(1)
    // and what was read of them is let go
    expect(open).toEqual([await digestOf(trained.versions.good)])
    await trained.workspace.store.putDocument('deployment', name, { model: 'late', version: bad.version, since: 0 }, 1)
    const down = (await trained.serve(trained.deployed(name).project)).get(name) as LiveDeployment
    expect(down.health()).toEqual({ ready: false, reasons: [expect.stringContaining('golden')] })
    await expect(down.predict([{ row: {} }])).rejects.toMatchObject({ code: 'MR4109', status: 503 })
    // a version that is whole brings it back
    await down.rollOut(trained.versions.good, 'ada')
    expect(down.health()).toEqual({ ready: true, reasons: [] })
  })

  it('refuses a version whose scaler is not the registered one, with a decision', async () => {
    const { store, artifacts } = trained.workspace
    const good = (await store.getModelVersion('late', trained.versions.good)) as ModelVersion
    const other = (await store.getModelVersion('fare', trained.fare)) as ModelVersion
    const { version: _, ...rest } = good
    const wrong = await store.addModelVersion({
      ...rest,
      facts: { ...good.facts, scaler: other.facts.scaler as string },
    } as never)
    expect(await artifacts.has(other.facts.scaler as never)).toBe(true)
    const { runtime, open } = faultyRuntime(trained.workspace.runtime)
    const live = (await trained.serve(trained.deployed('scaled').project, { runtime })).get('scaled') as LiveDeployment
    await expect(live.rollOut(wrong.version, 'ada')).rejects.toMatchObject({ code: 'MR4107' })
    expect(open).toEqual([])
    const [refused] = await decisionsOf('scaled', 'gate')
    expect(refused).toMatchObject({ verdict: 'refused', actor: 'system', rule: { name: 'scaler checks' } })
    expect(refused?.inputs).toMatchObject({ version: `late@${wrong.version}` })
    expect(refused?.inputs.failed).toContainEqual(expect.any(String))
    expect(refused?.reason).toMatch(/^late@\d+ is not served: ./)
    expect((await store.getReport(refused?.evidence[0] as string))?.status).toMatch(/fail|error/)
    await live.rollOut(trained.versions.good, 'ada')
    expect(await decisionsOf('scaled', 'gate')).toHaveLength(1)
    const [passed] = await store.listReports({ kind: 'scaler', subject: `late@${trained.versions.good}` })
    expect(passed).toMatchObject({
      kind: 'scaler',
      at: trained.clock.now(),
      evidence: { scaler: good.facts.scaler, onnx: good.digest, deployment: 'scaled' },
    })
    expect(passed?.status).toMatch(/pass|warn/)
  })
})

describe('answers', () => {
  it('are those of the version that is stable, with its threshold', async () => {
    const live = await trained.live('plain')
    const other = await trained.live('plain-other')
    await other.deploy(trained.versions.other, 'ada')
    const requests = many(40)
    const answers = await predicted(live, requests)
    expect(answers.map(one => one.id)).toEqual(requests.map(one => one.id))
    for (const { arm, version, score, label, fallback } of answers) {
      expect([arm, version, fallback]).toEqual(['stable', trained.versions.good, undefined])
      // 0.4 as the model says, not 0.5
      expect(label).toBe(score >= 0.4)
    }
    expect(answers.some(one => one.score >= 0.4 && one.score < 0.5)).toBe(true)
    expect((await predicted(other, requests)).map(one => one.score)).not.toEqual(answers.map(one => one.score))
    expect(live.status().requests).toEqual({ stable: 40, canary: 0, errors: 0 })
    expect(live.status().stable).toMatchObject({ version: trained.versions.good, since: trained.clock.now() })
    const [without] = await predicted(live, [{ row: row() }])
    expect(without?.id).toMatch(/^[0-9A-Z]{26}$/)
  })

  it('name the row and the column that is missing or null, and lose nothing', async () => {
    const live = await trained.live('strict')
    const { km: _, ...short } = row()
    await expect(live.predict([{ row: row() }, { row: short }])).rejects.toMatchObject({
      code: 'MR4105',
      details: { row: 1, column: 'km', reason: 'it is missing' },
    })
    await expect(live.predict([{ row: { ...row(), zone: null } }])).rejects.toMatchObject({
      details: { row: 0, column: 'zone', reason: 'it must not be null' },
    })
    expect(live.status().requests.stable).toBe(0)
  })

  it('take so many microseconds a row', async () => {
    const { runtime, faults } = faultyRuntime(trained.workspace.runtime)
    const live = await trained.live('timed', {}, { runtime })
    faults.set(await digestOf(trained.versions.good), async answer => {
      trained.clock.work(30)
      return answer()
    })
    await predicted(live, many(10))
    expect(live.status().latencyMicros).toEqual({ p50: 3_000, p99: 3_000 })
  })

  it('of a regression are values without a label', async () => {
    const live = (await trained.serve(trained.fares('fares').project)).get('fares') as LiveDeployment
    await live.deploy(trained.fare, 'ada')
    const [answer] = await predicted(live, [{ row: { km: 20, zone: 'north' } }])
    expect(answer).not.toHaveProperty('label')
    expect(Math.abs((answer?.score as number) - 40)).toBeLessThan(10)
    // of a label that no loss can hold nothing is kept
    await expect(live.feedback([{ id: answer?.id as string, label: 1e200 }])).rejects.toMatchObject({
      code: 'MR4105',
      details: { row: 0, column: 'label' },
    })
    expect(await live.feedback([{ id: answer?.id as string, label: 41 }])).toBe(1)
  })
})

describe('features', () => {
  /** What the declaration says of a moment: rides of the zone that began in the six hours before it. */
  const plainly = (zone: string, at: number): [number, number] => {
    const before = madeRides.filter(one => one.zone === zone && one.at < at && one.at >= at - 6 * hour)
    return [before.length, before.reduce((sum, one) => sum + one.km, 0) / before.length]
  }

  it("are those of the row's own moment, of the request's where it says one", async () => {
    const live = await trained.live('dated')
    const seen: number[][] = []
    const width = late.inputs.length
    const names = late.inputs.map(one => one.name)
    live.observer = {
      predicted: (_id, _at, rows, index) =>
        seen.push(Array.from(rows.features.subarray(index * width, (index + 1) * width))),
      labelled: () => undefined,
    }
    const of = (index: number, name: string): number => seen[index]?.[names.indexOf(name)] as number
    const end = trained.clock.now()
    const moments = [end, end - 3 * hour, end - 20 * hour - 1, end - 40 * hour]
    await predicted(
      live,
      moments.map(at => ({ row: { at, zone: 'south', km: 3.3 } })),
    )
    moments.slice(0, 2).forEach((at, i) => {
      const [count, mean] = plainly('south', at)
      expect([of(i, 'rides_6h'), of(i, 'km_6h')]).toEqual([count, Math.fround(mean)])
      expect(of(i, 'hour')).toBe(new Date(at / 1000).getUTCHours())
      expect(of(i, 'km')).toBe(Math.fround(3.3))
    })
    expect(plainly('south', moments[0] as number)).not.toEqual(plainly('south', moments[1] as number))
    seen.length = 0
    await predicted(live, [{ row: { at: end, zone: 'south', km: 3 }, at: end - 2 * hour }])
    expect(of(0, 'rides_6h')).toBe(plainly('south', end - 2 * hour)[0])
    // a zone that nobody knows has none
    seen.length = 0
    await predicted(live, [{ row: { at: end, zone: 'west', km: 3 } }])
    expect([of(0, 'rides_6h'), of(0, 'km_6h')]).toEqual([0, Number.NaN])
  })
})

describe('the arm of a caller', () => {
  it("is that of its entity where the deployment is sticky, and the request's where it is not", async () => {
    const zones = Array.from({ length: 30 }, (_, i) => `zone-${i}`)
    for (const sticky of [true, false]) {
      const name = sticky ? 'sticky' : 'loose'
      const live = await trained.live(name, {
        canary: { steps: ['50%'], minRequests: 100_000 },
        ...(sticky ? { stickyBy: 'zone' } : {}),
      })
      await live.rollOut(trained.versions.other, 'ada')
      await past(live)
      const perZone: string[][] = []
      for (const zone of zones) {
        const answers = await predicted(
          live,
          Array.from({ length: 30 }, (_, i) => ({ id: `${zone}-${i}`, row: row(1 + i, zone) })),
        )
        perZone.push([...arms(answers)])
        for (const { arm, version } of answers)
          expect(version).toBe(arm === 'canary' ? trained.versions.other : trained.versions.good)
      }
      const both = perZone.filter(one => one.length === 2).length
      expect(both).toBe(sticky ? 0 : zones.length)
      expect(new Set(perZone.flat())).toEqual(new Set(['stable', 'canary']))
      // what the caller says goes before
      const answers = await predicted(
        live,
        many(60).map(one => ({ ...one, key: 'ada' })),
      )
      expect(arms(answers).size).toBe(1)
      const { stable, canary: challenger } = live.status().requests
      expect(stable + challenger).toBe(1000 + 900 + 60)
    }
  })

  it('is answered by the scores of its version', async () => {
    const live = await trained.live('scored', { canary: { steps: ['50%'], minRequests: 100_000 } })
    const alone = await trained.live('alone')
    await alone.deploy(trained.versions.other, 'ada')
    await live.rollOut(trained.versions.other, 'ada')
    await past(live)
    const requests = many(200)
    const [mixed, others] = [await predicted(live, requests), await predicted(alone, requests)]
    expect(mixed.filter(one => one.arm === 'canary').length).toBeGreaterThan(50)
    mixed.forEach((one, i) => expect(one.score === others[i]?.score).toBe(one.arm === 'canary'))
  })
})
