import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dataset } from '../../define/dataset.ts'
import { isTable } from '../../define/source.ts'
import type { Decision } from '../../define/decision.ts'
import { fail, isMillraceError } from '../../errors/index.ts'
import type { Digest } from '../../internal/digest.ts'
import { ulid } from '../../internal/ids.ts'
import { ownedName } from '../../internal/leftovers.ts'
import { makeFolder } from '../../internal/publish.ts'
import { rowColumn } from '../../ports/data-engine.ts'
import type { ArtifactRef } from '../../ports/metadata-store.ts'
import type { StageServices } from '../services.ts'
import { validationServices } from '../pipeline/validation.ts'
import { contentColumn } from '../validate/repairs.ts'
import { sourceFiles } from '../validate/files.ts'
import { validate } from '../validate/validate.ts'
import { newestQuarantine, reasonsOf, type Quarantine } from './quarantine.ts'
import { effectOf, placesOf, repairedOfFiles, repairedRows, type Effect } from './repaired-rows.ts'
import { openRepaired } from './read-repaired.ts'
import {
  addReadmission,
  columnsDigest,
  readmissionsOf,
  repairsFrom,
  storedReadmissions,
  type Readmission,
} from '../validate/readmissions.ts'

export interface ReadmitResult {
  readonly dataset: string
  /** Rows that were let in: repaired for the first time, and otherwise than before. */
  readonly rows: number
  readonly first: number
  readonly corrected: number
  /** Rows of the file that are as they were let in before. */
  readonly unchanged: number
  /** Rows that the snapshot had set aside and that are still out. */
  readonly remaining: number
  /** Null where nothing changed, and so nothing was recorded. */
  readonly digest: Digest | null
  readonly decision: string | null
}

