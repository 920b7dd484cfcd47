import { describe, expect, it } from 'vitest'
import { openDuckdb } from '../../src/adapters/data/duckdb/engine.ts'
import { kinds } from '../../src/define/expectation/index.ts'
import { elsewhere, figureCases, groupCases, rowCases } from './cases.ts'
import { holdToCounting } from './verdicts.ts'
import { wholeCases } from './whole-cases.ts'

describe('every kind says what plain counting says', () => {
  it('and none is forgotten', () => {
    const covered = new Set([...rowCases, ...groupCases, ...figureCases, ...wholeCases].map(one => one.kind))
    expect([...kinds.keys()].filter(kind => !covered.has(kind) && !(kind in elsewhere))).toEqual([])
  })

  const open = () => openDuckdb()
  holdToCounting({
    open,
    writer: open,
    forms: ['parquet', 'csv'],
    takes: () => true,
    each: column => `unnest(${column})`,
    runs: 1,
  })
})
