import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { anyPattern, anySearched } from '../../../../test/support/patterns.ts'
import { linearPattern, patternText } from '../../../define/expression/pattern.ts'
import type { DataEngine } from '../../../ports/data-engine.ts'
import { openDuckdb } from './engine.ts'
import { times } from '../../../../test/fuzz/edges.ts'

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

async function found(text: string, texts: readonly string[]): Promise<unknown[]> {
  const { dialect } = engine
  const list = texts.map((one, i) => `(${i}, ${dialect.literal(one, 'text')})`).join(', ')
  const rows = await engine.rows(
    `SELECT ${dialect.matches('s', linearPattern(text))} AS found FROM (VALUES ${list}) AS v(i, s) ORDER BY i`,
  )
  return rows.map(row => row['found'])
}

it('finds what RegExp finds, in random texts by random patterns', async () => {
  const texts = fc.array(anySearched, { minLength: 12, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(anyPattern, texts, async (pattern, some) => {
      let text: string
      try {
        text = patternText(pattern)
      } catch {
        return
      }
      const all = ['', ...some]
      expect(await found(text, all)).toEqual(all.map(one => pattern.test(one)))
    }),
    { numRuns: 30 * times },
  )
})

// DuckDB makes LIKE, contains and the like of plain patterns
it.each([
  /TEST/,
  /te/i,
  /^test$/i,
  /^Te/,
  /st$/,
  /^TEST$/,
  /^$/,
  /^(?:)/,
  /$$/,
  /^^T/,
  /T^E/,
  /$T/,
  /^%/,
  /_$/,
  /^a\\b$/,
  /^.$/s,
  /^T.*T$/s,
  /^[^]*$/,
  /^😀$/,
  /'/,
  /\0/,
])('%s finds what RegExp finds', async pattern => {
  const texts = [
    '',
    'TEST',
    'test',
    'TeST',
    'xTESTx',
    'T',
    'a%',
    '%a',
    'a_',
    'ab',
    'a\\b',
    "it's",
    '\n',
    '😀',
    'T\nT',
    'a\0b',
  ]
  expect(await found(patternText(pattern), texts)).toEqual(texts.map(text => pattern.test(text)))
})

it('takes the largest patterns that a definition may hold', async () => {
  for (const pattern of [/^\p{L}{1,140}$/u, /^[^\s,]{1500}x/, /^(?:a{30}){30}/, /^a{1,4000}$/, /^(?:[a-cé]|x.){0,900}/])
    expect(await found(patternText(pattern), ['', 'é'])).toEqual([pattern.test(''), pattern.test('é')])
})
