import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openArtifacts } from '../adapters/artifacts/fs/open.ts'
import { systemClock } from '../adapters/clock/system.ts'
import { digestBytes } from '../internal/digest.ts'
import { makeContext, type ContextSetup } from './context.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-context-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))
const artifacts = await openArtifacts(root)
const told: unknown[] = []
const context = (over: Partial<ContextSetup> = {}) =>
  makeContext({
    runId: 'r',
    step: 's',
    attempt: 2,
    inputs: {},
    parameters: { depth: 3 },
    seed: 5,
    artifacts,
    clock: systemClock(),
    signal: new AbortController().signal,
    folder: join(root, 'a', 'b'),
    onProgress: (...given) => told.push(given),
    onMetric: (...given) => told.push(given),
    ...over,
  })

test('a step knows who it is and what it was given', async () => {
  const stored = await artifacts.put('{"rows":[1,"ä"]}')
  const ref = { type: 'json', ...stored } as const
  const made = context({ inputs: { rows: ref } })
  expect(made).toMatchObject({ runId: 'r', step: 's', attempt: 2, parameters: { depth: 3 }, seed: 5 })
  const input = made.inputs['rows']
  expect(input?.ref).toBe(ref)
  expect(await input?.json()).toEqual({ rows: [1, 'ä'] })
  expect(Buffer.from((await input?.bytes()) ?? []).toString()).toBe('{"rows":[1,"ä"]}')
  expect(statSync((await input?.path()) ?? '').size).toBe(stored.size)
})

test('what is drawn depends on the seed alone, and bytes take every value', () => {
  const draw = (seed: number) => {
    const { random } = context({ seed })
    return [random.next(), random.next(), ...random.bytes(4)]
  }
  expect(draw(5)).toEqual(draw(5))
  expect(draw(5)).not.toEqual(draw(6))
  const bytes = context().random.bytes(8000)
  expect(bytes).toHaveLength(8000)
  expect(new Set(bytes).size).toBe(256)
  const mean = bytes.reduce((sum, byte) => sum + byte, 0) / bytes.length
  // 127.5 with a standard error of 0.83
  expect(Math.abs(mean - 127.5)).toBeLessThan(4)
  const { random } = context()
  expect(Array.from({ length: 200 }, () => random.next()).every(x => x >= 0 && x < 1)).toBe(true)
})

test('its folder is there when it is asked for, for nobody else to read', async () => {
  const made = context()
  expect(existsSync(join(root, 'a'))).toBe(false)
  expect(await made.folder()).toBe(join(root, 'a', 'b'))
  expect(statSync(join(root, 'a', 'b')).mode & 0o777).toBe(0o700)
  expect(await made.folder()).toBe(join(root, 'a', 'b'))
})

test('saves texts, bytes and files, with what is said about them', async () => {
  const file = join(root, 'given')
  writeFileSync(file, 'same')
  const wanted = { type: 'file', digest: digestBytes('same'), size: 4 }
  const made = context()
  expect(await made.save('file', 'same')).toEqual(wanted)
  expect(await made.save('file', Buffer.from('same'))).toEqual(wanted)
  expect(await made.save('file', { file })).toEqual(wanted)
  expect(await made.save('model', 'same', { rows: 3 })).toEqual({ ...wanted, type: 'model', meta: { rows: 3 } })
})

test('progress and metrics are passed on; a metric without a step is of step 0', () => {
  told.length = 0
  const made = context()
  made.progress(0.5, 'half')
  made.progress(1)
  made.metric('auc', 0.7)
  made.metric('auc', 0.8, 3)
  expect(told).toEqual([[0.5, 'half'], [1], ['auc', 0.7, 0], ['auc', 0.8, 3]])
})
