import { expect, it } from 'vitest'
import { toEvaluator, toSql, type Node } from '../../../define/expression/index.ts'
import { duckdbDialect } from './dialect.ts'
import { openDuckdb } from './engine.ts'

it('maps every letter there is to the same capital and the same small letter', async () => {
  const engine = await openDuckdb()
  for (const fn of ['lower', 'upper'] as const) {
    const node: Node = { op: 'call', fn, type: 'text', args: [{ op: 'column', name: 's', type: 'text' }] }
    const evaluate = toEvaluator(node)
    // In brackets, because the binding drops a byte order mark at the beginning of a text
    const letters =
      "(SELECT '[' || chr(range::INT) || ']' AS s FROM range(1, 1114112) WHERE range NOT BETWEEN 55296 AND 57343)"
    const found = await engine.columns(`SELECT s, ${toSql(node, duckdbDialect)} AS mapped FROM ${letters}`)
    const [from, to] = [found.get('s')?.values, found.get('mapped')?.values] as unknown as [string[], string[]]
    const wrong = from.filter((text, i) => evaluate(() => text) !== to[i])
    expect([fn, from.length, wrong]).toEqual([fn, 1112063, []])
  }
  await engine.close()
})
