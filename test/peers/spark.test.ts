import { describe, test } from 'vitest'
import { openDuckdb } from '../../src/adapters/data/duckdb/engine.ts'
import { openSpark } from '../../src/adapters/data/spark/engine.ts'
import type { ExpectationSpec } from '../../src/define/expectation/spec.ts'
import { runContract } from '../../src/testing/contract.ts'
import { holdToCounting } from '../oracle/verdicts.ts'
import { dataEngineContract } from '../../src/testing/data-engine-contract.ts'

const servers = [
  ['Sail', process.env.MILLRACE_TEST_SAIL ?? ''],
  ['Apache Spark', process.env.MILLRACE_TEST_SPARK ?? ''],
].filter(([, url]) => url !== '') as [string, string][]
if (servers.length === 0)
  console.warn('SKIPPED: MILLRACE_TEST_SAIL is not set; scripts/test-peers.sh starts a server to test with')

/** SQL of users, and what asks for the capitals of letters. */
const isRefused = (spec: ExpectationSpec): boolean =>
  spec.kind === 'sql' || /"fn":"(?:lower|upper)"/.test(JSON.stringify(spec))

const refused = {
  "a user's query may be one SELECT over its relation, and nothing else": 'SQL of users is refused by name',
  'lines of text that are no rows are told by number, and the others are rows': 'text is refused by name',
}

describe.skipIf(servers.length === 0).each(servers)('data engine Spark Connect at %s', (name, url) => {
  const sail = {
    'a statement that takes longer than its limit is ended, and the engine goes on':
      'Sail goes on with a join that nobody waits for, and answers nobody meanwhile',
    'rows keep their order from load to file and back, with their number in the file':
      'Sail does not tell a row its place, and is refused where that is asked for',
  }
  runContract(
    test,
    dataEngineContract(() => openSpark({ url, local: () => openDuckdb({ threads: 1 }) }), {
      ...refused,
      ...(name === 'Sail' ? sail : {}),
    }),
  )

  describe('every kind that it takes says what plain counting says', () =>
    holdToCounting({
      open: () => openSpark({ url, local: () => openDuckdb({ threads: 1 }) }),
      writer: () => openDuckdb({ threads: 1 }),
      forms: ['parquet'],
      takes: spec => !isRefused(spec),
      each: column => `explode(${column})`,
      runs: 0.08,
    }))
})
