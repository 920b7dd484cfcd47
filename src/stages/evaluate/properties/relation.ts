import { scoreAfter, scoreBefore, type RelationTest } from '../../../define/model-test/index.ts'
import { describe, toEvaluator, type Node } from '../../../define/expression/index.ts'
import type { Case, Ground, Value } from './cases.ts'
import type { Rule } from './rules.ts'

type Cell = null | boolean | number | bigint | string

/** A relation between a row and what becomes of it, both computed as a row is computed where it is served. */
export function relationRule(test: RelationTest, { names }: Ground): Rule {
  const bools = new Set(booleansIn([...Object.values(test.change), test.holds]))
  const cellOf = (row: readonly Value[], name: string): Cell => {
    const value = row[names.indexOf(name)] as Value
    if (value === '' || Number.isNaN(value)) return null
    return bools.has(name) ? value === 1 : value
  }
  const moved = Object.keys(test.change).map(name => names.indexOf(name))
  const changes = Object.values(test.change).map(node => ({ node, evaluate: toEvaluator(node) }))
  const holds = toEvaluator(test.holds)
  return {
    words: describe(test.holds),
    draw: row => ({
      row,
      moved,
      before: moved.map(input => row[input] as Value),
      after: changes.map(({ node, evaluate }) => {
        const made = evaluate(name => cellOf(row, name))
        if (made === null) return node.type === 'text' ? '' : Number.NaN
        return typeof made === 'string' ? made : Math.fround(Number(made))
      }),
    }),
    breaks(one: Case, [before = 0], [after = 0]) {
      if (Number.isNaN(before) || Number.isNaN(after)) return Infinity
      // Null, as where an operand is missing, is nothing that can be held against the model
      const found = holds(name => (name === scoreBefore ? before : name === scoreAfter ? after : cellOf(one.row, name)))
      return found === false ? 1 : 0
    },
    // What the inputs become is computed from the row: another row is another case
    redraw: true,
  }
}

/** Columns that the expressions read as booleans. */
function booleansIn(nodes: readonly Node[]): string[] {
  return nodes.flatMap(node => {
    if (node.op === 'column') return node.type === 'bool' ? [node.name] : []
    return node.op === 'call' ? booleansIn(node.args) : []
  })
}
