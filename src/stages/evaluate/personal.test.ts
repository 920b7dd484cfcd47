import { expect, it } from 'vitest'
import { dataset, entity, features, gbt, model, parquet, t } from '../../index.ts'
import type { CheckResult } from '../../define/report.ts'
import { personalInputs, withoutValuesOf } from './personal.ts'

const people = dataset('people', {
  source: parquet('none'),
  columns: {
    at: t.timestamp('UTC'),
    who: t.text(),
    mail: t.pii(t.text()),
    age: t.pii(t.int()),
    km: t.float(),
    late: t.bool(),
  },
  eventTime: 'at',
  encryptWith: 'people',
})
const own = features('own', {
  entity: entity('person', { who: t.text() }),
  from: people,
  compute: f => ({ rides: f.count('1d'), oldest: f.max('age', '1d'), far: f.max('km', '1d') }),
})
const made = model('late', {
  task: 'binary',
  from: people,
  label: c => c.late,
  inputs: c => ({ ...own.all, km: c.km, adult: c.age.gte(18), host: c.mail }),
  features: [own],
  split: { by: 'time', train: '20d', test: '5d' },
  train: gbt({ trees: 1 }),
  encryptWith: 'people',
})

it('an input is personal where a column is that it is made of, by itself or through a feature', () => {
  const ofFeature = made.inputs.find(one => one.name.endsWith('oldest'))?.name
  expect(new Set(personalInputs(made))).toEqual(new Set(['adult', 'host', ofFeature]))
})

it('a sample keeps its other cells, and its figures', () => {
  const check = { id: 'a', sample: [{ km: 1, host: 'x', 'host before': 'y', 'host after': null, 'score after': 0.5 }] }
  const other = { id: 'b' }
  const checks = [check, other] as unknown as CheckResult[]
  expect(withoutValuesOf(['host'], checks)).toEqual([
    { id: 'a', sample: [{ km: 1, host: '•••', 'host before': '•••', 'host after': '•••', 'score after': 0.5 }] },
    other,
  ])
  expect(withoutValuesOf([], checks)).toBe(checks)
})
