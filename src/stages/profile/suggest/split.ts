import type { ColumnSpec } from '../../../define/column.ts'
import type { Dataset } from '../../../define/dataset.ts'
import { formatTime } from '../../../internal/time.ts'
import { rowColumn, type DataEngine, type Relation } from '../../../ports/data-engine.ts'
import type { FoundDataset } from '../../validate/relation.ts'

/** The rows that rules are found in, and later ones that they are held to. */
export interface Parts {
  readonly train: Relation
  readonly test: Relation
  readonly all: Relation
  /** The dataset as its rows stand in the parts: read already. */
  readonly dataset: Dataset
  /** In words: what comes before the cut and what after it. */
  readonly cut: {
    readonly train: string
    readonly test: string
    readonly by: 'eventTime' | 'arrival'
    readonly at?: string
  }
}

const trainShare = 0.8
/** Share of all rows that may stand on one moment before a cut by time says nothing. */
const [leastTest, maxTest] = [0.05, 0.5]

function settled(dataset: Dataset): Dataset {
  const plain = ({ treatAsNull: _, ...spec }: ColumnSpec): ColumnSpec =>
    spec.type === 'timestamp' ? { ...spec, zone: 'UTC' } : spec
  const columns = Object.fromEntries(Object.entries(dataset.columns).map(([name, spec]) => [name, plain(spec)]))
  return { ...dataset, columns, treatAsNull: [], expectations: [], knownAt: {}, quarantine: false }
}

function part({ dialect }: DataEngine, found: FoundDataset, where: string | undefined, label: string): Relation {
  const names = [...found.usable].map(dialect.identifier)
  const condition = where === undefined ? '' : ` WHERE ${where}`
  const of = (columns: readonly string[], from: string) =>
    `(SELECT ${columns.join(', ') || '1'} FROM (${from})${condition})`
  const numbered = of([...names, dialect.identifier(rowColumn)], found.numbered)
  // a condition on the number of a row can be asked of numbered rows only
  const needsNumber = where?.includes(dialect.identifier(rowColumn)) ?? false
  return { sql: needsNumber ? of(names, found.numbered) : of(names, found.sql), numbered, label }
}

async function cutByTime(
  engine: DataEngine,
  found: FoundDataset,
  time: string,
): Promise<{ before: string; at: string } | undefined> {
  const { dialect } = engine
  const column = dialect.identifier(time)
  const [row] = await engine.rows(
    `SELECT ${dialect.quantile(dialect.epochMicros(column), trainShare, true)} AS at FROM (${found.sql})`,
  )
  if (row?.at === null || row?.at === undefined) return undefined
  const at = Math.floor(Number(row.at))
  const before = `coalesce(${column} < ${dialect.literal(at, 'timestamp')}, true)`
  const [counted] = await engine.rows(
    `SELECT ${dialect.countWhere(before)} AS n, count(*) AS total FROM (${found.sql})`,
  )
  const test = 1 - Number(counted?.n) / Number(counted?.total)
  return test >= leastTest && test <= maxTest ? { before, at: formatTime(at) } : undefined
}

async function cutByArrival(engine: DataEngine, found: FoundDataset): Promise<string> {
  const { dialect } = engine
  const row = dialect.identifier(rowColumn)
  const [middle] = await engine.rows(`SELECT ${dialect.quantile(row, trainShare, true)} AS at FROM (${found.numbered})`)
  return `${row} < ${dialect.literal(Math.ceil(Number(middle?.at ?? 0)), 'int')}`
}

/** Cuts a dataset's rows at the first 80 % by its event time; by the order of arrival where it has none that tells. */
export async function cut(engine: DataEngine, found: FoundDataset): Promise<Parts> {
  const { dataset } = found
  const time = dataset.eventTime
  const byTime = time !== undefined && found.usable.has(time) ? await cutByTime(engine, found, time) : undefined
  const before = byTime?.before ?? (await cutByArrival(engine, found))
  const { label } = found.source
  const at = byTime?.at.replace(/T00:00:00Z$/, '')
  return {
    train: part(engine, found, before, label),
    test: part(engine, found, `NOT (${before})`, label),
    all: part(engine, found, undefined, label),
    dataset: settled(dataset),
    cut: byTime
      ? { train: `before ${at?.slice(0, 10)}`, test: 'after', by: 'eventTime', at: byTime.at }
      : { train: 'in the first 80 %', test: 'in the rest', by: 'arrival' },
  }
}
