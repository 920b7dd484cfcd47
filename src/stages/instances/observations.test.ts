import { appendFile, mkdtemp, readdir, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../internal/canonical-json.ts'
import type { Recorder } from '../serve/recorder.ts'
import { ObservationLog } from './observation-log.ts'
import { ObservationReader } from './observation-reader.ts'

/** A recorder that keeps what it hears, as plain values. */
function heard(): { readonly recorder: Recorder; readonly all: unknown[] } {
  const all: unknown[] = []
  const plain = (_: string, value: unknown): unknown => {
    if (value instanceof Float32Array || value instanceof Uint8Array) return [...value].map(String)
    return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
  }
  const add = (type: string, value: unknown): number => all.push([type, JSON.parse(JSON.stringify(value, plain))])
  return {
    all,
    recorder: {
      answered: rows => void add('answered', { ...rows, rollout: rows.rollout ?? null }),
      challenged: rows => void add('challenged', rows),
      learned: (event, rollout) => void add('learned', { event, rollout }),
      labelled: labels => (add('labelled', labels), 0),
      served: (rows, rollout) => void add('served', { rows, rollout }),
      counted: minutes => void add('counted', minutes),
      told: values => (add('told', values), 0),
    },
  }
}

const score = fc.oneof(
  fc.double({ noNaN: false, noDefaultInfinity: true }),
  fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 3, maxLength: 3 }),
)
const at = fc.integer({ min: 0, max: 2e15 })
const name = fc.string({ unit: 'grapheme', maxLength: 9 })
const floats = fc.array(fc.float({ noDefaultInfinity: false }), { maxLength: 6 }).map(list => Float32Array.from(list))

/** Anything that a recorder may hear. */
const call: fc.Arbitrary<(recorder: Recorder) => void> = fc.oneof(
  fc
    .tuple(
      fc.option(name, { nil: undefined }),
      fc.boolean(),
      name,
      fc.array(fc.record({ id: name, at, score }), { maxLength: 4 }),
      floats,
      fc.option(fc.array(name, { maxLength: 4 }), { nil: undefined }),
    )
    .map(([rollout, tried, version, rows, features, categories]) => (recorder: Recorder) => {
      const inputs = { rows: rows.length, features, ...(categories ? { categories } : {}) }
      recorder.answered({ rollout, tried, version, rows, inputs })
    }),
  fc.tuple(name, fc.array(fc.record({ id: name, at, stable: score, canary: score }), { maxLength: 4 })).map(
    ([rollout, rows]) =>
      (recorder: Recorder) =>
        recorder.challenged({ rollout, rows }),
  ),
  fc.tuple(name, at, floats).map(([rollout, when, scores]) => (recorder: Recorder) => {
    recorder.learned(
      { type: 'shadow', at: when, stable: scores, canary: scores, flipped: new Uint8Array(scores.length).fill(1) },
      rollout,
    )
    recorder.learned({ type: 'memory', at: when, bytes: 7 }, rollout)
  }),
  fc
    .array(fc.record({ id: name, label: fc.double({ noNaN: true, noDefaultInfinity: true }), at }), { maxLength: 4 })
    .map(labels => (recorder: Recorder) => void recorder.labelled(labels)),
  fc
    .tuple(
      name,
      fc.array(fc.record({ id: name, at, canary: fc.boolean(), chance: fc.double({ noNaN: true, min: 0, max: 1 }) })),
      fc.array(fc.record({ id: name, metric: name, value: fc.double({ noNaN: true, noDefaultInfinity: true }) })),
    )
    .map(([rollout, rows, values]) => (recorder: Recorder) => {
      recorder.served([...rows, { id: 'a', at: 1, canary: true, chance: 0.5, caller: rollout }], rollout)
      recorder.told(values)
      const arm = { rows: values.length, asked: 1, errors: 0, timeouts: 1, took: [0, 2] }
      recorder.counted({ 7: { stable: arm, canary: arm, failed: 1, latency: [3] } })
    }),
)

const heardInfinite = (recorder: Recorder): void => {
  const scores = Float32Array.of(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN)
  recorder.learned({ type: 'shadow', at: 0, stable: scores, canary: scores }, 'r')
}

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), 'millrace-observations-'))
const refuse = (error: unknown): never => {
  throw error
}

