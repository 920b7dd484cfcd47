import { describe, expect, it } from 'vitest'
import { csv, dataset, parquet, t } from '../../index.ts'
import { digestBytes } from '../../internal/digest.ts'
import { landingPlace } from './landing.ts'

const content = digestBytes('content')
const other = digestBytes('other')
const short = content.slice(7, 15)
const of = (source: ReturnType<typeof csv>) => dataset('sales', { source, columns: { id: t.int() } })
const place = (
  source: ReturnType<typeof csv>,
  name: string,
  present: Parameters<typeof landingPlace>[4] = [],
): string => landingPlace(of(source), '/shop', name, content, present)

describe('a file that is taken in', () => {
  it.each([
    ['a name that the glob takes', 'a.csv', '/shop/data/a.csv'],
    ['a path: only its name counts', '../../etc/a.csv', '/shop/data/a.csv'],
    ['another ending', 'a.txt', `/shop/data/a-${short}.csv`],
    ['no ending', 'a', `/shop/data/a-${short}.csv`],
    ['a hidden name', '.a.csv', '/shop/data/a.csv'],
    ['signs that are none of a name', 'a b*?.csv', '/shop/data/a_b__.csv'],
    ['letters of any alphabet', 'übersicht.csv', '/shop/data/übersicht.csv'],
    ['nothing of a name', '...', `/shop/data/data-${short}.csv`],
  ])('lands in the folder of the glob: %s', (_, name, wanted) => {
    expect(place(csv('data/*.csv'), name)).toBe(wanted)
  })

  it('takes the place of no other content, and its own place again', () => {
    const there = (digest: typeof content) => [{ name: 'data/a.csv', path: '/shop/data/a.csv', digest, size: 1 }]
    expect(place(csv('data/*.csv'), 'a.csv', there(other))).toBe(`/shop/data/a-${short}.csv`)
    expect(place(csv('data/*.csv'), 'a.csv', there(content))).toBe('/shop/data/a.csv')
  })

  it.each([
    ['one file', () => place(csv('data/a.csv'), 'b.csv'), /its source is one file/],
    ['a glob of folders', () => place(parquet('data/*/part.parquet'), 'a.parquet'), /would not be part of it/],
  ])('is refused where the dataset takes no files: %s', (_, look, said) => {
    expect(look).toThrow(said)
  })
})
