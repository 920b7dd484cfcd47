import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { predicted, ridesOf } from '../../test/support/rides-of.ts'
import { trainedServer, type TrainedServer } from '../../test/support/trained-server.ts'
import { type Trained, trainedProject } from '../../test/support/trained-project.ts'
import { replayed } from '../stages/serve/replay.ts'
import { readRolloutLog } from '../stages/serve/rollout-log.ts'
import { createToken, type Scope } from './auth/tokens.ts'

// What a rollout waits for, over HTTP: who may let it pass, and that what was decided follows from what was kept.

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())
const { many } = ridesOf(() => trained)

const bearer = async (name: string, scopes: readonly Scope[]): Promise<Record<string, string>> => {
  const { token } = await createToken(trained.workspace, { name, scopes, expiresIn: '1d' })
  return { authorization: `Bearer ${token}` }
}

/** Its events are kept as under a server: they are played again at the end. */
async function kept({ live }: TrainedServer): Promise<() => Promise<readonly string[]>> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-gates-'))
  const onError = (error: unknown): void => expect(error).toBeNull()
  await live.remember(folder, [], { clock: trained.clock, retention: 1e12, onError })
  return async () => {
    await live.close()
    const { entries } = await readRolloutLog(folder)
    const found = await replayed(trained.workspace.store, live.name, entries)
    return found.map(one => `${one.verdict} ${one.found}`)
  }
}

interface Body {
  readonly code?: string
  readonly rollout?: { readonly phase: string; readonly hold: string | null; readonly weight: number }
  readonly decisions?: readonly { readonly verdict: string; readonly actor: string; readonly reason: string }[]
}

it('an approval is given by a token that may, with its name and reason; operating is not approving', async () => {
  const canary = { steps: ['50%'], minRequests: 20, shadowRows: 20, approve: ['50%', 'done'], bake: '1h' } as const
  const server = await trainedServer(trained, 'gated-api', { auth: true }, { canary })
  try {
    const replay = await kept(server)
    const [operator, approver] = [await bearer('olga', ['operate']), await bearer('anna', ['approve'])]
    const say = async (verb: string, who: Record<string, string>, reason?: string) => {
      const { status, body } = await server.ask(
        'POST',
        `/v1/deployments/gated-api:${verb}`,
        reason === undefined ? {} : { reason },
        who,
      )
      return { status, body: body as Body }
    }
    expect((await say('approve', approver)).body.code).toBe('MR4104')
    await server.live.rollOut(trained.versions.other, 'olga')
    expect((await say('approve', approver)).body.code).toBe('MR4511')
    await predicted(server.live, many(40))
    server.live.tick()
    expect(server.live.rollout).toMatchObject({ phase: 'shadow', hold: 'approval', weight: 0 })
    expect(await say('approve', operator)).toMatchObject({ status: 403, body: { code: 'MR5019' } })
    expect(await say('promote', operator)).toMatchObject({ status: 409, body: { code: 'MR4512' } })
    expect(await say('promote', approver)).toMatchObject({ status: 403 })
    const { status, body } = await say('approve', approver, 'figures look right')
    expect([status, body.rollout?.phase, body.rollout?.weight]).toEqual([200, 'step', 0.5])
    expect(body.decisions?.slice(0, 2).map(one => [one.verdict, one.actor])).toEqual(
      expect.arrayContaining([
        ['approved', 'anna'],
        ['advanced', 'system'],
      ]),
    )
    expect(body.decisions?.find(one => one.verdict === 'approved')?.reason).toContain('figures look right')
    // a second press approves nothing that was not shown
    expect((await say('approve', approver)).status).toBe(409)
    await predicted(server.live, many(200))
    await trained.clock.advance(3_600_000)
    server.live.tick()
    await server.live.settled()
    expect(server.live.rollout).toMatchObject({ phase: 'bake', hold: 'approval' })
    expect((await say('approve', approver)).body.rollout?.phase).toBe('done')
    expect(server.live.stable?.record.version).toBe(trained.versions.other)
    expect(await replay()).toEqual(
      ['held', 'approved', 'advanced', 'promoted', 'held', 'approved', 'completed'].map(one => `${one} agrees`),
    )
  } finally {
    await server.close()
  }
})

it('traffic rises within the hours only, and while no rollout runs that it waits for', async () => {
  const { deployment: first } = trained.deployed('first-api', { canary: { shadowRows: 10 } })
  const now = new Date(trained.clock.now() / 1000)
  const time = (minutes: number): string => new Date(now.getTime() + minutes * 60_000).toISOString().slice(11, 16)
  const hours = { from: time(60), to: time(120) }
  const canary = { steps: ['50%'], minRequests: 20, shadowRows: 0, hours, after: [first], bake: '1h' } as const
  const server = await trainedServer(trained, 'second-api', {}, { canary })
  try {
    const replay = await kept(server)
    const { good, other } = trained.versions
    const begin = (name: string, version: number) => server.ask('POST', `/v1/deployments/${name}:rollout`, { version })
    const standing = async (): Promise<Body['rollout']> =>
      ((await server.ask('GET', '/v1/deployments/second-api')).body as Body).rollout
    await begin('first-api', good)
    await begin('second-api', other)
    server.live.tick()
    expect(await standing()).toMatchObject({ phase: 'shadow', hold: 'hours', weight: 0 })
    expect((await begin('first-api', other)).status).toBe(200)
    await trained.clock.advance(3_600_000)
    server.live.tick()
    expect(await standing()).toMatchObject({ phase: 'shadow', hold: 'after', weight: 0, rolling: ['first-api'] })
    await server.ask('POST', '/v1/deployments/first-api:abort', {})
    server.live.tick()
    expect(await standing()).toMatchObject({ phase: 'step', hold: null, weight: 0.5, rolling: [] })
    await server.ask('POST', '/v1/deployments/second-api:abort', {})
    expect(await replay()).toEqual(['held', 'held', 'advanced', 'rolled-back'].map(one => `${one} agrees`))
  } finally {
    await server.close()
  }
})
