import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { predicted, ridesOf } from '../../test/support/rides-of.ts'
import { late, lateWith, trainOnce, type Trained, trainedProject } from '../../test/support/trained-project.ts'
import { trainedServer, type TrainedServer } from '../../test/support/trained-server.ts'
import { gbt } from '../index.ts'
import { seeded } from '../math/random/seeded.ts'
import type { LiveDeployment } from '../stages/serve/deployment.ts'
import { replayedContests } from '../stages/serve/replay.ts'
import { readContestLog } from '../stages/serve/rollout-log.ts'
import type { ContestView } from './api-types.ts'

// Several challengers at once, through HTTP: of three versions that are really loaded only what they score is made up.

let trained: Trained
let three: readonly [number, number, number]
beforeAll(async () => {
  trained = await trainedProject()
  const more = [3, 4].map(seed => lateWith(gbt({ trees: 8 + seed, leaves: 4, seed })))
  const made: number[] = []
  for (const one of more) made.push(await trainOnce(trained.workspace, one))
  three = [trained.versions.other, made[0] as number, made[1] as number]
}, 60_000)
afterAll(() => trained.close())
const { digestOf, arms } = ridesOf(() => trained)

const width = late.inputs.length
const kmAt = late.inputs.findIndex(one => one.name === 'km')
const day = 86_400_000
const chance = (logit: number): number => 1 / (1 + Math.exp(-logit))
const truth = (km: number): number => (km - 20) / 4

/** What a version makes of a row; `noise` is normal, drawn anew for each. */
type Scoring = (logit: number, noise: number) => number
const asStable: Scoring = (logit, noise) => chance(logit + 1.2 * noise)
const better: Scoring = logit => chance(logit)
const broken = (): never => {
  throw new Error('out of order')
}

/** From now on: when it is loaded a version answers its golden rows. */
async function says(server: TrainedServer, version: number, scoring: Scoring): Promise<void> {
  const noise = seeded(version)
  server.faults.set(await digestOf(version), async (_, batch) => ({
    scores: Float32Array.from({ length: batch.rows }, (__, i) =>
      scoring(truth(batch.features[i * width + kmAt] as number), noise.normal()),
    ),
  }))
}

async function open(live: LiveDeployment, folder: string): Promise<void> {
  const onError = (error: unknown): void => expect(error).toBeNull()
  await live.remember(folder, [], { clock: trained.clock, retention: 1e15, onError })
}

interface Body {
  readonly code?: string
  readonly detail?: string
  readonly contest?: ContestView
  readonly rollout?: { readonly phase: string; readonly config: { readonly challenger: string } } | null
  readonly decisions?: readonly { readonly kind: string; readonly verdict: string; readonly reason: string }[]
}

const post = async (server: TrainedServer, verb: string, body: object): Promise<{ status: number; body: Body }> =>
  (await server.ask('POST', `/v1/deployments/${server.live.name}:${verb}`, body)) as never
const seen = async (server: TrainedServer): Promise<Body> =>
  (await server.ask('GET', `/v1/deployments/${server.live.name}`)).body as Body
const standings = ({ contest }: Body): Record<string, string> =>
  Object.fromEntries((contest?.challengers ?? []).map(one => [one.version, one.standing]))

let asked = 0
const draw = seeded(7)
/** Answers rows of any length, and says what came true of each once its horizon is nearly over. */
async function live(server: TrainedServer, count: number): Promise<Awaited<ReturnType<LiveDeployment['predict']>>> {
  const rows = Array.from({ length: count }, () => ({
    id: `c${asked++}`,
    row: { at: trained.clock.now(), zone: 'north', km: Math.round(draw.next() * 400) / 10 },
  }))
  const answers = await predicted(server.live, rows)
  const labels = rows.map(({ id, row }) => ({ id, label: draw.next() < chance(truth(row.km)) ? 1 : 0 }))
  const { status, body } = await server.ask('POST', `/v1/deployments/${server.live.name}/feedback`, { labels })
  expect([status, body.found]).toEqual([200, count])
  return answers
}
/** The label horizon passes. */
async function later(server: TrainedServer, days = 2): Promise<void> {
  await trained.clock.advance(days * day)
  server.live.tick()
  await server.live.settled()
}

