/**
 * Millrace's definition API: what a `millrace.config.ts` can declare, and nothing else.
 *
 * ```ts
 * import { dataset, expect, gbt, model, parquet, project, t } from 'millrace'
 *
 * const flights = dataset('flights', {
 *   source: parquet('data/*.parquet'),
 *   columns: { date: t.timestamp('UTC'), delay: t.int(), distance: t.int() },
 *   eventTime: 'date',
 *   expect: c => [c.delay.between(-120, 1440), expect.rowCount({ min: 1000 })],
 * })
 * const late = model('late', {
 *   task: 'binary', from: flights, label: c => c.delay.gt(15),
 *   inputs: c => ({ distance: c.distance, hour: c.date.hour() }),
 *   split: { by: 'time', train: '75d', test: '15d' }, train: gbt({ trees: 100 }),
 * })
 * export default project('flights', { flights, late })
 * ```
 */
export { t, type Columns, type ColumnSpec, type RowOf } from './define/column.ts'
export { arrow, csv, duckdb, json, parquet, postgres, sqlite, type Source } from './define/source.ts'
export { dataset, type Dataset, type DatasetOptions } from './define/dataset.ts'
export { expect, sql, type Expectation } from './define/expectation/index.ts'
export { when } from './define/expression/index.ts'
export type {
  BoolExpression,
  Expression,
  NumberExpression,
  TextExpression,
  TimestampExpression,
} from './define/expression/index.ts'
export { entity, features, type Entity, type FeatureView, type FeatureViewOptions } from './define/features.ts'
export { model, type Model, type ModelOptions, type RequestOf } from './define/model.ts'
export { baseline, gbt, linear, type Trainer } from './define/trainer.ts'
export { search, type SearchOptions } from './define/search.ts'
export { command, container, onnx, python, typescript } from './define/script-trainer.ts'
export type { ModelTest, ModelTestBuilder } from './define/model-test/index.ts'
export { deployment, type Deployment, type DeploymentOptions } from './define/deployment.ts'
export { monitor, type Monitor, type MonitorOptions } from './define/monitor.ts'
export { project, type Project } from './define/project.ts'
export type { Duration } from './internal/time.ts'
export type { CheckResult, Report, Severity, Status } from './define/report.ts'
export type { Decision } from './define/decision.ts'
