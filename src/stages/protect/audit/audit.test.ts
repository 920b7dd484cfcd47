import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { manualClock } from '../../../testing/manual-clock.ts'
import type { AnchorRecord, AnchorPlace } from './anchor.ts'
import { heldAnchors } from './anchors.ts'
import { openAudit, type AuditEvent, type AuditOptions } from './log.ts'
import { GrowingTree, leafHash } from './merkle.ts'
import { verifyAudit } from './verify.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-audit-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const event = (res: string): AuditEvent => ({
  actor: { sub: 'ada', kind: 'user' },
  act: 'keys.unwrap',
  res,
  effect: 'allow',
})

async function filled(
  records: number,
  over: { checkpointEvery?: number; segmentBytes?: number } = {},
): Promise<string> {
  const folder = mkdtempSync(join(root, 'log-'))
  const log = await openAudit({ folder, instance: 'test', clock: manualClock(), ...over })
  const all = await Promise.all(Array.from({ length: records }, (_, i) => log.append(event(`key ${i}`))))
  expect(all).toEqual(Array.from({ length: records }, (_, i) => i))
  await log.close()
  return folder
}

const first = '00000001.jsonl'

function alter(folder: string, file: string, change: (text: string) => string): void {
  writeFileSync(join(folder, file), change(readFileSync(join(folder, file), 'utf8')))
}

test('a log that nobody touched verifies, over segments and openings', async () => {
  const folder = await filled(40, { checkpointEvery: 10, segmentBytes: 1000 })
  const options = { folder, instance: 'test', clock: manualClock(), segmentBytes: 1000 }
  for (let i = 0; i < 3; i++) {
    const log = await openAudit(options)
    await log.append(event('more'))
    await log.close()
  }
  expect(await verifyAudit(folder)).toMatchObject({ ok: true, records: 43 })
})

test('logs that several processes have open at once are one chain, over segments', async () => {
  const folder = mkdtempSync(join(root, 'log-'))
  const options = { folder, instance: 'test', clock: manualClock(), segmentBytes: 1500, checkpointEvery: 7 }
  const logs = await Promise.all([1, 2, 3].map(() => openAudit(options)))
  const numbers = await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      await new Promise(done => setTimeout(done, (i % 5) * 3))
      return logs[i % 3]?.append(event(`key ${i}`))
    }),
  )
  expect(numbers.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i))
  for (const log of logs) await log.close()
  expect(await verifyAudit(folder)).toMatchObject({ ok: true, records: 60 })
})

test('an altered record is named', async () => {
  const folder = await filled(20)
  alter(folder, first, text => text.replace('key 7"', 'key 8"'))
  expect(await verifyAudit(folder)).toMatchObject({ ok: false, firstBad: { record: 7, place: `${first}:8` } })
})

test('a removed record, swapped records and an altered last record are found', async () => {
  const lines = (change: (all: string[]) => string[]) => (text: string) =>
    `${change(text.trim().split('\n')).join('\n')}\n`
  const removed = await filled(5)
  alter(
    removed,
    first,
    lines(all => all.filter((_, i) => i !== 2)),
  )
  expect((await verifyAudit(removed)).firstBad).toMatchObject({ record: 2, reason: expect.stringContaining('missing') })
  const swapped = await filled(5)
  alter(
    swapped,
    first,
    lines(all => [all[0] ?? '', all[2] ?? '', all[1] ?? '', ...all.slice(3)]),
  )
  expect((await verifyAudit(swapped)).firstBad).toMatchObject({ record: 1 })
  const last = await filled(5)
  alter(last, first, text => text.replace('key 4"', 'key 9"'))
  expect((await verifyAudit(last)).firstBad).toMatchObject({ reason: expect.stringContaining('signed') })
})

test('a cut log is found by its checkpoints, a rewritten one by an anchor kept elsewhere', async () => {
  const cut = await filled(6)
  alter(cut, first, text => `${text.split('\n').slice(0, 3).join('\n')}\n`)
  expect((await verifyAudit(cut)).firstBad).toMatchObject({ reason: '6 records were signed, 3 are left' })
  const folder = await filled(6)
  const anchor = readFileSync(join(folder, 'checkpoints.txt'), 'utf8').trimEnd() + '\n'
  rmSync(join(folder, first))
  rmSync(join(folder, 'checkpoints.txt'))
  const log = await openAudit({ folder, instance: 'test', clock: manualClock() })
  for (let i = 0; i < 6; i++) await log.append(event('forged'))
  await log.close()
  expect((await verifyAudit(folder)).ok).toBe(true)
  expect((await verifyAudit(folder, { notes: [anchor] })).ok).toBe(false)
  expect((await verifyAudit(folder, { notes: [anchor.replace('\n6\n', '\n5\n')] })).ok).toBe(false)
})