it('of three the better one is chosen and begins its rollout, over a restart, and its replay agrees', async () => {
  const canary = { steps: ['50%'], minRequests: 20, shadowRows: 50 } as const
  const server = await trainedServer(trained, 'chosen-api', {}, { canary })
  const folder = await mkdtemp(join(tmpdir(), 'millrace-contest-'))
  await open(server.live, folder)
  const begun = await post(server, 'contest', { versions: three })
  expect(begun.status).toBe(200)
  const speak = async (): Promise<void> => {
    for (const version of [trained.versions.good, three[0], three[2]]) await says(server, version, asStable)
    await says(server, three[1], better)
  }
  await speak()
  expect(begun.body.contest).toMatchObject({ phase: 'running', stable: `late@${trained.versions.good}`, chosen: null })
  expect(standings(begun.body)).toEqual({ [three[0]]: 'open', [three[1]]: 'open', [three[2]]: 'open' })
  for (let i = 0; i < 4; i++) expect(arms(await live(server, 300))).toEqual(new Set(['stable']))
  const early = (await seen(server)).contest?.challengers.map(one => [one.evidence.shadow.rows, one.evidence.loss])
  expect(early).toEqual(three.map(() => [1200, null]))
  await server.close()
  await server.live.close()

  server.faults.clear()
  const again = await server.again()
  await speak()
  await open(again.live, folder)
  expect(again.live.contest?.arms.map(one => one.shadow.rows)).toEqual([1200, 1200, 1200])
  try {
    await later(again)
    const after = await seen(again)
    expect(after.contest).toMatchObject({ phase: 'chosen', chosen: `late@${three[1]}` })
    expect(after.rollout).toMatchObject({ phase: 'shadow', config: { challenger: `late@${three[1]}` } })
    expect(after.decisions?.[0]).toMatchObject({ kind: 'contest', verdict: 'chosen' })
    expect(after.decisions?.[0]?.reason).toMatch(
      /^on 1200 labelled rows late@\d+ loses [\d.]+ less a row than late@\d+ \(at least [\d.]+\), as the first of 3; its rollout begins$/,
    )
    // it is served as any challenger: its rollout gives it traffic
    await live(again, 60)
    expect(arms(await live(again, 60))).toEqual(new Set(['stable', 'canary']))
    await again.live.close()
    const { entries, damaged } = await readContestLog(folder)
    expect(damaged).toEqual([])
    const found = await replayedContests(trained.workspace.store, 'chosen-api', entries)
    expect(found.map(one => `${one.verdict} ${one.rule} ${one.found}`)).toEqual(['chosen paired loss agrees'])
  } finally {
    await again.close()
  }
})

it('of three that are like stable none is chosen, and the contest ends with its time', async () => {
  const server = await trainedServer(trained, 'alike-api', {}, { canary: { maxContest: '10d' } })
  try {
    await post(server, 'contest', { versions: three })
    for (const version of [trained.versions.good, ...three]) await says(server, version, asStable)
    for (let i = 0; i < 4; i++) {
      await live(server, 400)
      await later(server)
    }
    expect((await seen(server)).contest?.phase).toBe('running')
    expect(Object.values(standings(await seen(server)))).not.toContain('better')
    await later(server, 3)
    const { contest, rollout, decisions } = await seen(server)
    expect(contest).toMatchObject({ phase: 'ended', chosen: null })
    expect(contest?.challengers.map(one => one.evidence.loss?.rows)).toEqual([1600, 1600, 1600])
    expect(rollout).toBeNull()
    expect(decisions?.[0]?.reason).toMatch(
      /^none of late@\d+, late@\d+, late@\d+ was shown to be better than late@\d+ by /,
    )
  } finally {
    await server.close()
  }
})

