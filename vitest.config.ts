import { defineConfig } from 'vitest/config'
import { strangeZone } from './test/strange-zone.ts'

// Threads and processes of tests take it from here
process.env.TZ = strangeZone

// Two projects: `unit` (beside the code, no process of ours) and `system` (test/: child processes, files, browsers).
// `journeys` are the longest of `system`: whole ways through the product, `npm run test:journeys`.
// `alone` (test/alone/) holds claims about time: it runs after the rest, one file at a time, nothing is tried twice.
// `faults` kills processes, fills disks and damages files, many times over: it runs through `npm run test:faults`.
// `long` is what takes minutes: it runs through `npm run test:long`.
// `peers` needs PostgreSQL, Redis, … and runs only through `npm run test:peers`.
/** Statistics and exhaustive ones, and the random properties that `MILLRACE_FUZZ_RUNS` gives more tries. */
const longTests = [
  'src/**/*.long.test.ts',
  'test/**/*.long.test.ts',
  'src/define/expression/pattern.test.ts',
  'src/adapters/data/duckdb/{engine,patterns,lines,plain-text}.test.ts',
  'src/adapters/inference/trees/hostile.test.ts',
  'src/adapters/trainer/own/own.test.ts',
  'src/stages/import/expectations/import.test.ts',
  'src/stages/deploy/rollout/rollout.test.ts',
  'src/stages/validate/incremental.test.ts',
  'src/server/applied-features.test.ts',
  'src/stages/features/{language,offline,schedules}.test.ts',
  'src/stages/profile/suggest/suggest.test.ts',
  'test/fuzz/**/*.test.ts',
]

/** Each takes a quarter of a minute and more on two quiet cores: together they are half of what everybody would wait for. */
const journeys = [
  'test/{audit,change,ci-commands,demo,image,in-place,ingest,jobs,model-suite,option-effects,python-lock,reuse,scaler,score,served,trainers}.test.ts',
  'test/fuzz/{definitions,text-files}.test.ts',
  'test/oracle/**/*.test.ts',
  'test/running/{jobs-page,memory,processes,promises,retrain,rollouts,shutdown,sign-in}.test.ts',
  'test/server/{dashboard,mutation}.test.ts',
]

export default defineConfig({
  test: {
    globalSetup: ['test/build-first.ts'],
    setupFiles: ['test/nothing-left.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts'],
          exclude: ['src/**/*.long.test.ts'],
          isolate: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      { extends: true, test: { name: 'long', include: longTests, testTimeout: 600_000 } },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          exclude: ['test/{peers,frameworks,alone,faults}/**', 'test/**/*.long.test.ts', ...journeys],

          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: { name: 'journeys', include: journeys, testTimeout: 120_000, hookTimeout: 120_000 },
      },
      {
        extends: true,
        test: { name: 'faults', include: ['test/faults/**/*.test.ts'], testTimeout: 240_000, hookTimeout: 240_000 },
      },
      {
        extends: true,
        test: { name: 'alone', include: ['test/alone/**/*.test.ts'], testTimeout: 120_000, fileParallelism: false },
      },
      {
        extends: true,
        test: {
          name: 'frameworks',
          include: ['test/frameworks/**/*.test.ts'],
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
      {
        extends: true,
        test: { name: 'peers', include: ['test/peers/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 300_000 },
      },
    ],
    pool: 'forks',
    maxWorkers: 2,
  },
})
