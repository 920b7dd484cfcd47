import { describe, expect as check, it } from 'vitest'
import { dataset, expect, parquet, project, t } from '../index.ts'
import { definitionDigest } from './project.ts'

const make = (min: number) =>
  dataset('d', {
    source: parquet('d.parquet'),
    columns: { a: t.int(), b: t.text() },
    expect: c => [c.a.between(min, 9), expect.that(c.b.ne('x'))],
  })

describe('definitions', () => {
  it('have a digest that follows their content and not the lines they stand on', () => {
    check(definitionDigest(make(1))).toBe(definitionDigest(make(1)))
    check(definitionDigest(make(1))).not.toBe(definitionDigest(make(2)))
  })
  it('carry the line of each expectation', () => {
    check(make(1).expectations.find(one => one.kind === 'between')?.site?.file).toContain('definition.test.ts')
  })
  it('imply schema, not-null and finiteness', () => {
    check(make(1).expectations.map(one => one.id)).toEqual(
      check.arrayContaining(['schema', 'a-not-null', 'b-not-null']),
    )
  })
  it('refuse two things of one kind and name', () => {
    check(() => project('p', { a: make(1), b: make(2) })).toThrow(/two dataset definitions/)
  })
  it('refuse names that are not canonical', () => {
    check(() => dataset('Bad Name', { source: parquet('x'), columns: { a: t.int() } })).toThrow(/not a valid name/)
  })
})
