import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hour, late, madeRides, type Trained, trainedProject, trainOnce } from '../../test/support/trained-project.ts'
import { trainedServer, type TrainedServer } from '../../test/support/trained-server.ts'

// What is pushed: judged, counted once, corrected, taken back, served at once and trained on.

let trained: Trained
let server: TrainedServer
beforeAll(async () => {
  trained = await trainedProject()
  server = await trainedServer(trained, 'pushed')
})
afterAll(async () => {
  await server.close()
  await trained.close()
})

const push = (body: unknown, headers: Record<string, string> = {}) =>
  server.ask('POST', '/v1/datasets/rides:push', body, headers)
const now = () => trained.clock.now()

/** Number of rides and mean length over six hours, as the model is given them. */
async function seen(zone: string, at: number): Promise<(number | undefined)[]> {
  const given: number[][] = []
  server.live.observer = { predicted: (_id, _at, { features }) => given.push([...features]), labelled: () => undefined }
  const { status } = await server.ask('POST', '/v1/deployments/pushed/predict', { rows: [{ at, zone, km: 1 }] })
  await server.live.settled()
  server.live.observer = undefined
  expect(status).toBe(200)
  return (given[0] ?? []).slice(0, 2)
}

describe('a pushed row', () => {
  it('counts once however often it comes, and as it was corrected last', async () => {
    const at = now() - hour
    const ride = { at, zone: 'east', km: 10 }
    expect(await push({ rows: [ride] })).toMatchObject({
      status: 200,
      body: { accepted: 1, repeated: 0, rejected: [], warned: [], unknown: 0, logged: true },
    })
    expect((await push({ rows: [ride, ride] })).body).toMatchObject({ accepted: 0, repeated: 2 })
    expect(await seen('east', now())).toEqual([1, 10])
    expect((await push({ rows: [{ ...ride, km: 30 }] })).body).toMatchObject({ accepted: 1, repeated: 0 })
    expect(await seen('east', now())).toEqual([1, 30])
    // what was known before the correction is what it was
    expect(await seen('east', now() - 1)).toEqual([1, 10])
    expect(
      (
        await push({
          deletes: [
            { at, zone: 'east' },
            { at, zone: 'nowhere' },
          ],
        })
      ).body,
    ).toMatchObject({
      accepted: 1,
      unknown: 1,
    })
    expect(await seen('east', now())).toEqual([0, Number.NaN])
    // of a row that came by file, too
    const filed = madeRides.findLast(one => one.zone === 'north')
    const before = await seen('north', now())
    expect((await push({ deletes: [{ at: filed?.at, zone: 'north' }] })).body).toMatchObject({ accepted: 1 })
    expect((await seen('north', now()))[0]).toBe((before[0] as number) - 1)
    expect((await push({ rows: [{ ...filed, late: null }] })).body).toMatchObject({ accepted: 1 })
    expect(await seen('north', now())).toEqual(before)
  })

  it('was known when its sender says, where he does', async () => {
    const ride = { at: now() - 3 * hour, zone: 'known', km: 5 }
    await push({ rows: [ride], knownAt: new Date((now() - hour) / 1000).toISOString() })
    expect(await seen('known', now() - 2 * hour)).toEqual([0, Number.NaN])
    expect(await seen('known', now() - hour)).toEqual([1, 5])
    expect(await push({ rows: [ride], knownAt: 'soon' })).toMatchObject({
      status: 400,
      body: { code: 'MR5015', details: { place: 'body.knownAt' } },
    })
  })

  it('that breaks an expectation is taken by nobody, and its sender is told', async () => {
    const good = { at: now() - 5, zone: 'judged', km: 7 }
    expect(await push({ rows: [good, { ...good, at: good.at - 1, km: 100_000 }] })).toMatchObject({
      status: 200,
      body: { accepted: 1, rejected: [{ row: 1, broken: [{ check: expect.any(String) as string }] }] },
    })
    expect(await seen('judged', now())).toEqual([1, 7])
    expect(await push({ rows: [{ ...good, km: 100.5 }] })).toMatchObject({
      status: 422,
      body: { code: 'MR2054', details: { row: 0, rejected: 1, rows: 1 } },
    })
    // just at the bound it holds
    expect((await push({ rows: [{ ...good, km: 100 }] })).status).toBe(200)
  })

  it('of a request that is sent again changes nothing; of another under its name it is refused', async () => {
    const rows = [{ at: now() - 9, zone: 'again', km: 1 }]
    const named = { 'idempotency-key': 'a-request' }
    expect((await push({ rows }, named)).body).toMatchObject({ accepted: 1, repeated: 0 })
    await push({ rows: [{ ...rows[0], km: 2 }] })
    expect((await push({ rows }, named)).body).toMatchObject({ accepted: 0, repeated: 1 })
    expect(await seen('again', now())).toEqual([1, 2])
    expect(await push({ rows: [{ ...rows[0], km: 3 }] }, named)).toMatchObject({
      status: 409,
      body: { code: 'MR2055' },
    })
    expect((await push({ rows }, { 'idempotency-key': 'x'.repeat(201) })).status).toBe(400)
    expect((await push({ rows: [], deletes: [] })).status).toBe(400)
  })

  it('far in the future hides nothing of what is there', async () => {
    const before = await seen('south', now())
    expect((await push({ rows: [{ at: '2096-01-01T00:00:00Z', zone: 'south', km: 9 }] })).status).toBe(200)
    expect(await seen('south', now())).toEqual(before)
  })

  it('is in the next training set, corrected or taken back as it is', async () => {
    const rowsOf = async (version: number) => {
      const record = await trained.workspace.store.getModelVersion('late', version)
      const facts = record?.facts as { frameFacts: { test: number }; 'log:rides'?: string }
      return { test: facts.frameFacts.test, log: facts['log:rides'] }
    }
    const first = await rowsOf(await trainOnce(trained.workspace, late))
    const rides = [0, 1, 2, 3].map(i => ({ at: now() - 20 * hour - i * 7, zone: 'new', km: 5 + i, late: i % 2 === 0 }))
    await push({ rows: rides })
    const second = await rowsOf(await trainOnce(trained.workspace, late))
    expect(second.test).toBe(first.test + 4)
    expect(second.log).toMatch(/^sha256:/)
    expect(second.log).not.toBe(first.log)
    await push({ deletes: rides.slice(0, 1).map(({ at, zone }) => ({ at, zone })) })
    expect((await rowsOf(await trainOnce(trained.workspace, late))).test).toBe(first.test + 3)
  })

  it('is there after a crash: a torn line was never acknowledged, a damaged one is set aside and told', async () => {
    const folder = join(trained.workspace.folder, 'log', 'rides')
    const [name = ''] = readdirSync(folder).filter(one => one.endsWith('.jsonl'))
    const path = join(folder, name)
    const whole = readFileSync(path, 'utf8')
    writeFileSync(path, `${whole}deadbeef {"at":1,"rows":[`)
    // another process
    const other = await trainedServer(trained, 'pushed-after')
    const again = { at: now() - hour, zone: 'torn', km: 3 }
    expect((await other.ask('POST', '/v1/datasets/rides:push', { rows: [again] })).body).toMatchObject({ accepted: 1 })
    const lines = readFileSync(path, 'utf8')
    expect(lines.startsWith(whole)).toBe(true)
    expect(lines).not.toContain('deadbeef')
    expect(await seen('torn', now())).toEqual([1, 3])
    await other.close()
    writeFileSync(path, `${whole}00000000 {"at":1}\n${lines.slice(whole.length)}`)
    const third = await trainedServer(trained, 'pushed-damaged')
    expect((await third.ask('POST', '/v1/datasets/rides:push', { rows: [again] })).body).toMatchObject({ repeated: 1 })
    expect(readdirSync(folder).some(one => one.includes('.damaged-'))).toBe(true)
    expect(readFileSync(path, 'utf8')).toBe(lines)
    await third.close()
  })
})
