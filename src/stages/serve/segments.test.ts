import { expect, it } from 'vitest'
import { t } from '../../define/column.ts'
import { columnsOfDataset } from '../../define/dataset.ts'
import { valuesOf } from '../../define/model-test/columns.ts'
import { maxSegments } from '../deploy/rollout/segments.ts'
import { segmentsOf } from './segments.ts'

const c = columnsOfDataset({ zone: t.nullable(t.text()), km: t.float(), big: t.int(), paid: t.bool() })
const by = valuesOf([c.zone, c.km.gt(20), c.big])
const row = (zone: string | null, km = 1, big: number | bigint = 7) => ({ row: { zone, km, big } })

it('names each segment of a request once, by the values of its rows', () => {
  expect(segmentsOf(by, [row('north'), row('north', 21), row(null)])).toEqual([
    'zone = "north"',
    'km > 20 = false',
    'big = 7',
    'km > 20 = true',
    'zone is null',
  ])
  // a text that says null is none, and a column that is not there is null
  expect(segmentsOf(by, [{ row: { zone: 'null' } }])).toEqual(['zone = "null"', 'km > 20 is null', 'big is null'])
  expect(segmentsOf(valuesOf(c.big), [row('', 0, 9_007_199_254_740_993n)])).toEqual(['big = 9007199254740993'])
})

it('shows what callers send quoted and cut, on one line', () => {
  expect(segmentsOf(valuesOf(c.zone), [row('a"b\n\u001b[2J')])).toEqual(['zone = "a\\"b\\n\\u001b[2J"'])
  const [long = ''] = segmentsOf(valuesOf(c.zone), [row('x'.repeat(10_000))])
  expect(long).toBe(`zone = "${'x'.repeat(64)}…"`)
})

it('says nothing of a request that is of too many segments', () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => row(`z${i}`))
  expect(segmentsOf(valuesOf(c.zone), many(maxSegments))).toHaveLength(maxSegments)
  expect(segmentsOf(valuesOf(c.zone), many(maxSegments + 1))).toEqual([])
})