it('a broken one leaves early, and no caller feels it; one that is worse leaves by its labels, and with the last it ends', async () => {
  const server = await trainedServer(trained, 'broken-api')
  try {
    await post(server, 'contest', { versions: three })
    await says(server, trained.versions.good, better)
    await says(server, three[0], broken)
    await says(server, three[1], logit => chance(-logit))
    await says(server, three[2], better)
    for (let i = 0; i < 11; i++) {
      const answers = await live(server, 1)
      expect(answers).toMatchObject([{ arm: 'stable', version: trained.versions.good }])
      expect(answers[0]).not.toHaveProperty('fallback')
    }
    expect(standings(await seen(server))).toMatchObject({ [three[0]]: 'out', [three[1]]: 'open' })
    expect(server.live.contest?.arms[0]?.guardrails.error).toEqual({ canary: 11, all: 11 })
    await live(server, 300)
    await later(server)
    expect(standings(await seen(server))).toEqual({ [three[0]]: 'out', [three[1]]: 'out', [three[2]]: 'not worse' })
    // what is no number is no opinion
    await says(server, three[2], () => Number.NaN)
    await live(server, 1)
    const { contest, decisions } = await seen(server)
    expect(contest?.phase).toBe('ended')
    expect(decisions?.filter(one => one.kind === 'contest').map(one => one.verdict)).toEqual(
      expect.arrayContaining(['rolled-back', 'rolled-back', 'rolled-back', 'ended']),
    )
  } finally {
    await server.close()
  }
})

it('what stable fails at, and they do not, speaks for them: each is asked whatever became of stable', async () => {
  const server = await trainedServer(trained, 'failing-api')
  try {
    await post(server, 'contest', { versions: three })
    server.faults.set(await digestOf(trained.versions.good), () => Promise.reject(new Error('out of order')))
    await expect(
      predicted(server.live, [{ row: { at: trained.clock.now(), zone: 'north', km: 12 } }]),
    ).rejects.toThrow()
    await server.live.settled()
    expect(server.live.contest?.arms.map(one => one.guardrails.error)).toEqual(three.map(() => ({ canary: 0, all: 1 })))
  } finally {
    await server.close()
  }
})

it('without labels nothing could be told of them, and there is no contest', async () => {
  const server = await trainedServer(trained, 'blind-api', {}, { canary: { labels: 'none' } })
  expect(await post(server, 'contest', { versions: three })).toMatchObject({ status: 409, body: { code: 'MR4182' } })
  await server.close()
})

it('a person takes one, or ends it; beside a contest nothing else begins', async () => {
  const server = await trainedServer(trained, 'taken-api')
  try {
    const { good } = trained.versions
    const refused = async (verb: string, body: object): Promise<unknown> => {
      const { status, body: problem } = await post(server, verb, body)
      return [status, problem.code]
    }
    expect(await refused('choose', { version: three[0] })).toEqual([409, 'MR4183'])
    expect(await refused('contest', { versions: [three[0]] })).toEqual([409, 'MR4182'])
    expect(await refused('contest', { versions: [three[0], three[0]] })).toEqual([409, 'MR4182'])
    expect(await refused('contest', { versions: [three[0], good] })).toEqual([409, 'MR4182'])
    expect(await refused('contest', { versions: [three[0], 99] })).toEqual([404, 'MR1006'])
    expect(await refused('contest', { versions: [] })).toEqual([400, 'MR5015'])
    const { contest } = (await post(server, 'contest', { versions: three })).body
    expect((contest?.until ?? 0) - (contest?.since ?? 0)).toBe(14 * day * 1000)
    expect(await refused('contest', { versions: three })).toEqual([409, 'MR4180'])
    expect(await refused('rollout', { version: three[0] })).toEqual([409, 'MR4180'])
    expect(await refused('promote', {})).toEqual([409, 'MR4180'])
    expect(await refused('choose', { version: 99 })).toEqual([409, 'MR4181'])
    const ended = await post(server, 'abort', { reason: 'not today' })
    expect(ended.body.contest?.phase).toBe('ended')
    expect(ended.body.decisions?.[0]?.reason).toMatch(/ ended the contest: not today$/)
    await post(server, 'contest', { versions: three })
    const chosen = await post(server, 'choose', { version: three[2], reason: 'it is smaller' })
    expect(chosen.body.contest).toMatchObject({ phase: 'chosen', chosen: `late@${three[2]}` })
    expect(chosen.body.rollout).toMatchObject({ phase: 'shadow', config: { challenger: `late@${three[2]}` } })
    expect(chosen.body.decisions?.[0]?.reason).toMatch(/ chose late@\d+ by hand: it is smaller; its rollout begins$/)
    expect(await refused('contest', { versions: [three[0], three[1]] })).toEqual([409, 'MR4103'])
    // what it was compared with is loaded no more
    const loaded = [...server.loaded].toSorted()
    expect(loaded).toEqual([await digestOf(good), await digestOf(three[2])].toSorted())
  } finally {
    await server.close()
  }
})
