import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Report } from '../../define/report.ts'
import type { Micros } from '../../internal/time.ts'
import { gate } from '../../stages/pipeline/gate.ts'
import { validate } from '../../stages/validate/validate.ts'
import { change } from './change.ts'
import { months, writeDamagedBatch, writeMonth } from './data.ts'
import type { DemoResult } from './result.ts'
import { at, type Stage } from './stage.ts'

/** Rows and checks of everything that was validated. */
export interface Tally {
  readonly rows: { read: number; accepted: number; quarantined: number }
  readonly checks: { evaluated: number; failed: number }
}

export const emptyTally = (): Tally => ({
  rows: { read: 0, accepted: 0, quarantined: 0 },
  checks: { evaluated: 0, failed: 0 },
})

function add({ rows, checks }: Tally, report: Report, read: number, quarantined: number): void {
  rows.read += read
  rows.quarantined += quarantined
  rows.accepted = rows.read - rows.quarantined
  checks.evaluated += report.checks.length
  checks.failed += report.checks.filter(check => check.status === 'fail' || check.status === 'error').length
}

/** January to March, as files of the project. */
export async function winterArrives({ engine, source, where, month }: Stage): Promise<void> {
  for (const name of months.slice(0, 3)) await writeMonth(engine, source, name, where, month(name))
}

/** What has landed by `now` of April to June, as files of the project: a delay is known only then. */
export async function springArrives({ engine, source, where, month }: Stage, now: Micros): Promise<void> {
  const landed = `epoch_us(date) + CAST((distance / 7.5 + 30 + delay) * 60000000 AS BIGINT) <= ${now} AND epoch_us(date) < ${now}`
  for (const name of months.slice(3))
    if (at(`${name}-01`) < now)
      await writeMonth(engine, source, name, `${where} AND ${change.stays} AND ${landed}`, month(name))
}

/** Our own sabotage: a batch with faults of every kind. Tells how many of them the expectations caught. */
export async function damagedBatchArrives(stage: Stage): Promise<DemoResult['damagedBatch']> {
  const { engine, root, clock, flights, source, where, workspace } = stage
  const file = join(root, 'data', 'damaged.parquet')
  const injected = await writeDamagedBatch(engine, source, where, file)
  const relation = await engine.scan({ kind: 'parquet', path: file }, root)
  const damaged = await validate({ engine, root, clock }, flights, relation)
  const [found] = damaged.split.bad
    ? await engine.rows(
        `SELECT count(*) AS n FROM (SELECT millrace_row FROM (${damaged.split.bad}) WHERE NOT millrace_accepted) JOIN (SELECT row_number() OVER () - 1 AS millrace_row, damaged FROM ${relation.sql}) USING (millrace_row) WHERE damaged`,
      )
    : [{ n: 0 }]
  const caught = Number(found?.n)
  const { rows, split } = damaged
  const counts = { rows, quarantined: split.quarantined, failed: split.failed }
  const verdict = gate(damaged.report, flights, counts, clock.now())
  await workspace.store.addReport({ ...damaged.report, subject: 'flights (damaged batch, our own sabotage)' })
  await workspace.store.addDecision(verdict)
  await damaged.release()
  await rm(file)
  return { injected, caught, refused: verdict.verdict === 'refused' }
}

/** Counts what the pipeline validated so far. */
export async function countValidated({ workspace, flights }: Stage, tally: Tally): Promise<void> {
  for (const report of await workspace.store.listReports({ kind: 'validation', subject: flights.name }))
    add(tally, report, Number(report.evidence.rows), Number(report.evidence.quarantined))
}

/** Validates the whole months of spring as they are in the end. */
export async function validateSpring(stage: Stage, tally: Tally): Promise<void> {
  const { engine, root, clock, flights, month, workspace } = stage
  await springArrives(stage, at('2001-07-02'))
  for (const name of months.slice(3)) {
    const relation = await engine.scan({ kind: 'parquet', path: month(name) }, root)
    const arrived = await validate({ engine, root, clock }, flights, relation)
    await workspace.store.addReport(arrived.report)
    add(tally, arrived.report, arrived.rows, arrived.split.quarantined)
    await arrived.release()
  }
}
