import { describe, test } from 'vitest'
import { runContract } from '../../../testing/contract.ts'
import { dataEngineContract } from '../../../testing/data-engine-contract.ts'
import { openDuckdb } from './engine.ts'

describe('data engine DuckDB', () =>
  runContract(
    test,
    dataEngineContract(() => openDuckdb({ threads: 2 })),
  ))