/** Keeps repaired rows as an artifact, in the order of their places. */
async function keep(services: StageServices, dataset: Dataset, changed: string): Promise<ArtifactRef> {
  const engine = await services.engine()
  const { artifacts } = services
  const [content, row] = [contentColumn, rowColumn].map(engine.dialect.identifier) as [string, string]
  const folder = join(services.folder, 'scratch', `.tmp-readmit-${ownedName()}`)
  await makeFolder(folder, 0o700)
  try {
    const file = join(folder, 'rows.parquet')
    const rows = await engine.writeParquet(`SELECT * FROM (${changed}) ORDER BY ${content}, ${row}`, file)
    const { encryptWith } = dataset
    const stored =
      encryptWith === undefined ? await artifacts.putFile(file) : await artifacts.seal({ file }, encryptWith)
    return {
      type: 'dataset',
      ...stored,
      meta: { rows, ...(encryptWith === undefined ? {} : { encrypted: encryptWith }) },
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Validates the dataset with the repaired rows in their places. Throws `repairedStillBad` when one of them is refused. */
async function prove(
  services: StageServices,
  dataset: Dataset,
  all: readonly Readmission[],
  repaired: string,
): Promise<string> {
  const validation = await validate(await validationServices(services, dataset, all), dataset)
  try {
    await services.store.addReport(validation.report)
    if (!validation.failing) return validation.report.id
    const engine = await services.engine()
    const row = [contentColumn, rowColumn].map(engine.dialect.identifier).join(', ')
    const still = `(SELECT * FROM (${validation.failing.sql}) WHERE NOT millrace_accepted AND (${row}) IN (SELECT (${row}) FROM ${repaired}))`
    const reasons = await reasonsOf(services, still)
    if (reasons.length === 0) return validation.report.id
    const [counted] = await engine.rows(`SELECT count(*) AS n FROM ${still}`)
    const rows = Number(counted?.n)
    throw fail('repairedStillBad', {
      dataset: dataset.name,
      rows,
      ...(rows === 1 ? { noun: 'row', verb: 'breaks' } : { noun: 'rows', verb: 'break' }),
      reason: reasons.map(one => `${one.reason} (${one.rows})`).join(', '),
    })
  } finally {
    await validation.release()
  }
}

/** Rows of a quarantine that no readmission lets in. */
async function remaining(
  services: StageServices,
  quarantine: Quarantine | undefined,
  readmissions: readonly Readmission[],
): Promise<number> {
  if (!quarantine) return 0
  const engine = await services.engine()
  const place = [contentColumn, rowColumn].map(engine.dialect.identifier).join(', ')
  const back: string[] = []
  for (const repair of repairsFrom(services, readmissions))
    back.push(`SELECT (${place}) FROM ${(await repair.rows()).sql}`)
  const [found] = await engine.rows(
    `SELECT count(*) AS n FROM ${quarantine.rows.sql} WHERE NOT millrace_accepted AND (${place}) NOT IN (${back.join(' UNION ALL ')})`,
  )
  return Number(found?.n ?? 0)
}

function decisionOf(
  services: StageServices,
  dataset: Dataset,
  from: readonly Digest[],
  rows: ArtifactRef,
  count: number,
  report: string,
): Decision {
  return {
    id: ulid(),
    kind: 'quarantine',
    subject: `dataset ${dataset.name}`,
    at: services.clock.now(),
    verdict: 'readmitted',
    reason: `${count.toLocaleString('en-US')} repaired ${count === 1 ? 'row' : 'rows'} of ${dataset.name} ${count === 1 ? 'is' : 'are'} let in again; ${count === 1 ? 'it breaks' : 'they break'} no critical check`,
    rule: { name: 'readmission', statistic: 'refused rows', value: 0, threshold: 0 },
    inputs: { rows: count },
    evidence: [...from, rows.digest, report],
    actor: 'operator',
  }
}

/** The newest quarantine, or undefined where it set no row aside. */
async function quarantineOf(services: StageServices, dataset: Dataset): Promise<Quarantine | undefined> {
  try {
    return await newestQuarantine(services, dataset)
  } catch (error) {
    if (isMillraceError(error) && error.code === 'MR2015') return undefined
    throw error
  }
}

/**
 * Lets quarantined rows in again that were repaired in a file: each row takes the place of the one that it says it repairs,
 * also of one that was repaired before, in every validation and snapshot from now on, as long as the file that it came from is a source of the dataset. All of
 * them are let in, or none: the dataset is validated with them first.
 * @throws `nothingQuarantined`, `repairedUnusable`, `repairedStillBad`, `readmittedMeanwhile`
 */
export async function readmit(services: StageServices, dataset: Dataset, file: string): Promise<ReadmitResult> {
  const { store, artifacts } = services
  if (isTable(dataset.source)) throw fail('tableTakesNoRepairs', { dataset: dataset.name })
  const stored = await storedReadmissions(store, dataset.name)
  const earlier = await readmissionsOf(store, dataset)
  const known = await repairedRows(services, earlier)
  // where rows were let in already there need be no other: they may be corrected
  const quarantine =
    known === undefined ? await newestQuarantine(services, dataset) : await quarantineOf(services, dataset)
  const files = new Map((await sourceFiles(dataset, services.root)).map(one => [one.digest, one.name]))
  const opened = await openRepaired(await validationServices(services, dataset), dataset, file, {
    places: await placesOf(services, quarantine, known),
    contents: [...files.keys()],
  })
  let effect: Effect
  let rows: ArtifactRef
  try {
    effect = await effectOf(services, earlier, known, opened.found.sql, Object.keys(dataset.columns))
    if (effect.first + effect.corrected === 0)
      return { ...told(dataset, effect), remaining: await remaining(services, quarantine, earlier), ...unrecorded }
    rows = await keep(services, dataset, effect.changed)
  } finally {
    await opened.release()
  }
  const engine = await services.engine()
  const repaired = (await engine.scan({ kind: 'parquet', path: await artifacts.localPath(rows.digest) }, services.root))
    .sql
  const counts = [...(await repairedOfFiles(services, known, repaired))]
  const count = effect.first + effect.corrected
  const origin = quarantine?.ref.digest ?? (earlier.at(-1) as Readmission).quarantine
  const readmission = {
    rows,
    count,
    contents: counts.map(([content]) => content),
    files: counts.map(([content, of]) => ({ content, name: files.get(content) ?? '', rows: of })),
    quarantine: origin,
    columns: columnsDigest(dataset),
  }
  const corrected = effect.former.filter(one => one !== rows.digest)
  const trial = [...earlier, { ...readmission, decision: '' }]
  const report = await prove(services, dataset, trial, repaired)
  const decision = decisionOf(services, dataset, [origin, ...corrected], rows, count, report)
  if (!(await addReadmission(services, dataset.name, stored, { ...readmission, decision: decision.id })))
    throw fail('readmittedMeanwhile', { dataset: dataset.name })
  await store.addDecision(decision)
  await store.addEdges([
    { from: origin, to: rows.digest, relation: 'repaired' },
    ...corrected.map(from => ({ from, to: rows.digest, relation: 'corrected' })),
  ])
  return {
    ...told(dataset, effect),
    remaining: await remaining(services, quarantine, trial),
    digest: rows.digest,
    decision: decision.id,
  }
}

const unrecorded = { digest: null, decision: null }

function told({ name }: Dataset, { first, corrected, unchanged }: Effect) {
  return { dataset: name, rows: first + corrected, first, corrected, unchanged }
}
