import type { CheckResult } from '../../define/report.ts'
import type { ModelTest } from '../../define/model-test/index.ts'
import type { Clock } from '../../ports/clock.ts'
import type { FrameRows } from '../../ports/trainer.ts'
import { batchOf, type Subject } from './subject.ts'

const warmUp = 50
const calls = 1000

type LatencyTest = Extract<ModelTest, { kind: 'latency' }>

/** A time in the unit that reads best: `46 µs`, `1.2 ms`. */
function timeInWords(micros: number): string {
  return micros < 1000 ? `${micros.toFixed(0)} µs` : `${Number((micros / 1000).toPrecision(3))} ms`
}

/** The middle and the 99th of a hundred of ascending times. */
function percentiles(times: Float64Array): { readonly p50: number; readonly p99: number } {
  times.sort()
  return { p50: times[times.length / 2] as number, p99: times[Math.floor(times.length * 0.99)] as number }
}

/**
 * One row a call, fresh rows each time, after warm-up. A call counts with the time in which it computed: with its time by
 * the clock, or with the processor time of the process where that is less because other programs ran in between.
 */
export async function latencyTest(
  test: LatencyTest,
  model: string,
  subject: Subject,
  frame: FrameRows,
  clock: Clock,
): Promise<CheckResult> {
  const batches = Array.from({ length: warmUp + calls }, (_, i) =>
    batchOf(subject.inputs, frame.inputs, [Math.floor((i * 7919) % frame.rows)]),
  )
  const [computing, passing] = [new Float64Array(calls), new Float64Array(calls)]
  for (const [i, batch] of batches.entries()) {
    const [started, worked] = [clock.elapsed(), clock.processorTime()]
    await subject.loaded.run(batch)
    if (i < warmUp) continue
    const [wall, processor] = [clock.elapsed() - started, clock.processorTime() - worked]
    passing[i - warmUp] = wall * 1000
    computing[i - warmUp] = Math.min(wall, processor) * 1000
  }
  return verdictOf(test, model, percentiles(computing), percentiles(passing).p99)
}

function verdictOf(
  test: LatencyTest,
  model: string,
  { p50, p99 }: { readonly p50: number; readonly p99: number },
  wallP99: number,
): CheckResult {
  const limits = (
    [
      ['p50', p50, test.p50Micros],
      ['p99', p99, test.p99Micros],
    ] as const
  ).flatMap(([name, observed, limit]) => (limit === undefined ? [] : [{ name, observed, limit }]))
  const holds = limits.every(({ observed, limit }) => observed <= limit)
  const allowed = limits.map(({ name, limit }) => `${name} ≤ ${timeInWords(limit)}`).join(', ')
  return {
    id: test.id,
    kind: 'latency',
    target: { model },
    severity: test.severity,
    status: holds ? 'pass' : 'fail',
    observed: { p50Micros: p50, p99Micros: p99, wallP99Micros: wallP99 },
    evaluated: calls,
    bad: holds ? 0 : 1,
    threshold: allowed,
    message: `one row computes for ${timeInWords(p50)} at the median and ${timeInWords(p99)} at the 99th percentile, allowed is ${allowed}`,
  }
}
