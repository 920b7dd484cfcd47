import type { ColumnSpec } from '../../define/column.ts'
import { unreadableName } from '../../define/expectation/kinds/readable.ts'
import { distributions } from '../validate/distribution.ts'
import { measurerOf, type ValidateServices } from '../validate/source.ts'
import { metricsOf, profileColumn, type ProfileContext } from './columns.ts'
import { withCopy } from './copy.ts'
import { findingsOf } from './findings.ts'
import type { OpenSource } from './open.ts'
import { correlationsOf, duplicatesOf, keysOf } from './relations.ts'
import type { ColumnProfile, Profile } from './types.ts'

/** Columns whose measures share a look at the rows: the engine takes more than twice as long for twice as many. */
const columnsAtOnce = 8
/** Columns that are looked at in the source itself: of more, each statement would pay for all that it does not ask for. */
const maxInPlace = 48
const columnsOfPiece = 32
/** Cells of a piece that is copied; where there are more, it is the rows that cost. */
const maxCells = 16_000_000

type Specs = readonly (readonly [string, ColumnSpec])[]

async function columnsIn(
  looking: ProfileContext,
  specs: Specs,
  declared: ReadonlySet<string> | undefined,
): Promise<ColumnProfile[]> {
  const { measurer, found } = looking
  for (let i = 0; i < specs.length; i += columnsAtOnce) {
    const asked = []
    for (const [name, spec] of specs.slice(i, i + columnsAtOnce))
      asked.push(...(await metricsOf(measurer, name, spec, found.checked.has(name))))
    await measurer.take(asked)
  }
  const names = new Set(specs.map(([name]) => name))
  const spread = new Map((await distributions(measurer, found.dataset, names)).map(one => [one.column, one]))
  const columns: ColumnProfile[] = []
  for (const [name] of specs) {
    const distribution = spread.get(name)
    if (distribution) columns.push(await profileColumn(looking, name, distribution, declared))
  }
  return columns
}

async function columnsOf(
  services: ValidateServices,
  looking: ProfileContext,
  { declared }: OpenSource,
): Promise<ColumnProfile[]> {
  const { found, measurer } = looking
  const specs = Object.entries(found.dataset.columns).filter(([name]) => found.usable.has(name))
  const rows = await measurer.rows()
  if (specs.length <= maxInPlace || rows * columnsOfPiece > maxCells) return columnsIn(looking, specs, declared)
  const columns: ColumnProfile[] = []
  for (let i = 0; i < specs.length; i += columnsOfPiece) {
    const some = specs.slice(i, i + columnsOfPiece)
    const names = some.flatMap(([name]) => (found.checked.has(name) ? [name, unreadableName(name)] : [name]))
    columns.push(
      ...(await withCopy(services, found, names, piece =>
        columnsIn({ ...looking, measurer: piece.measurer, found: { ...found, sql: piece.sql } }, some, declared),
      )),
    )
  }
  return columns
}

/**
 * What is in data that are open: measures of every column, taken through the measurer of validation, and what stands between
 * columns. Nothing is changed and nothing is kept.
 */
export async function profile(services: ValidateServices, opened: OpenSource): Promise<Profile> {
  const { engine, clock } = services
  const { found } = opened
  const measurer = measurerOf(services, opened)
  const rows = await measurer.rows()
  const columns = await columnsOf(services, { engine, measurer, found, now: clock.now() }, opened)
  const duplicates = rows === 0 ? 0 : await duplicatesOf(services, found, measurer)
  const { correlations, of } = await correlationsOf(services, found, measurer, columns)
  const facts = {
    source: opened.label,
    files: opened.files,
    bytes: opened.bytes,
    rows,
    ...(opened.csv ? { csv: opened.csv } : {}),
    columns,
    left: opened.left,
    uneven: opened.uneven ?? [],
    misencoded: (found.source.text?.unreadable ?? []).filter(line => line.misencoded).length,
    brokenLines: found.source.text?.broken ?? 0,
    duplicates,
    keys: await keysOf(services, found, measurer, columns, duplicates),
    correlations,
    correlationsOf: of,
  }
  return { ...facts, findings: findingsOf(facts) }
}
