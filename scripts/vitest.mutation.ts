import { defineConfig } from 'vitest/config'
import { strangeZone } from '../test/strange-zone.ts'

// Threads and processes of tests take it from here
process.env.TZ = strangeZone

// What Stryker runs: the tests beside the code, on the sources, without a compile.
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'threads',
    maxWorkers: 1,
  },
})
