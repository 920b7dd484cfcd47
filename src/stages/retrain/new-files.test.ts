import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestBytes } from '../../internal/digest.ts'
import { arrivedOf, type DatasetFile, requestOf, seenBefore } from './new-files.ts'

const contents = ['one', 'two', 'three', 'four', 'five'].map(digestBytes)
const file = (name: string, content: number, dataset = 'orders'): DatasetFile => ({
  name,
  dataset,
  digest: contents[content] as DatasetFile['digest'],
})

describe('files that start a retrain', () => {
  it('are those that two looks in a row found, and that none was started for', () => {
    const some = fc.subarray([...contents])
    fc.assert(
      fc.property(some, some, some, (now, before, seen) => {
        const files = now.map((digest, i) => ({ name: `${i}.csv`, dataset: 'orders', digest }))
        const plainly = files.filter(one => before.includes(one.digest) && seen.indexOf(one.digest) < 0)
        expect(arrivedOf(files, new Set(before), new Set(seen))).toEqual(plainly)
      }),
    )
  })

  it.each([
    ['found for the first time: it may still be written to', [], [], []],
    ['found twice', [0], [], ['a.csv']],
    ['found twice, with other content before', [1], [], []],
    ['found twice, and trained on', [0], [0], []],
  ])('%s', (_, before, seen, wanted) => {
    const set = (list: readonly number[]) => new Set(list.map(i => contents[i] as DatasetFile['digest']))
    expect(arrivedOf([file('a.csv', 0)], set(before), set(seen)).map(one => one.name)).toEqual(wanted)
  })
})

it('asks for one retrain in the words of people, and counts contents, not names', () => {
  expect(requestOf([file('a.csv', 0)])).toEqual({
    trigger: 'data',
    reason: '1 new file of orders: a.csv',
    evidence: [contents[0]],
  })
  const many = [file('a.csv', 0), file('copy.csv', 0), file('b.csv', 1), file('c.csv', 2, 'stores'), file('d.csv', 3)]
  expect(requestOf(many).reason).toBe('4 new files of orders, stores: a.csv, copy.csv, b.csv and 2 more')
  expect(requestOf(many).evidence).toEqual(contents.slice(0, 4))
})

describe('what was seen before a process begins', () => {
  const content = (i: number) => file('', i).digest
  const [kept, started, scheduled, suppressed, present] = [content(0), content(1), content(2), content(3), content(4)]
  const decision = (verdict: 'fired' | 'suppressed', trigger: string, digest: DatasetFile['digest']) => ({
    verdict,
    inputs: { trigger },
    evidence: [digest],
  })
  const decisions = [
    decision('fired', 'data', started),
    decision('fired', 'schedule', scheduled),
    decision('suppressed', 'data', suppressed),
  ]
  it.each([
    ['what is on record and what started a retrain', [kept], true, [kept, started]],
    ['the same without a version', [kept], false, [kept, started]],
    ['the first time, what started one', undefined, true, [started]],
    ['the first time without a version, also what is there', undefined, false, [started, present]],
  ] as const)('is %s', (_, had, trained, wanted) => {
    expect([...seenBefore(had, decisions, trained, [file('e.csv', 4)])]).toEqual(wanted)
  })
})
