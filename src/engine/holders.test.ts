import { expect, test } from 'vitest'
import type { ProcessIdentity } from '../ports/executor.ts'
import type { RunRecord } from '../ports/metadata-store.ts'
import { holderOf, isDrivenBy } from './holders.ts'

const owner: ProcessIdentity = { host: 'a', bootId: 'b', pid: 1, startTime: '1' }
const run = (until?: number): RunRecord => ({
  id: 'r',
  kind: 'pipeline',
  name: 'n',
  status: 'running',
  trigger: 'manual',
  startedAt: 0,
  environment: {},
  parameters: {},
  ...(until === undefined ? {} : { lease: { owner, until } }),
})
const saying = (alive: boolean | undefined) => ({ alive: () => alive })

test('a dead process holds nothing, however long its lease; a living one is not robbed, however late its heartbeat', () => {
  expect(holderOf(run(), 100, saying(true)).state).toBe('free')
  expect(holderOf(run(999), 100, saying(false)).state).toBe('dead')
  expect(holderOf(run(1), 100, saying(true)).state).toBe('held')
})

test('of a process on another machine only the lease tells', () => {
  expect(holderOf(run(100), 100, saying(undefined)).state).toBe('held')
  expect(holderOf(run(99), 100, saying(undefined)).state).toBe('dead')
})

test('a lease of a time to come, from before a clock was set back, holds nothing for ever', () => {
  const hour = 3_600_000_000
  expect(holderOf(run(hour), 0, saying(undefined)).state).toBe('dead')
  expect(holderOf(run(hour), hour - 60_000_000, saying(undefined)).state).toBe('held')
})

test('a run is driven by the owner of its lease and nobody else', () => {
  expect(isDrivenBy(run(999), owner, 100, saying(true))).toBe(true)
  expect(isDrivenBy(run(999), { ...owner, startTime: '2' }, 100, saying(true))).toBe(false)
  expect(isDrivenBy({ ...run(999), status: 'failed' }, owner, 100, saying(true))).toBe(false)
  expect(isDrivenBy(run(999), owner, 100, saying(false))).toBe(false)
  expect(isDrivenBy(run(), owner, 100, saying(true))).toBe(false)
  expect(isDrivenBy(undefined, owner, 100, saying(true))).toBe(false)
})
