import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Trained, trainedProject } from '../../test/support/trained-project.ts'
import { type TrainedServer, trainedServer } from '../../test/support/trained-server.ts'
import { type Observation, tell, writingRecorder } from '../stages/instances/observations.ts'

// What came true and what it was worth may be told to any instance: the one that leads says what is found.

let trained: Trained
let [leader, follower]: TrainedServer[] = []
let url: string | undefined
const kept: Observation[] = []
const canary = { metrics: { revenue: { better: 'higher' } }, shadowRows: 0, steps: ['50%'] } as const
const path = '/v1/deployments/told-anywhere'
beforeAll(async () => {
  trained = await trainedProject()
  leader = await trainedServer(trained, 'told-anywhere', {}, { canary })
  await leader.live.rollOut(trained.versions.other, 'ada')
  const lead = { leads: () => false, url: () => url }
  follower = await trainedServer(trained, 'told-anywhere', { lead }, { canary })
  await follower.live.restore()
  await follower.live.follow(writingRecorder(one => kept.push(one)))
})
afterAll(async () => {
  for (const one of [leader, follower]) await one?.close()
  await trained.close()
})

async function predicted(id: string): Promise<void> {
  const rows = [{ at: '2026-02-01T00:00:00Z', zone: 'north', km: 3 }]
  expect((await leader?.ask('POST', `${path}/predict`, { rows, ids: [id] }))?.status).toBe(200)
}
const label = (id: string) => follower?.ask('POST', `${path}/feedback`, { labels: [{ id, label: true }] })
const worth = (id: string) =>
  follower?.ask('POST', `${path}:observe`, { observations: [{ id, metric: 'revenue', value: 3 }] })

it('finds by one that follows what the one that leads knows, and nothing twice', async () => {
  url = leader?.url
  await predicted('a')
  expect((await label('a'))?.body).toEqual({ found: 1, sent: 1 })
  expect((await label('a'))?.body).toEqual({ found: 0, sent: 1 })
  expect((await label('nobody'))?.body).toEqual({ found: 0, sent: 1 })
  expect((await worth('a'))?.body).toEqual({ found: 1, sent: 1 })
  expect((await worth('a'))?.body).toEqual({ found: 0, sent: 1 })
  expect(kept.filter(one => one.type === 'labelled' || one.type === 'told')).toEqual([])
})

it.each([
  ['none is known', () => undefined],
  ['the one that did is gone', () => 'http://127.0.0.1:9'],
  // one that follows as well, as the one that was asked has just found out
  ['who is asked does not lead', () => follower?.url],
])('says that it is not known where %s, and keeps what is told', async (_, to) => {
  kept.length = 0
  url = to()
  await predicted('b')
  expect((await label('b'))?.body).toEqual({ found: null, sent: 1 })
  expect((await worth('b'))?.body).toEqual({ found: null, sent: 1 })
  const told = kept.filter(one => one.type === 'labelled' || one.type === 'told')
  expect(told.map(one => one.type)).toEqual(['labelled', 'told'])
  // what is wrong is refused here
  expect((await follower?.ask('POST', `${path}/feedback`, { labels: [{ id: 'b' }] }))?.status).toBe(400)
  const before = leader?.live.status().labels.waiting ?? 0
  for (const one of told) tell((leader as TrainedServer).live.memory, one)
  expect(leader?.live.status().labels.waiting).toBe(before + 1)
})