describe('what one instance writes down', () => {
  it('is heard by the one that leads as if it had happened there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(call, { maxLength: 5 }), { maxLength: 4 }), async parts => {
        const [root, direct, through] = [await folder(), heard(), heard()]
        const log = await ObservationLog.open(join(root, 'a'), refuse)
        const reader = new ObservationReader(root, through.recorder)
        for (const calls of parts) {
          for (const one of calls) for (const to of [direct.recorder, log.recorder]) one(to)
          await log.flush()
          if (calls.length % 2 === 0) await reader.read()
        }
        await log.close()
        await reader.read()
        await reader.read()
        expect(through.all).toEqual(direct.all)
      }),
      // Scores beyond float32, which are neither numbers of JSON nor the same as none
      { numRuns: 60, examples: [[[[heardInfinite]]]] },
    )
  })

  it('is heard once each, whoever reads and wherever a reader stopped that had kept how far it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(2), fc.nat(3)), { maxLength: 12 }), async steps => {
        const [root, all] = [await folder(), heard()]
        const logs = await Promise.all(['a', 'b', 'c'].map(id => ObservationLog.open(join(root, id), refuse)))
        let reader = new ObservationReader(root, all.recorder)
        let expected = 0
        // What a journal has: where the reader was, and what it had told by then
        let [kept, told]: [Json | undefined, number] = [undefined, 0]
        for (const [who, what] of steps) {
          logs[who]?.recorder.labelled([{ id: String(expected++), label: 1, at: 1 }])
          await logs[who]?.flush()
          if (what === 0) await reader.read()
          if (what === 1) [kept, told] = [reader.capture(true), all.all.length]
          if (what !== 2) continue
          all.all.splice(told)
          reader = new ObservationReader(root, all.recorder)
          if (kept !== undefined) reader.takeBack(kept)
        }
        await reader.read()
        const ids = all.all.map(one => (one as [string, { id: string }[]])[1][0]?.id)
        expect(ids.map(Number).toSorted((a, b) => a - b)).toEqual(Array.from({ length: expected }, (_, i) => i))
        for (const log of logs) await log.close()
      }),
      { numRuns: 60 },
    )
  })

  it('does not count again for a rollout whose stored state is further than the journal', async () => {
    const [root, first, second] = [await folder(), heard(), heard()]
    const log = await ObservationLog.open(join(root, 'a'), refuse)
    const learn = (bytes: number): void => log.recorder.learned({ type: 'memory', at: 1, bytes }, 'salt')
    const label = (): void => void log.recorder.labelled([{ id: 'x', label: 1, at: 1 }])
    learn(1)
    label()
    await log.flush()
    let counted: ObservationReader['positions'] = {}
    const deciding: Recorder = {
      ...first.recorder,
      learned: (event, rollout) => {
        first.recorder.learned(event, rollout)
        if (event.type === 'memory' && event.bytes === 2) counted = reader.positions
      },
    }
    const reader: ObservationReader = new ObservationReader(root, deciding)
    const journal = reader.capture(true) as Json
    // a decision falls in the midst of a line
    learn(2)
    label()
    learn(3)
    await log.flush()
    await reader.read()
    const again = new ObservationReader(root, second.recorder, counted)
    again.takeBack(journal)
    await again.read()
    expect(first.all.length).toBe(5)
    expect(second.all.map(one => (one as [string])[0])).toEqual(['labelled', 'labelled', 'learned'])
    await log.close()
  })

  it('goes when it is heard and kept; of an instance that is gone all of it, and of one that lives nothing it may write to', async () => {
    const [root, all] = [await folder(), heard()]
    const log = await ObservationLog.open(join(root, 'a'), refuse)
    log.recorder.labelled([{ id: 'x', label: 1, at: 1 }])
    await log.close()
    const reader = new ObservationReader(root, all.recorder)
    const gone = new Set<string>()
    const files = (): Promise<string[]> => readdir(join(root, 'a')).catch(() => ['none'])
    for (let i = 0; i < 100; i++) await reader.sweep(gone)
    expect(await files()).toEqual(['000000001.jsonl'])
    await reader.read()
    for (let i = 0; i < 100; i++) await reader.sweep(gone)
    expect(await files()).toEqual(['000000001.jsonl'])
    reader.capture(false)
    reader.written()
    for (let i = 0; i < 100; i++) await reader.sweep(new Set(['a']))
    expect(await files()).toEqual(['000000001.jsonl'])
    // it has not been missed for long
    for (let i = 0; i < 50; i++) await reader.sweep(gone)
    expect(await files()).toEqual(['000000001.jsonl'])
    for (let i = 0; i < 50; i++) await reader.sweep(gone)
    expect(await files()).toEqual(['none'])
    expect(all.all.length).toBe(1)
  })

  it('ends where a crash cut a line, and goes on in what is written after it', async () => {
    const [root, all] = [await folder(), heard()]
    const log = await ObservationLog.open(join(root, 'a'), refuse)
    const path = join(root, 'a', '000000001.jsonl')
    const label = (id: string): void => void log.recorder.labelled([{ id, label: 1, at: 1 }])
    label('one')
    await log.flush()
    await appendFile(path, '01234567 [{"type":"labelled"')
    const reader = new ObservationReader(root, all.recorder)
    await reader.read()
    await reader.read()
    expect(all.all.length).toBe(1)
    // the same instance, whose disk took no more of that line
    const next = await ObservationLog.open(join(root, 'a'), refuse)
    next.recorder.labelled([{ id: 'two', label: 1, at: 1 }])
    await next.close()
    await reader.read()
    expect(all.all.map(one => (one as [string, { id: string }[]])[1][0]?.id)).toEqual(['one', 'two'])
    await truncate(path, 3)
    await reader.read()
    expect(all.all.length).toBe(2)
    await log.close()
  })
})
