import { appendFile, mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { faultyRuntime } from '../../../test/support/faulty-runtime.ts'
import { predicted, ridesOf } from '../../../test/support/rides-of.ts'
import { type Trained, trainedProject } from '../../../test/support/trained-project.ts'
import { checkedLine } from '../../internal/checked-lines.ts'
import type { LiveDeployment } from './deployment.ts'
import { replayed } from './replay.ts'
import { EventLog, readRolloutLog } from './rollout-log.ts'

// Every decision of rollouts that were really played is made again from their events, over restarts, and one that is not so is told.

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())
const { many, digestOf } = ridesOf(() => trained)
const canary = { steps: ['20%', '50%'], minRequests: 20, shadowRows: 100 } as const

async function served(name: string, folder: string) {
  const { runtime, faults } = faultyRuntime(trained.workspace.runtime)
  const live = (await trained.serve(trained.deployed(name, { canary }).project, { runtime })).get(
    name,
  ) as LiveDeployment
  await live.remember(folder, [], { clock: trained.clock, retention: 1e12, onError: error => expect(error).toBeNull() })
  return { live, faults }
}
const folderOf = (): Promise<string> => mkdtemp(join(tmpdir(), 'millrace-replay-'))

describe('a replay', () => {
  it('makes every decision again, whole rollouts and what came before and after a restart', async () => {
    const folder = await folderOf()
    const { clock, versions, workspace } = trained
    const first = await served('replayed', folder)
    await first.live.deploy(versions.good, 'ada')
    await first.live.rollOut(versions.other, 'ada')
    await predicted(first.live, many(60))
    await first.live.close()
    const { live, faults } = await served('replayed', folder)
    await predicted(live, many(60))
    await live.command('pause', 'ada', 'lunch')
    await live.command('resume', 'ada')
    for (let i = 0; i < 2; i++) await predicted(live, many(200))
    await clock.advance(3_600_000)
    live.tick()
    await live.settled()
    expect(live.rollout?.phase).toBe('done')
    // the next one gives what is no number
    await live.rollOut(versions.good, 'ada')
    faults.set(await digestOf(versions.good), async answer => ({ scores: (await answer()).scores.fill(Number.NaN) }))
    await predicted(live, many(10))
    expect(live.rollout?.phase).toBe('rolled-back')
    await live.close()

    const { entries } = await readRolloutLog(folder)
    const found = await replayed(workspace.store, 'replayed', entries)
    expect(found.map(one => `${one.verdict}: ${one.rule}`)).toEqual([
      'advanced: shadow',
      'held: command pause',
      'resumed: command resume',
      'advanced: guardrails',
      'promoted: guardrails',
      'completed: bake',
      'rolled-back: finite scores',
    ])
    expect(new Set(found.map(one => one.found))).toEqual(new Set(['agrees']))

    const store = workspace.store
    const recorded = await store.listDecisions({ kind: 'rollout', subject: 'deployment replayed' })
    const held = recorded.find(one => one.verdict === 'held')
    expect(held?.reason).toBe(`ada paused the rollout of late@${versions.other}: lunch`)
    const against = (list: typeof recorded) =>
      replayed({ listDecisions: () => Promise.resolve(list) }, 'replayed', entries).then(all =>
        all.filter(one => one.found !== 'agrees').map(one => `${one.verdict} ${one.found}`),
      )
    expect(await against(recorded)).toEqual([])
    expect(await against(recorded.filter(one => one.verdict !== 'promoted'))).toEqual(['promoted missing'])
    const forged = recorded.map(one =>
      one.verdict === 'completed' ? { ...one, rule: { ...one.rule, threshold: 1 } } : one,
    )
    expect(await against(forged)).toEqual(['completed differs'])
    const more = recorded.flatMap(one => (one.verdict === 'held' ? [one, { ...one, id: 'another' }] : [one]))
    expect(await against(more)).toEqual(['held unfounded'])
  })

  it('of events that were changed differs from what is recorded', async () => {
    const folder = await folderOf()
    const { live, faults } = await served('changed', folder)
    await live.deploy(trained.versions.good, 'ada')
    await live.rollOut(trained.versions.other, 'ada')
    faults.set(await digestOf(trained.versions.other), () => Promise.reject(new Error('no')))
    for (let i = 0; i < 9; i++) await predicted(live, many(1))
    expect(live.rollout?.phase).toBe('rolled-back')
    await live.close()
    const events = join(folder, 'events')
    const found = async () =>
      (await replayed(trained.workspace.store, 'changed', (await readRolloutLog(folder)).entries)).map(one => one.found)
    expect(await found()).toEqual(['agrees'])
    const file = join(events, (await readdir(events))[0] ?? '')
    // a line that a crash cut short is none
    await appendFile(file, '01234567 {"event":{"type":"ti')
    expect(await found()).toEqual(['agrees'])
    expect((await readRolloutLog(folder)).damaged).toEqual([])
    const lines = (await readFile(file, 'utf8')).split('\n')
    const at = lines.findIndex(line => line.includes('"canary":"error"'))
    const changed = (lines[at] as string).replace('"canary":"error"', '"canary":"ok"')
    // written anew it is another event; with the checksum of before it is none, and what follows cannot be told without it
    await writeFile(file, lines.with(at, checkedLine(JSON.parse(changed.slice(9))).trimEnd()).join('\n'))
    expect(await found()).toEqual(['unfounded'])
    await writeFile(file, lines.with(at, changed).join('\n'))
    const kept = await readRolloutLog(folder)
    expect(kept.damaged).toEqual([{ path: file, lines: 1 }])
    expect(kept.entries).toHaveLength(at)
  })
})

it('a log that cannot be written says so once, and goes on from the rollout as it stands', async () => {
  const folder = await folderOf()
  const errors: unknown[] = []
  const log = await EventLog.open(join(folder, 'events'), error => errors.push(error))
  const live = (await served('unlogged', await folderOf())).live
  await live.deploy(trained.versions.good, 'ada')
  await live.rollOut(trained.versions.other, 'ada')
  const state = live.rollout as NonNullable<typeof live.rollout>
  log.state(state)
  await log.flush()
  const { rename } = await import('node:fs/promises')
  await rename(join(folder, 'events'), join(folder, 'away'))
  for (let i = 0; i < 3; i++) {
    log.event({ type: 'tick', at: i }, state)
    await log.flush()
  }
  expect(errors).toHaveLength(1)
  await rename(join(folder, 'away'), join(folder, 'events'))
  log.event({ type: 'tick', at: 9 }, state)
  await log.close()
  const { entries } = await readRolloutLog(folder)
  expect(entries.map(entry => ('state' in entry ? 'state' : entry.event.at))).toEqual(['state', 'state', 9])
})
