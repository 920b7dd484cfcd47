import { basename, dirname, join } from 'node:path'
import { rm } from 'node:fs/promises'
import { overallStatus } from '../../define/report.ts'
import { fail, systemError } from '../../errors/index.ts'
import { digestFile } from '../../internal/digest.ts'
import { withFileLock } from '../../internal/file-lock.ts'
import { ulid } from '../../internal/ids.ts'
import { isThere } from '../../internal/is-there.ts'
import { makeFolder } from '../../internal/publish.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import { versionName } from '../register/version-parts.ts'
import { loadProven, type ServedVersion } from '../serve/served-version.ts'
import type { StageServices } from '../services.ts'
import { listFile, requireUnchanged, type SourceFile } from '../validate/files.ts'
import { BatchScorer, type Unscorable } from './batch-scorer.ts'
import { type Block, featureBlocks, plainBlocks, type ReadBlocks } from './blocks.ts'
import {
  ofMendedInputs,
  readManifest,
  requireSameTask,
  writeManifest,
  type ScoreManifest,
  type ScoreTask,
} from './manifest.ts'
import { openRows } from './read-rows.ts'
import { ScoreRun, type ScoredFile } from './record.ts'
import { PartWriter, scoreColumns } from './write-part.ts'

export interface ScoreOptions {
  /** Absolute paths of Parquet and CSV files. */
  readonly files: readonly string[]
  /** Absolute path: of a Parquet file, or of a folder for parts. */
  readonly out: string
  /** How it is told (default: the path). */
  readonly shown?: string | undefined
  /** Columns of the files that go into the result beside the scores. */
  readonly keep?: readonly string[] | undefined
  /** The moment of rows whose file has no time of the event (default: now). */
  readonly at?: number | undefined
  readonly trigger?: string
  /** Hears how many rows there are so far, those of an interrupted process among them. */
  readonly told?: (rows: number) => void
}

export interface ScoreResult {
  readonly run: string
  readonly version: string
  readonly rows: number
  /** Rows that were there already, from a process that was interrupted, or from the same call before. */
  readonly reused: number
  readonly files: readonly ScoredFile[]
}

const isFile = (out: string): boolean => out.toLowerCase().endsWith('.parquet')

async function inputsOf(root: string, files: readonly string[]): Promise<SourceFile[]> {
  const inputs: SourceFile[] = []
  for (const path of files) {
    const file = await listFile(path, root)
    if (inputs.some(one => one.path === file.path))
      throw fail('scoreInputUnusable', { file: file.name, reason: 'it is named twice' })
    inputs.push({ ...file, digest: (await digestFile(file.path, file.size)).digest })
  }
  return inputs
}

/** The version with its golden rows answered and its scaler proven, on as many cores as there are. */
async function loadForBatches(services: StageServices, { model, version }: ModelVersion): Promise<ServedVersion> {
  return loadProven(
    services,
    model,
    version,
    async ({ record, scaler: { checks } }) => {
      const status = overallStatus(checks)
      if (status !== 'fail' && status !== 'error') return
      const failed = checks.filter(check => check.status === 'fail' || check.status === 'error')
      throw fail('scalerRefused', { version: versionName(record), reason: failed.map(one => one.message).join('; ') })
    },
    services.batchRuntime,
  )
}

/** Refuses columns to keep that would stand beside scores of the same name. */
function checkKept(keep: readonly string[], version: ServedVersion): void {
  const own = new Set(['file', 'row', 'version', ...scoreColumns(version)])
  const taken = keep.find((name, i) => own.has(name) || keep.indexOf(name) < i)
  if (taken !== undefined)
    throw fail('scoreInputUnusable', {
      file: `The column '${taken}'`,
      reason: own.has(taken) ? 'the result has one of that name' : 'it is to be kept twice',
    })
}

/** Everything that one input is scored with. */
interface Work {
  readonly engine: DataEngine
  readonly version: ServedVersion
  readonly read: ReadBlocks
  readonly folder: string
  readonly keep: readonly string[]
  readonly run: ScoreRun
  readonly told: (rows: number) => void
}

const rowsIn = ({ parts }: ScoreManifest): number => parts.reduce((sum, part) => sum + part.rows, 0)

/** A block whose scores are on their way. */
interface PendingBlock {
  readonly block: Block
  readonly scoring: Promise<Float32Array | Unscorable>
}

