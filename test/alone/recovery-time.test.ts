import { afterAll, afterEach, expect, test } from 'vitest'
import { endAll, killAndRecover, killMoments, removeAll } from '../support/crash.ts'

afterEach(endAll)
afterAll(removeAll)

test.each(killMoments)('a run whose process is killed after %i ms goes on within 5 s', async delay => {
  // Counted from the start of the new process: it holds the start of Node.js and a whole step too
  expect(await killAndRecover(delay)).toBeLessThanOrEqual(5_000)
})
