/** Every kind of expectation, in the order of the reference. A new kind is a file and a line here. */
import { allOrNoneNull } from './kinds/all-or-none-null.ts'
import { batches } from './kinds/batches.ts'
import { between } from './kinds/between.ts'
import { classBalance } from './kinds/class-balance.ts'
import { columnCount } from './kinds/column-count.ts'
import { columnExists } from './kinds/column-exists.ts'
import { compare } from './kinds/compare.ts'
import { conflictingLabels } from './kinds/conflicting-labels.ts'
import { containsSet } from './kinds/contains-set.ts'
import { contiguous } from './kinds/contiguous.ts'
import { correlation } from './kinds/correlation.ts'
import { decreasing } from './kinds/decreasing.ts'
import { distinctCount } from './kinds/distinct-count.ts'
import { distinctShare } from './kinds/distinct-share.ts'
import { distinctWithinRow } from './kinds/distinct-within-row.ts'
import { drift } from './kinds/drift.ts'
import { duplicateRows } from './kinds/duplicate-rows.ts'
import { entropy } from './kinds/entropy.ts'
import { equalsSet } from './kinds/equals-set.ts'
import { finite } from './kinds/finite.ts'
import { foreignKey } from './kinds/foreign-key.ts'
import { format } from './kinds/format.ts'
import { freshness } from './kinds/freshness.ts'
import { implies } from './kinds/implies.ts'
import { inSetFrom } from './kinds/in-set-from.ts'
import { inSet } from './kinds/in-set.ts'
import { increasing } from './kinds/increasing.ts'
import { isNull } from './kinds/is-null.ts'
import { jsonSchema } from './kinds/json-schema.ts'
import { labelLeak } from './kinds/label-leak.ts'
import { length } from './kinds/length.ts'
import { matchesAll } from './kinds/matches-all.ts'
import { matchesAny } from './kinds/matches-any.ts'
import { matches } from './kinds/matches.ts'
import { max } from './kinds/max.ts'
import { mean } from './kinds/mean.ts'
import { median } from './kinds/median.ts'
import { metricAnomaly, rowCountAnomaly } from './kinds/metric-anomaly.ts'
import { min } from './kinds/min.ts'
import { multipleOf } from './kinds/multiple-of.ts'
import { newCategories } from './kinds/new-categories.ts'
import { noOutliers } from './kinds/no-outliers.ts'
import { notConstant } from './kinds/not-constant.ts'
import { notInSet } from './kinds/not-in-set.ts'
import { notMatches } from './kinds/not-matches.ts'
import { notNull } from './kinds/not-null.ts'
import { nullShare } from './kinds/null-share.ts'
import { primaryKey } from './kinds/primary-key.ts'
import { quantile, quantiles } from './kinds/quantiles.ts'
import { readable } from './kinds/readable.ts'
import { reconcile } from './kinds/reconcile.ts'
import { rowCount } from './kinds/row-count.ts'
import { schema } from './kinds/schema.ts'
import { skew } from './kinds/skew.ts'
import { splitLeak } from './kinds/split-leak.ts'
import { query } from './kinds/sql.ts'
import { std } from './kinds/std.ts'
import { sum } from './kinds/sum.ts'
import { sumEquals } from './kinds/sum-equals.ts'
import { that } from './kinds/that.ts'
import { timeLeak } from './kinds/time-leak.ts'
import { topValueShare } from './kinds/top-value-share.ts'
import { trimmed } from './kinds/trimmed.ts'
import { type } from './kinds/type.ts'
import { unique, uniqueColumn } from './kinds/unique.ts'
import { wholeLines } from './kinds/whole-lines.ts'

/** Declared as functions of `expect`. */
export const tableCatalogue = {
  rowCount,
  schema,
  columnExists,
  columnCount,
  wholeLines,
  unique,
  primaryKey,
  duplicateRows,
  foreignKey,
  reconcile,
  compare,
  implies,
  sumEquals,
  distinctWithinRow,
  allOrNoneNull,
  correlation,
  rowCountAnomaly,
  skew,
  labelLeak,
  splitLeak,
  conflictingLabels,
  that,
  sql: query,
  batches,
}

/** Declared as methods of columns. */
export const columnCatalogue = {
  freshness,
  contiguous,
  notNull,
  null: isNull,
  readable,
  unique: uniqueColumn,
  type,
  finite,
  between,
  inSet,
  notInSet,
  inSetFrom,
  matches,
  notMatches,
  matchesAny,
  matchesAll,
  format,
  length,
  trimmed,
  multipleOf,
  jsonSchema,
  increasing,
  decreasing,
  noOutliers,
  mean,
  median,
  std,
  sum,
  min,
  max,
  quantile,
  quantiles,
  distinctCount,
  distinctShare,
  containsSet,
  equalsSet,
  topValueShare,
  nullShare,
  notConstant,
  entropy,
  drift,
  newCategories,
  metricAnomaly,
  timeLeak,
  classBalance,
}
