import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IdTable, NumberColumn, ScoreColumn } from './id-table.ts'

describe('rows by ids', () => {
  it('are those of a map that forgets its oldest entry beyond as many', () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 0, max: 300 }), value: fc.double({ noNaN: true }) }),
      fc.record({ remove: fc.integer({ min: 0, max: 300 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), fc.integer({ min: 1, max: 150 }), (steps, maxRows) => {
        const value = new NumberColumn()
        const table = new IdTable([value], { maxRows, maxBytes: 1e9 })
        const map = new Map<string, number>()
        for (const one of steps)
          if ('add' in one) {
            const id = `id-${one.add}`
            value.set(table.add(id), one.value)
            if (!map.has(id) && map.size === maxRows) map.delete(map.keys().next().value as string)
            map.set(id, one.value)
          } else {
            const id = `id-${one.remove}`
            const slot = table.find(id)
            expect(slot >= 0).toBe(map.delete(id))
            if (slot >= 0) table.remove(slot)
          }
        expect(table.size).toBe(map.size)
        const values: number[] = []
        table.each(slot => values.push(value.get(slot)))
        expect(values).toEqual([...map.values()])
        for (let i = 0; i <= 300; i++) {
          const slot = table.find(`id-${i}`)
          expect(slot < 0 ? undefined : value.get(slot)).toBe(map.get(`id-${i}`))
        }
      }),
      { numRuns: 150 },
    )
  })

  it('keep what they hold while they grow, numbers and lists beside each other', () => {
    const score = new ScoreColumn()
    const table = new IdTable([score], { maxRows: 10_000, maxBytes: 1e9 })
    const said = (i: number): number | readonly number[] =>
      i % 3 === 0 ? i / 4 : Array.from({ length: (i % 5) + 1 }, (_, k) => i + k / 8)
    for (let i = 0; i < 5000; i++) score.set(table.add(`row ${i}`), said(i))
    for (let i = 0; i < 5000; i++) expect(score.get(table.find(`row ${i}`))).toEqual(said(i))
    const taken: unknown[] = []
    table.each(slot => {
      if (table.size > 4990) taken.push(score.get(slot))
      if (table.size > 4990) table.remove(slot)
    })
    expect(taken).toEqual(Array.from({ length: 10 }, (_, i) => said(i)))
  })

  it('are as many as their bytes allow, by how wide they are', () => {
    const score = new ScoreColumn()
    const table = new IdTable([score], { maxRows: 1000, maxBytes: 3400 })
    for (let i = 0; i < 500; i++) score.set(table.add(`narrow ${i}`), i)
    expect(table.size).toBe(100)
    for (let i = 0; i < 500; i++)
      score.set(
        table.add(`wide ${i}`),
        Array.from({ length: 18 }, () => i),
      )
    expect(table.size).toBe(20)
    expect(score.get(table.find('wide 499'))).toHaveLength(18)
    expect(table.find('wide 479')).toBe(-1)
  })

  it('are drawn evenly by their ids, and alike wherever an id is asked about', () => {
    const table = new IdTable([], { maxRows: 100_000, maxBytes: 1e9 })
    let below = 0
    for (let i = 0; i < 20_000; i++) {
      const id = `01M8NYN90CD9HCXNS81R0J${i}`
      const draw = table.drawOf(table.add(id))
      expect(table.draw(id)).toBe(draw)
      if (draw < 0.25) below++
    }
    // 5 standard deviations of a binomial
    expect(Math.abs(below - 5000)).toBeLessThan(5 * Math.sqrt(20_000 * 0.25 * 0.75))
    expect(table.size).toBe(20_000)
  })
})
