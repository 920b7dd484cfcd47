import { expect, it } from 'vitest'
import { manualClock, type ManualClock } from '../../testing/manual-clock.ts'
import type { FrameRows } from '../../ports/trainer.ts'
import { latencyTest } from './latency-test.ts'
import type { Subject } from './subject.ts'

const frame = { rows: 10, inputs: [new Float32Array(10)] } as unknown as FrameRows

/** A model whose n-th call takes what `call` does to the clock. */
function subjectOf(call: (n: number) => Promise<void> | void): Subject {
  let n = 0
  return {
    inputs: [{ name: 'x', kind: 'number' }],
    loaded: {
      run: async () => {
        await call(n++)
        return { scores: new Float32Array(1) }
      },
    } as unknown as Subject['loaded'],
  }
}

const within = (limits: { p50Micros?: number; p99Micros?: number }, clock: ManualClock, subject: Subject) =>
  latencyTest({ id: 'latency', severity: 'critical', kind: 'latency', ...limits }, 'm', subject, frame, clock)

it('is measured in microseconds and held to the limit, to the last one', async () => {
  const clock = manualClock()
  const slow = subjectOf(() => clock.work(2))
  expect(await within({ p99Micros: 2_000 }, clock, slow)).toMatchObject({ status: 'pass' })
  const failed = await within({ p99Micros: 1_999 }, clock, slow)
  expect(failed).toMatchObject({ status: 'fail', bad: 1, observed: { p50Micros: 2_000, p99Micros: 2_000 } })
  expect(failed.message).toBe(
    'one row computes for 2 ms at the median and 2 ms at the 99th percentile, allowed is p99 ≤ 2 ms',
  )
})

it('looks at the median and the 99th percentile each', async () => {
  const clock = manualClock()
  // 15 of a thousand take 50 ms
  const tail = subjectOf(n => clock.work(n % 67 === 0 ? 50 : 0.1))
  expect(await within({ p50Micros: 200 }, clock, tail)).toMatchObject({ status: 'pass' })
  expect(await within({ p50Micros: 200, p99Micros: 20_000 }, clock, tail)).toMatchObject({ status: 'fail' })
})

it('does not count time in which other programs had the processor', async () => {
  const clock = manualClock()
  const crowded = subjectOf(async () => {
    clock.work(0.05)
    await clock.advance(40)
  })
  const verdict = await within({ p99Micros: 20_000 }, clock, crowded)
  expect(verdict.status).toBe('pass')
  expect(verdict.observed.p99Micros).toBeCloseTo(50)
  expect(verdict.observed.wallP99Micros).toBeCloseTo(40_050)
})

it('warms up before it counts', async () => {
  const clock = manualClock()
  const cold = subjectOf(n => clock.work(n < 50 ? 500 : 0.1))
  expect(await within({ p99Micros: 1_000 }, clock, cold)).toMatchObject({ status: 'pass' })
})
