import type { MemoryTest } from '../../define/model-test/index.ts'
import type { CheckResult } from '../../define/report.ts'
import type { SuiteContext } from './context.ts'
import { batchOf } from './subject.ts'

const calls = 1000
const blocks = 4

/**
 * What the process grows by in a thousand calls. The first block warms up; of the others the one that grew least counts, for
 * collecting garbage at its own times is no growth, and what is kept for ever grows in each of them.
 */
export async function memoryTest(
  test: MemoryTest,
  { name, subject, frame }: SuiteContext,
  bytesUsed: () => number = () => process.memoryUsage.rss(),
): Promise<CheckResult> {
  let least = Infinity
  for (let block = 0; block < blocks; block++) {
    const before = bytesUsed()
    for (let i = 0; i < calls; i++)
      await subject.loaded.run(batchOf(subject.inputs, frame.inputs, [(i * 7919 + block) % frame.rows]))
    const by = bytesUsed() - before
    if (block > 0) least = Math.min(least, by)
  }
  const grown = Math.max(0, least)
  const holds = grown <= test.maxBytes
  const bytes = (value: number): string => `${value.toLocaleString('en-US')} bytes`
  return {
    id: test.id,
    kind: 'memory',
    target: { model: name },
    severity: test.severity,
    status: holds ? 'pass' : 'fail',
    observed: { grown },
    evaluated: calls * (blocks - 1),
    bad: holds ? 0 : 1,
    threshold: `at most ${bytes(test.maxBytes)} in ${calls.toLocaleString('en-US')} calls`,
    message: `the process grows by ${bytes(grown)} in ${calls.toLocaleString('en-US')} calls`,
  }
}
