import type { Model } from '../../define/model.ts'
import type { ModelTest } from '../../define/model-test/index.ts'
import type { Report } from '../../define/report.ts'
import { isMillraceError } from '../../errors/index.ts'
import { canonicalJson, type Json } from '../../internal/canonical-json.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import { keepCounterexamples, readCounterexamples } from '../evaluate/counterexamples.ts'
import type { ModelFigures } from '../evaluate/figures/index.ts'
import { personalInputs } from '../evaluate/personal.ts'
import { runSuite } from '../evaluate/suite.ts'
import { frameKey } from '../pipeline/save.ts'
import type { StageServices } from '../services.ts'
import { partDigest, readPart, versionName } from '../register/version-parts.ts'
import { readFrame } from '../train/read-frame.ts'
import type { ChampionScores } from '../evaluate/metric-tests.ts'
import { scoreRows, type FrameRows } from '../evaluate/subject.ts'
import { loadVersion, type ServedVersion } from './served-version.ts'

/** Most rows of each part that a suite is run on. */
const suiteRows = 60_000

/** The tests that are declared now, where they are about the inputs that the version has; else those it was made with. */
export function testsFor(made: Model, declared: Model | undefined): readonly ModelTest[] {
  const inputs = (model: Model): string => JSON.stringify(model.inputs.map(one => [one.name, one.type]))
  return declared && declared.task === made.task && inputs(declared) === inputs(made) ? declared.tests : made.tests
}

export interface TestedVersion {
  readonly report: Report
  readonly figures: ModelFigures
  /** The declared tests are about other inputs, so that those it was made with were run. */
  readonly byItsOwn: boolean
}

/**
 * Runs tests of a version on its exported file and the rows that it was made with: those that are given, or those that are
 * declared. The report is stored, counterexamples are kept.
 */
export async function testVersion(
  services: StageServices,
  record: ModelVersion,
  { seed, tests }: { readonly seed: number; readonly tests?: (made: Model) => readonly ModelTest[] },
): Promise<TestedVersion> {
  const { store, artifacts, clock, project } = services
  const version = await loadVersion(services, record)
  try {
    const engine = await services.engine()
    const path = await artifacts.localPath(partDigest(record, 'frame'))
    const read = (part: 'train' | 'test') => readFrame(engine, path, version.model.inputs, part, suiteRows)
    const declared = project.models.get(record.model)
    const chosen = tests ? tests(version.model) : testsFor(version.model, declared)
    const onnx = await artifacts.get(record.digest)
    const frame = await read('test')
    const champion = await championFor(services, record, version, frame)
    const { report, counterexamples, figures } = await runSuite({
      model: { ...version.model, tests: chosen },
      name: versionName(record),
      subject: { loaded: version.loaded, inputs: version.card.inputs },
      classes: version.card.classes,
      ...(version.model.quantile === undefined ? {} : { level: version.model.quantile }),
      bytes: onnx.length,
      onnx,
      frame,
      ...(champion ? { champion: champion.scores } : {}),
      train: await read('train'),
      kept: await readCounterexamples(store, record.model),
      personal: personalInputs(version.model),
      seed,
      clock,
      figures: {
        importance: version.card.importance,
        ...(champion ? { champion: champion.name } : {}),
        // What was measured when it was trained
        ...(record.facts.curve === undefined ? {} : { learningCurve: await readPart(services, record, 'curve') }),
      },
      further: [version.golden],
    })
    // What a key protects is kept nowhere in clear
    if (frameKey(version.model) === undefined)
      await keepCounterexamples(store, record.model, counterexamples, clock.now())
    await store.addReport(report)
    return {
      report,
      figures: figures as ModelFigures,
      byItsOwn: !tests && declared !== undefined && chosen !== declared.tests,
    }
  } finally {
    await version.loaded.close()
  }
}

/**
 * The champion's scores of the rows of another version: of its own inputs, where those are the same; else why they cannot be
 * had here. What has other inputs was compared when the version was trained, from the snapshots.
 */
async function championFor(
  services: StageServices,
  record: ModelVersion,
  { model }: ServedVersion,
  frame: FrameRows,
): Promise<{ readonly name: string; readonly scores: ChampionScores } | undefined> {
  const { champion } = await services.store.aliases(record.model)
  if (champion === undefined) return undefined
  const name = `${record.model}@${champion}`
  if (champion === record.version) return { name, scores: { itself: true } }
  const its = await services.store.getModelVersion(record.model, champion)
  if (!its) return { name, scores: { reason: `${name} is not in the registry any more` } }
  try {
    const own = await readPart(services, its, 'declaration')
    if (canonicalJson(own.inputs as unknown as Json) !== canonicalJson(model.inputs as unknown as Json))
      return {
        name,
        scores: { reason: `${name} has other inputs; the run that trained ${versionName(record)} compares them` },
      }
    const card = await readPart(services, its, 'card')
    const loaded = await (await services.runtime()).load(await services.artifacts.get(its.digest))
    try {
      const scores = await scoreRows({ loaded, inputs: card.inputs }, frame.inputs, frame.rows)
      return { name, scores: { scores, threshold: own.threshold } }
    } finally {
      await loaded.close()
    }
  } catch (error) {
    if (!isMillraceError(error)) throw error
    return { name, scores: { reason: `${name} cannot be read: ${messageOf(error)}` } }
  }
}