/** Scores what is missing of one input; the manifest has it once it is on disk. */
async function scoreInput(work: Work, manifest: ScoreManifest, input: SourceFile): Promise<ScoreManifest> {
  const { engine, version, keep, folder } = work
  const index = manifest.inputsDone
  const shown = input.name
  const rows = await openRows(engine, version.model, { path: input.path, shown }, keep)
  const scorer = new BatchScorer(version)
  const writer = new PartWriter(engine, version, { index, shown }, keep)
  let current = manifest
  const from = current.parts.filter(part => part.input === index).reduce((most, part) => Math.max(most, part.until), 0)
  const write = async (): Promise<void> => {
    await requireUnchanged([input])
    const part = await writer.write(folder, current.parts.length)
    current = { ...current, parts: [...current.parts, part] }
    await writeManifest(folder, current)
    await work.run.goesOn()
  }
  try {
    let done = rowsIn(current)
    const keepScores = async ({ block, scoring }: PendingBlock): Promise<void> => {
      const scores = await scoring
      if ('reason' in scores) {
        const { at, column, reason } = scores
        throw fail('scoreRowRefused', { file: shown, row: block.numbers[at], column, reason })
      }
      await writer.add(block, scores)
      work.told((done += block.rows))
      if (writer.full) await write()
    }
    // One block is read while the one before it is scored
    let before: PendingBlock | undefined
    for await (const block of work.read(rows, from)) {
      const { numbers, problems } = block
      const bad = problems.findIndex(problem => problem > 0)
      if (bad >= 0) {
        if (before) await keepScores(before)
        await rows.refuse(numbers[bad] as number, problems[bad] as number)
      }
      const scoring = scorer.score(block.columns, block.rows)
      // awaited with the next block
      scoring.catch(() => undefined)
      if (before) await keepScores(before)
      before = { block, scoring }
    }
    if (before) await keepScores(before)
    if (!writer.empty) await write()
    await requireUnchanged([input])
  } catch (error) {
    await writer.drop().catch(() => undefined)
    // What was read of a file that changed meanwhile may be of neither content
    await requireUnchanged([input])
    throw error
  }
  if (!current.parts.some(part => part.input === index))
    throw fail('scoreInputUnusable', { file: shown, reason: 'it has no rows' })
  current = { ...current, inputsDone: index + 1 }
  await writeManifest(folder, current)
  return current
}

/** One file of the parts, in their order. */
async function joinParts(
  engine: DataEngine,
  folder: string,
  manifest: ScoreManifest,
  out: string,
): Promise<ScoredFile> {
  const files = manifest.parts.map(part => join(folder, part.name))
  const relation = await engine.scan({ kind: 'parquet', path: basename(out) }, dirname(out), files)
  const rows = await engine.writeParquet(`SELECT * FROM ${relation.sql}`, out)
  return { name: basename(out), rows, ...(await digestFile(out)) }
}

/** Holds parts of an earlier process to what the manifest says of them: what is not there as it was is scored anew. */
async function checkedParts(folder: string, manifest: ScoreManifest): Promise<ScoreManifest> {
  const whole: ScoreManifest['parts'] = []
  for (const part of manifest.parts) {
    const found = await digestFile(join(folder, part.name)).catch(() => undefined)
    if (found?.digest !== part.digest) {
      const inputsDone = Math.min(manifest.inputsDone, part.input)
      return { ...manifest, parts: whole, inputsDone, finished: false }
    }
    whole.push(part)
  }
  return manifest
}

/** Takes away the parts of files that were mended. It is another run: the one before stays as it ended, of what it was given. */
async function begunAnew(
  { clock }: Pick<StageServices, 'clock'>,
  folder: string,
  found: ScoreManifest,
  mended: ScoreManifest,
): Promise<ScoreManifest> {
  for (const { name } of found.parts.slice(mended.parts.length)) await rm(join(folder, name), { force: true })
  return { ...mended, run: ulid(), now: mended.parts.length > 0 ? mended.now : clock.now() }
}

/**
 * Scores files of rows with a version, in bounded memory: parts of the result are published one by one, and a call that was
 * interrupted goes on after the last of them when it is made again. A run in the metadata store says what came of what.
 * Throws `scoreInputUnusable`, `scoreRowRefused`, `scoreOutputTaken`, `sourceChanged`, and what reading and loading throw.
 */
