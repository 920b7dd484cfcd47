import { describe as suite, expect, it } from 'vitest'
import { column, when } from './build.ts'
import { describe, type Node } from './node.ts'

// biome-ignore format: one line a column
const c = {
  i: column<'int', false, 'i'>('i', 'int'), j: column<'int', false, 'j'>('j', 'int'), f: column<'float', false, 'f'>('f', 'float'),
  s: column<'text', false, 's'>('s', 'text'), yes: column<'bool', false, 'yes'>('yes', 'bool'), no: column<'bool', false, 'no'>('no', 'bool'),
  none: column<'float', true, 'none'>('none', 'float'), never: column<'bool', true, 'never'>('never', 'bool'),
  at: column<'timestamp', false, 'at'>('at', 'timestamp'),
}

suite('how an expression reads in a sentence', () => {
  it.each<[{ node: Node }, string]>([
    [c.i.gt(15), 'i > 15'],
    [c.i.gte(c.j), 'i ≥ j'],
    [c.i.lt(1.5), 'i < 1.5'],
    [c.i.lte(-2), 'i ≤ -2'],
    [c.s.eq('x'), "s = 'x'"],
    [c.s.ne(''), "s ≠ ''"],
    [c.i.add(1).times(2), '(i + 1) × 2'],
    [c.i.minus(c.j).div(3), '(i − j) / 3'],
    [c.i.mod(2).eq(0), '(i mod 2) = 0'],
    [c.yes.and(c.no).or(c.never), '(yes and no) or never'],
    [c.yes.not(), 'not yes'],
    [c.i.gt(1).and(c.no).not(), 'not ((i > 1) and no)'],
    [c.none.isNull(), 'none is null'],
    [c.none.isNotNull(), 'not none is null'],
    [c.s.matches(/^a\/b/i), 's matches /^a\\/b/i'],
    [c.s.in(['a', 'b']), "s in ('a', 'b')"],
    [c.i.abs(), 'abs(i)'],
    [c.s.startsWith('a'), "startsWith(s, 'a')"],
    [c.at.hour(), 'hour(at)'],
    [c.at.hour('Europe/Berlin'), 'hour(at, Europe/Berlin)'],
    [c.i.abs().add(c.f.floor()), 'abs(i) + floor(f)'],
    [when([[c.yes, 1]], c.f), 'case(yes, 1, f)'],
  ])('%#: %s', ({ node }, words) => {
    expect(describe(node)).toBe(words)
  })
})
