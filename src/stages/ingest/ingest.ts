import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Dataset } from '../../define/dataset.ts'
import { definitionDigest } from '../../define/project.ts'
import { unkeptSentence } from '../../define/report.ts'
import { fail } from '../../errors/index.ts'
import type { Digest } from '../../internal/digest.ts'
import { withFileLock } from '../../internal/file-lock.ts'
import type { StageServices } from '../services.ts'
import { presentFiles } from '../validate/files.ts'
import { courseOf } from './course.ts'
import { IngestJournal, type IngestRecord } from './journal.ts'
import { judge } from './judge.ts'
import { land, landingPlace } from './landing.ts'

export type { IngestRecord } from './journal.ts'

/** How long a file waits for others of its dataset to be judged. */
const patienceMs = 60_000

/** Keeps what came, whatever is decided: sealed where the dataset says a key. Gives its digest. */
async function keep(services: StageServices, dataset: Dataset, path: string) {
  const { artifacts } = services
  return dataset.encryptWith === undefined
    ? artifacts.putFile(path)
    : artifacts.seal(await readFile(path), dataset.encryptWith)
}

/** Carries a verdict out; what an earlier attempt did already is not done twice. */
async function carryOut(
  services: StageServices,
  journal: IngestJournal,
  entry: Awaited<ReturnType<IngestJournal['decide']>>,
): Promise<IngestRecord> {
  const { result } = entry
  await journal.tell(entry)
  if (result.place !== null) await land(services.root, result.place, await services.artifacts.localPath(result.digest))
  await journal.done(result)
  return result
}

/**
 * Takes a file into a dataset if the dataset's gate lets it pass. It is kept as an artifact first and judged from there, so
 * that nobody can change it meanwhile; refused content is never lost. Each content is judged once: a second time, under
 * whatever name, its result is given again (`again`), and an ingestion whose process was killed is finished. What was refused
 * is judged anew by another definition of the dataset, or with `anew`; what was taken in and is gone, too. The files of a dataset are judged one at a time. Where a monitor retrains on new data, its trigger finds the file at its place.
 * @throws `datasetTakesNoFiles`, `ingestBusy`
 */
export async function ingest(
  services: StageServices,
  dataset: Dataset,
  file: { readonly path: string; readonly name: string },
  { anew = false }: { readonly anew?: boolean } = {},
): Promise<{ readonly result: IngestRecord; readonly again: boolean }> {
  const { root, artifacts } = services
  const definition = definitionDigest(dataset)
  landingPlace(dataset, root, file.name, `sha256:${'0'.repeat(64)}` as Digest, [])
  const lock = join(services.folder, 'ingest', `${dataset.name}.lock`)
  const busy = () => fail('ingestBusy', { dataset: dataset.name })
  const take = async () => {
    const { digest, size } = await keep(services, dataset, file.path)
    const journal = new IngestJournal(services, dataset.name)
    const known = await journal.find(digest)
    const present = await presentFiles(dataset, root)
    const there = present.find(one => one.digest === digest)
    const course = courseOf(known, { there: there !== undefined, now: definition, anew })
    if (known && course === 'again') return { result: known.result, again: true }
    if (known?.state === 'decided') return { result: await carryOut(services, journal, known), again: true }
    const place = there?.path ?? landingPlace(dataset, root, file.name, digest, present)
    const candidate = { name: file.name, path: await artifacts.localPath(digest), digest, size }
    const others = present.filter(one => one !== there)
    const { report, decision, rows, quarantined } = await judge(services, dataset, candidate, others)
    const result: IngestRecord = {
      dataset: dataset.name,
      digest,
      name: file.name,
      verdict: decision.verdict as IngestRecord['verdict'],
      reason: [decision.reason, unkeptSentence(report)].filter(Boolean).join('. '),
      definition,
      rows,
      quarantined,
      report: report.id,
      decision: decision.id,
      place: decision.verdict === 'refused' ? null : relative(root, place),
    }
    const entry = await journal.decide(result, report, decision)
    return { result: await carryOut(services, journal, entry), again: false }
  }
  return withFileLock(lock, busy, take, patienceMs)
}