export async function scoreFiles(
  services: StageServices,
  record: ModelVersion,
  options: ScoreOptions,
): Promise<ScoreResult> {
  const { out, keep = [] } = options
  const shown = options.shown ?? out
  const inputs = await inputsOf(services.root, options.files)
  const task: ScoreTask = {
    model: record.model,
    version: record.version,
    digest: record.digest,
    inputs: inputs.map(({ name, digest, size }) => ({ file: name, digest, size })),
    keep: [...keep],
    at: options.at ?? null,
  }
  const partsOf = (place: string): string => (isFile(out) ? `${place}.parts` : place)
  const folder = partsOf(out)
  const holder = partsOf(shown)
  const outStands = async (): Promise<boolean> =>
    isFile(out) &&
    (await isThere(out).catch((error: unknown) => {
      throw systemError(error, { path: shown }) ?? error
    }))
  const busy = (): Error => fail('scoreOutputTaken', { out: shown, reason: 'is being written by another process' })
  const before = await readManifest(folder, holder)
  if (!before && (await outStands())) throw fail('scoreOutputTaken', { out: shown, reason: 'is there already' })
  await makeFolder(folder)
  return withFileLock(
    join(folder, '.lock'),
    busy,
    async () => {
      const found = await readManifest(folder, holder)
      const mended = found && !(await outStands()) ? ofMendedInputs(found, task) : undefined
      if (found && !mended) requireSameTask(found, task, holder)
      const known = found && mended ? await begunAnew(services, folder, found, mended) : found
      const begun = known && (await checkedParts(folder, known))
      const manifest = begun ?? {
        format: 1 as const,
        run: ulid(),
        task,
        now: services.clock.now(),
        parts: [],
        inputsDone: 0,
        finished: false,
      }
      return scoreMissing(services, record, { ...options, keep, inputs, folder }, manifest)
    },
    0,
  )
}

async function scoreMissing(
  services: StageServices,
  record: ModelVersion,
  options: ScoreOptions & {
    readonly keep: readonly string[]
    readonly inputs: readonly SourceFile[]
    readonly folder: string
  },
  begun: ScoreManifest,
): Promise<ScoreResult> {
  const { keep, inputs, folder, out, told = () => undefined } = options
  const { task } = begun
  const run = new ScoreRun(services, begun)
  const reused = rowsIn(begun)
  const answer = (manifest: ScoreManifest, files: readonly ScoredFile[]): ScoreResult => ({
    run: manifest.run,
    version: versionName(record),
    rows: rowsIn(manifest),
    reused,
    files,
  })
  const partFiles = ({ parts }: ScoreManifest): ScoredFile[] =>
    parts.map(({ name, digest, size, rows }) => ({ name, digest, size, rows }))
  if (begun.finished) {
    if (!isFile(out)) return answer(begun, partFiles(begun))
    // Cut off just before the parts went
    await rm(folder, { recursive: true, force: true })
    return answer(begun, [{ name: basename(out), rows: reused, ...(await digestFile(out)) }])
  }
  const version = await loadForBatches(services, record)
  try {
    checkKept(keep, version)
    const engine = await services.engine()
    const { model } = version
    const blocks =
      model.views.length === 0
        ? { read: plainBlocks(engine, model, keep), close: async () => undefined }
        : await featureBlocks(services, engine, record, model, keep, task.at ?? begun.now)
    try {
      // An input that cannot be read is found before anything is scored
      for (const { path, name } of inputs.slice(begun.inputsDone))
        await openRows(engine, model, { path, shown: name }, keep)
      await writeManifest(folder, begun)
      await run.begin(task, options.trigger ?? 'manual')
      let manifest = begun
      for (const input of inputs.slice(begun.inputsDone))
        manifest = await scoreInput({ engine, version, read: blocks.read, folder, keep, run, told }, manifest, input)
      const files = isFile(out) ? [await joinParts(engine, folder, manifest, out)] : partFiles(manifest)
      await run.succeeded(task, files)
      await writeManifest(folder, { ...manifest, finished: true })
      if (isFile(out)) await rm(folder, { recursive: true, force: true })
      return answer(manifest, files)
    } catch (error) {
      await run.failed(error)
      throw error
    } finally {
      await blocks.close()
    }
  } finally {
    await version.loaded.close()
  }
}
