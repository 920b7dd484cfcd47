import type { Dataset } from '../../define/dataset.ts'
import type { Monitor } from '../../define/monitor.ts'
import { isMillraceError } from '../../errors/index.ts'
import type { Digest } from '../../internal/digest.ts'
import { messageOf } from '../../internal/message-of.ts'
import { gate } from '../pipeline/gate.ts'
import { datasetStepName, validationServices } from '../pipeline/validation.ts'
import type { StageServices } from '../services.ts'
import { datasetsOf } from '../pipeline/step-parts.ts'
import { type SourceFile, sourceFiles } from '../validate/files.ts'
import { validate } from '../validate/validate.ts'
import type { LiveMonitor } from '../watch/live.ts'
import { arrivedOf, type DatasetFile, requestOf, seenBefore } from './new-files.ts'

/** Contents of files that need no retrain any more. */
type SeenFiles = { readonly digests: readonly Digest[] }

type Found = SourceFile & DatasetFile

/**
 * Asks for a retrain when files with new content have come to a dataset of the model. A content counts as arrived when two
 * looks in a row found it (it is no longer written to), and starts one retrain ever: not again under another name, after a
 * restart, or once a version was trained on it. While a cool-down forbids the retrain, the files wait for its end; while the
 * dataset with them is refused, which the retrain would find out first, they wait until its files are others.
 */
export class ArrivalTrigger {
  readonly #services: StageServices
  readonly #definition: Monitor
  readonly #monitor: Pick<LiveMonitor, 'ask' | 'wouldDecide'>
  readonly #datasets: readonly Dataset[]
  #seen: Set<Digest> | undefined
  #before = new Set<Digest>()
  #version = 0
  /** The suppression that is on record, so that it is recorded once. */
  #told = ''
  /** Why the files that are there now are refused, once they were judged; by their contents. */
  #judged: { readonly contents: string; readonly refused: string | undefined } | undefined

  constructor(services: StageServices, definition: Monitor, monitor: Pick<LiveMonitor, 'ask' | 'wouldDecide'>) {
    this.#services = services
    this.#definition = definition
    this.#monitor = monitor
    this.#datasets = datasetsOf(definition.deployment.model)
  }

  async look(): Promise<void> {
    const files = await this.#files()
    const seen = (this.#seen ??= await this.#restore(files))
    await this.#learn(seen)
    const arrived = arrivedOf(files, this.#before, seen)
    this.#before = new Set(files.map(file => file.digest))
    if (arrived.length > 0) await this.#ask(arrived, seen, files)
  }

  /** Why the gate that a retrain begins with would refuse a dataset as it stands with what has arrived. */
  async #refusal(arrived: readonly Found[], files: readonly Found[]): Promise<string | undefined> {
    const names = new Set(arrived.map(file => file.dataset))
    const contents = [...names, ...files.map(file => file.digest)].join()
    if (this.#judged?.contents !== contents) {
      let refused: string | undefined
      for (const dataset of this.#datasets)
        if (names.has(dataset.name))
          refused ??= await this.#refusalOf(
            dataset,
            files.filter(file => file.dataset === dataset.name),
          )
      this.#judged = { contents, refused }
    }
    return this.#judged.refused
  }

  async #refusalOf(dataset: Dataset, files: readonly Found[]): Promise<string | undefined> {
    try {
      const validation = await validate(await validationServices(this.#services, dataset), dataset, { files })
      try {
        await validation.unchanged()
        const { rows, split, report } = validation
        const { quarantined, failed } = split
        const { verdict, reason } = gate(report, dataset, { rows, quarantined, failed }, this.#services.clock.now())
        return verdict === 'refused' ? reason : undefined
      } finally {
        await validation.release()
      }
    } catch (error) {
      // A file that is broken, or went or was changed while it was read
      if (isMillraceError(error) || (error as NodeJS.ErrnoException).code === 'ENOENT') return messageOf(error)
      throw error
    }
  }

  async #ask(arrived: readonly Found[], seen: Set<Digest>, files: readonly Found[]): Promise<void> {
    const request = requestOf(arrived)
    const digests = request.evidence
    // Judging reads the data: only where nothing else forbids the retrain already
    const allowed = this.#monitor.wouldDecide(request).verdict === 'fired'
    const refused = allowed ? await this.#refusal(arrived, files) : undefined
    const asked = { ...request, ...(refused === undefined ? {} : { refused }) }
    const expected = this.#monitor.wouldDecide(asked)
    const told = `${expected.verdict} ${expected.rule.name} ${digests.join()}`
    if (expected.verdict !== 'fired' && told === this.#told) return
    this.#told = told
    const decision = await this.#monitor.ask(asked)
    if (decision.verdict !== 'fired') return
    for (const digest of digests) seen.add(digest)
    await this.#store(seen)
  }

  async #files(): Promise<Found[]> {
    const found: Found[] = []
    for (const dataset of this.#datasets)
      try {
        for (const file of await sourceFiles(dataset, this.#services.root))
          found.push({ ...file, dataset: dataset.name })
      } catch (error) {
        // No file yet, or one that went while it was read: the next look sees
        if (!isMillraceError(error) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    return found
  }

  /** What was seen before this process, also what a crash kept from being written: the decisions have it. */
  async #restore(present: readonly Found[]): Promise<Set<Digest>> {
    const { store } = this.#services
    const { name } = this.#definition.deployment.model
    const kept = (await store.getDocument<SeenFiles>('arrivals', this.#definition.name))?.value
    const decisions = await store.listDecisions({ kind: 'trigger', subject: `model ${name}`, limit: 100 })
    const trained = (await store.listModelVersions(name)).length > 0
    const seen = seenBefore(kept?.digests, decisions, trained, present)
    if (!kept) await this.#store(seen)
    return seen
  }

  /** What a version was trained on, for whatever reason, is seen. */
  async #learn(seen: Set<Digest>): Promise<void> {
    const { store, artifacts } = this.#services
    const [newest] = await store.listModelVersions(this.#definition.deployment.model.name)
    if (!newest || newest.version === this.#version) return
    const names = new Set(this.#datasets.map(datasetStepName))
    for (const step of await store.listSteps(newest.runId)) {
      const report = names.has(step.step) ? step.outputs?.report?.digest : undefined
      if (!report || !(await artifacts.has(report))) continue
      const { evidence } = JSON.parse(Buffer.from(await artifacts.get(report)).toString()) as {
        readonly evidence?: { readonly files?: readonly Digest[] }
      }
      for (const digest of evidence?.files ?? []) seen.add(digest)
    }
    this.#version = newest.version
    await this.#store(seen)
  }

  async #store(seen: ReadonlySet<Digest>): Promise<void> {
    const { store, clock } = this.#services
    await store.putDocument('arrivals', this.#definition.name, { digests: [...seen] }, clock.now())
  }
}
