import fc from 'fast-check'
import { expect, it } from 'vitest'
import { settle, type Standings } from './settling.ts'

interface Look {
  /** Milliseconds since the look before. */
  readonly after: number
  readonly present: ReadonlyMap<string, string>
}

const names = ['a', 'b', 'c'] as const
const looks = fc.array(
  fc.record({
    after: fc.integer({ min: 0, max: 4 }),
    // few stamps, so that a file often stands still and sometimes comes back as it was
    present: fc
      .tuple(...names.map(() => fc.constantFrom('', '1', '2')))
      .map(stamps => new Map(stamps.flatMap((stamp, i) => (stamp ? [[names[i] as string, stamp] as const] : [])))),
  }),
  { maxLength: 12 },
)

/** The plainest way: a file has settled when an earlier look lies so far back and no look since saw it otherwise. */
function plainly(seen: readonly Look[], settledMs: number): string[] {
  const last = seen.at(-1)
  return names.filter(name => {
    const stamp = last?.present.get(name)
    let passed = 0
    for (let i = seen.length - 1; stamp !== undefined && i > 0; i--) {
      passed += seen[i]?.after ?? 0
      if (seen[i - 1]?.present.get(name) !== stamp) return false
      if (passed >= settledMs) return true
    }
    return false
  })
}

it('gives exactly the files that every look of that time saw unchanged', () => {
  fc.assert(
    fc.property(looks, fc.integer({ min: 0, max: 6 }), (list, settledMs) => {
      let standings: Standings = new Map()
      let now = 0
      list.forEach((look, i) => {
        now += look.after
        const found = settle(standings, look.present, now, settledMs)
        standings = found.standings
        expect(found.settled).toEqual(plainly(list.slice(0, i + 1), settledMs))
      })
    }),
    { numRuns: 2000 },
  )
})

it('takes no file that is still written to, and the same one as soon as it stands', () => {
  let standings: Standings = new Map()
  const look = (stamp: string, now: number): readonly string[] => {
    const found = settle(standings, new Map([['a', stamp]]), now, 100)
    standings = found.standings
    return found.settled
  }
  expect([look('10 bytes', 0), look('20 bytes', 90), look('20 bytes', 180)]).toEqual([[], [], []])
  expect(look('20 bytes', 189)).toEqual([])
  expect(look('20 bytes', 190)).toEqual(['a'])
})
