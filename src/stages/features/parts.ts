import { toSql, type Node } from '../../define/expression/index.ts'
import type { Split } from '../../define/split.ts'
import type { Dialect } from '../../ports/data-engine.ts'
import type { Spans } from './frame.ts'

/** Between the values of a key, so that ('a', 'bc') is not ('ab', 'c'). */
const between = 'chr(31)'

/** The values of a key as one text; a missing one is empty. */
function keyText(nodes: readonly Node[], dialect: Dialect): string {
  return nodes.map(node => `coalesce(${dialect.cast(toSql(node, dialect), 'text')}, '')`).join(` || ${between} || `)
}

/** The share as the first eight hexadecimal digits of a digest compare with it. */
const hexOf = (share: number): string =>
  Math.floor(share * 2 ** 32)
    .toString(16)
    .padStart(8, '0')

/**
 * SELECT of `rows` with `millrace_split`: 'train', 'test', or null for what is in neither. `rows` has the dataset's columns,
 * `millrace_seq` (order of arrival), `millrace_at` (microseconds, where there is an event time) and `truth`, an expression of
 * the label. Equal rows, definitions and seeds give equal parts; MD5 makes them the same on every engine.
 */
export function withParts(
  split: Split,
  rows: string,
  truth: string,
  dialect: Dialect,
  spans: Spans | undefined,
): string {
  const part = (condition: string): string =>
    `SELECT *, CASE WHEN ${condition} THEN 'test' ELSE 'train' END AS millrace_split FROM (${rows})`
  switch (split.by) {
    case 'time': {
      const { testFrom } = spans as Spans
      return `SELECT *, CASE WHEN millrace_at >= ${testFrom} THEN 'test' WHEN millrace_at < ${testFrom - (split.gap ?? 0)} THEN 'train' END AS millrace_split FROM (${rows})`
    }
    case 'hash':
      return part(`substr(md5(${keyText(split.of, dialect)}), 1, 8) < '${hexOf(split.test)}'`)
    case 'group': {
      const key = keyText(split.of, dialect)
      const ranked = `SELECT *, dense_rank() OVER (ORDER BY md5('${split.seed}' || ${between} || ${key}), ${key}) AS millrace_group FROM (${rows})`
      const counted = `SELECT *, max(millrace_group) OVER () AS millrace_groups FROM (${ranked})`
      return `SELECT *, CASE WHEN millrace_group <= least(millrace_groups - 1, greatest(1, round(${split.test} * millrace_groups))) THEN 'test' ELSE 'train' END AS millrace_split FROM (${counted})`
    }
    case 'random': {
      const within = split.stratify ? `PARTITION BY ${truth}` : ''
      const drawn = `md5('${split.seed}' || ${between} || ${dialect.cast('millrace_seq', 'text')})`
      const rank = `row_number() OVER (${within} ORDER BY ${drawn}, millrace_seq)`
      const all = `count(*) OVER (${within})`
      return part(`${rank} <= least(${all} - 1, round(${split.test} * ${all}))`)
    }
    case 'column':
      return part(`coalesce(${toSql(split.test, dialect)}, false)`)
  }
}