test('a torn last line is cut and recorded', async () => {
  const folder = await filled(3)
  appendFileSync(join(folder, first), '{"act":"half a rec')
  await (await openAudit({ folder, instance: 'test', clock: manualClock() })).close()
  expect(await verifyAudit(folder)).toMatchObject({ ok: true, records: 4 })
  expect(readFileSync(join(folder, first), 'utf8')).toContain('"act":"audit.repair","actor"')
  expect(readFileSync(join(folder, first), 'utf8')).toContain('"droppedBytes":18')
})

/** A place in memory whose nth write ends the process: nothing is written then or later. */
function mortalPlace(name: string, life: { writes: number }): AnchorPlace & { held?: AnchorRecord } {
  const place: AnchorPlace & { held?: AnchorRecord } = {
    name,
    read: async () => place.held,
    write: async anchored => {
      if (life.writes-- <= 0) throw new Error('killed')
      place.held = anchored
    },
  }
  return place
}

test('wherever between two writes a process ends, the next one goes on and nothing looks altered', async () => {
  for (let writes = 0; writes < 9; writes++) {
    const folder = mkdtempSync(join(root, 'log-'))
    const life = { writes: Number.POSITIVE_INFINITY }
    const [store, file, git] = ['store', 'file', 'git'].map(name => mortalPlace(name, life))
    if (store === undefined || file === undefined || git === undefined) throw new Error('three places')
    const options: AuditOptions = {
      folder,
      instance: 'test',
      clock: manualClock(),
      anchors: { log: 'test', store, others: [file, git] },
    }
    const one = await openAudit(options)
    await one.append(event('one'))
    await one.close()
    const second = await openAudit(options)
    life.writes = writes
    await second.append(event('two')).catch(() => undefined)
    await second.checkpoint().catch(() => undefined)
    await second.append(event('three')).catch(() => undefined)
    await second.checkpoint().catch(() => undefined)
    life.writes = Math.min(life.writes, 0)
    await second.close().catch(() => undefined)
    life.writes = Number.POSITIVE_INFINITY
    for (const others of [[file, git], [], [git], [file, git]]) {
      const again = await openAudit({ ...options, anchors: { log: 'test', store, others } })
      await again.append(event('four'))
      await again.close()
    }
    const held = await heldAnchors({ log: 'test', store, others: [file, git] })
    expect(await verifyAudit(folder, { held }), `killed at write ${writes}`).toMatchObject({ ok: true })
    expect(readFileSync(join(folder, first), 'utf8')).not.toContain('audit.gap')
  }
})

test('a torn checkpoint is cut, and the next one is whole', async () => {
  const folder = await filled(3)
  appendFileSync(join(folder, 'checkpoints.txt'), 'millrace/test/audit\n5\nabc')
  const log = await openAudit({ folder, instance: 'test', clock: manualClock() })
  await log.append(event('more'))
  await log.close()
  expect(await verifyAudit(folder)).toMatchObject({ ok: true, records: 4, checkpoints: 2 })
})

test('the growing tree has the root of RFC 6962', () => {
  const hash = (...parts: Buffer[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest()
  const naive = (leaves: Buffer[]): Buffer => {
    if (leaves.length === 0) return hash()
    if (leaves.length === 1) return leaves[0] as Buffer
    let split = 1
    while (split * 2 < leaves.length) split *= 2
    return hash(Buffer.of(1), naive(leaves.slice(0, split)), naive(leaves.slice(split)))
  }
  const tree = new GrowingTree()
  const leaves: Buffer[] = []
  for (let i = 0; i < 70; i++) {
    expect(tree.root().equals(naive(leaves))).toBe(true)
    leaves.push(leafHash(`line ${i}`))
    tree.add(leaves[i] as Buffer)
  }
})
