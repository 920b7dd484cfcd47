import { toSql, type Node } from '../../define/expression/index.ts'
import type { Folds } from '../../define/folds.ts'
import type { Split } from '../../define/split.ts'
import type { Dialect } from '../../ports/data-engine.ts'
import type { Spans } from './spans.ts'

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

/**
 * SELECT of `rows` with `millrace_fold` beside what `withParts` gives: 1 and so on for the training rows that a fold judges on,
 * 0 for those that are only trained on, null for all others. Equal rows, definitions and seeds give equal folds.
 */
export function withFolds(folds: Folds, rows: string, truth: string, dialect: Dialect): string {
  const trained = (fold: string, from: string): string =>
    `SELECT *, CASE WHEN millrace_split = 'train' THEN ${dialect.cast(fold, 'int')} END AS millrace_fold FROM (${from})`
  const { count } = folds
  switch (folds.by) {
    case 'random': {
      // Dealt out in the order of the classes, so that every fold has as many of each, and as many rows
      const drawn = `md5('${folds.seed}' || ${between} || ${dialect.cast('millrace_seq', 'text')})`
      const order = folds.stratify ? `${truth}, ${drawn}, millrace_seq` : `${drawn}, millrace_seq`
      return trained(`(row_number() OVER (PARTITION BY millrace_split ORDER BY ${order}) - 1) % ${count} + 1`, rows)
    }
    case 'group': {
      const key = keyText(folds.of, dialect)
      const sized = `SELECT *, count(*) OVER (PARTITION BY millrace_split, ${key}) AS millrace_size FROM (${rows})`
      // The large ones first, so that the folds are about as large as each other
      const drawn = `md5('${folds.seed}' || ${between} || ${key})`
      const rank = `dense_rank() OVER (PARTITION BY millrace_split ORDER BY millrace_size DESC, ${drawn}, ${key})`
      return trained(`(${rank} - 1) % ${count} + 1`, sized)
    }
    case 'time': {
      // Rows of one moment are in one fold
      const before = '(rank() OVER (PARTITION BY millrace_split ORDER BY millrace_at) - 1)'
      const all = 'count(*) OVER (PARTITION BY millrace_split)'
      return trained(`floor(${before} * ${count + 1}.0 / ${all})`, rows)
    }
  }
}

/** What a trial learns from, or is judged on, of the training rows. */
export interface FoldPart {
  readonly fold: number
  /** Only rows before the fold are learnt from; `gap` is left out before it. */
  readonly alongTime: boolean
  readonly gap?: number
  /** Share of the rows that is learnt from, drawn by their place (default: all). */
  readonly share?: number
}

/** The condition by which rows of a frame, `relation`, are in a part: of the frame itself, or of a fold of its training rows. */
export function partCondition(
  dialect: Dialect,
  relation: string,
  part: 'train' | 'test',
  fold: FoldPart | undefined,
): string {
  if (!fold) return `millrace_split = ${dialect.literal(part, 'text')}`
  const own = `millrace_fold = ${fold.fold}`
  if (part === 'test') return own
  const others = fold.alongTime
    ? `millrace_fold < ${fold.fold} AND millrace_at < (SELECT min(millrace_at) FROM ${relation} WHERE ${own}) - ${fold.gap ?? 0}`
    : `millrace_fold <> ${fold.fold}`
  const drawn =
    fold.share === undefined || fold.share >= 1
      ? ''
      : ` AND substr(md5(${dialect.cast('millrace_n', 'text')}), 1, 8) < '${hexOf(fold.share)}'`
  return `millrace_split = 'train' AND ${others}${drawn}`
}
