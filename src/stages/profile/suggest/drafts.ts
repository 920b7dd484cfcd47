import type { Dataset } from '../../../define/dataset.ts'
import type { ColumnSpec } from '../../../define/column.ts'
import type { Micros } from '../../../internal/time.ts'
import type { Profile } from '../types.ts'
import { columnRules, declaredBy } from './column-rules.ts'
import { fewestRows, type Draft } from './draft.ts'
import { pairDrafts } from './pair-rules.ts'
import { roundDown } from './round.ts'

/** Copies of rows that may be there without the data being of the kind that repeats itself. */
const fewDuplicates = 0.01

function tableDrafts(dataset: Dataset, profile: Profile, all: number): Draft[] {
  const has = (kind: string) => dataset.expectations.some(one => one.kind === kind)
  const drafts: Draft[] = []
  if (profile.rows < fewestRows) return drafts
  if (!has('rowCount'))
    drafts.push({
      rule: 'row count',
      call: { method: 'rowCount', args: [{ min: roundDown(all / 2, 1) }] },
      whole: true,
    })
  // with a key no row repeats another; without one most rows of few columns do
  const keyed = has('unique') || has('primaryKey') || profile.keys.length > 0
  if (!has('duplicateRows') && !keyed)
    drafts.push({ rule: 'duplicates', call: { method: 'duplicateRows', args: [] }, tolerates: fewDuplicates })
  return drafts
}

/** Whether a declared expectation speaks of just this column in one of these ways. */
function isDeclared(dataset: Dataset, column: string, kinds: readonly string[]): boolean {
  return dataset.expectations.some(
    one =>
      kinds.includes(one.kind) &&
      one.columns.includes(column) &&
      (one.columns.length === 1 || one.kind === 'primaryKey'),
  )
}

function isCompared(dataset: Dataset, { call }: Draft): boolean {
  const names = JSON.stringify(call.args)
  return dataset.expectations.some(
    one => one.columns.length >= 2 && one.columns.every(name => names.includes(JSON.stringify(name))),
  )
}

/** What is known besides the training rows. */
export interface Moment {
  /** Number of all rows. */
  readonly all: number
  readonly now: Micros
  /** Newest time over all rows, by column. */
  readonly newest: ReadonlyMap<string, Micros>
}

/** What the training rows let one think of, without what the dataset declares already or what stands by itself. */
export function draftsOf(dataset: Dataset, profile: Profile, { all, now, newest }: Moment): Draft[] {
  const drafts: Draft[] = tableDrafts(dataset, profile, all)
  const columns = profile.columns.filter(one => Object.hasOwn(dataset.columns, one.column))
  for (const column of columns) {
    const spec = dataset.columns[column.column] as ColumnSpec
    const context = { column, spec, profile, now, newest: newest.get(column.column) }
    for (const [concern, rules] of Object.entries(columnRules)) {
      if (isDeclared(dataset, column.column, declaredBy[concern] ?? [])) continue
      if (spec.pii && concern !== 'nulls') continue
      if (concern === 'form' ? spec.type !== 'text' : concern === 'range' && spec.type === 'text') continue
      for (const rule of rules) {
        const draft = rule(context)
        if (draft) drafts.push(draft)
        if (draft) break
      }
    }
  }
  return [...drafts, ...pairDrafts(profile, columns).filter(draft => !isCompared(dataset, draft))]
}
