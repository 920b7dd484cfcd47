import type { Model } from '../../define/model.ts'
import type { ModelTest } from '../../define/model-test/index.ts'
import type { Report } from '../../define/report.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import { keepCounterexamples, readCounterexamples } from '../evaluate/counterexamples.ts'
import type { ModelFigures } from '../evaluate/figures/index.ts'
import { runSuite } from '../evaluate/suite.ts'
import { frameKey } from '../pipeline/save.ts'
import type { StageServices } from '../pipeline/services.ts'
import { partDigest, versionName } from '../register/version-parts.ts'
import { readFrame } from '../train/read-frame.ts'
import { loadVersion } from './served-version.ts'

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
    const { report, counterexamples, figures } = await runSuite({
      model: { ...version.model, tests: chosen },
      name: versionName(record),
      subject: { loaded: version.loaded, inputs: version.card.inputs },
      classes: version.card.classes,
      ...(version.model.quantile === undefined ? {} : { level: version.model.quantile }),
      bytes: onnx.length,
      onnx,
      frame: await read('test'),
      train: await read('train'),
      kept: await readCounterexamples(store, record.model),
      seed,
      clock,
      figures: { importance: version.card.importance },
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
