import type { Dataset } from '../../define/dataset.ts'
import type { Reference } from '../../define/expectation/rule.ts'
import { isDigest, type Digest } from '../../internal/digest.ts'
import type { Relation } from '../../ports/data-engine.ts'
import type { ValidateServices } from '../validate/validate.ts'
import { readmissionsOf, repairsFrom, type Readmission } from '../validate/readmissions.ts'
import { snapshotOfVersion } from '../register/version-parts.ts'
import type { StageServices } from '../services.ts'

/** How many earlier evaluations a check may look back on. */
const lookBack = 200

export function datasetStepName(dataset: Dataset): string {
  return `validate-${dataset.name}`
}

/** Digest of the newest accepted snapshot of a dataset. */
export async function previousSnapshot(services: StageServices, dataset: Dataset): Promise<Digest | undefined> {
  const steps = await services.store.stepHistory(datasetStepName(dataset), 50)
  return steps.find(step => step.outputs?.data)?.outputs?.data?.digest
}

async function snapshotOf(
  services: StageServices,
  dataset: Dataset,
  reference: Exclude<Reference, { dataset: string }>,
): Promise<Digest | undefined> {
  if ('snapshot' in reference) return isDigest(reference.snapshot) ? reference.snapshot : undefined
  if ('previous' in reference) return previousSnapshot(services, dataset)
  const [version] = (await services.store.listModelVersions(reference.train)).toSorted((a, b) => b.version - a.version)
  return snapshotOfVersion(version, dataset.name)
}

/** Everything that the validation of a project's dataset works with; with other repairs than those on record. */
export async function validationServices(
  services: StageServices,
  dataset: Dataset,
  repairs?: readonly Readmission[],
): Promise<ValidateServices> {
  const engine = await services.validationEngine()
  return {
    repairs: async one =>
      repairsFrom(services, one.name === dataset.name && repairs ? repairs : await readmissionsOf(services.store, one)),
    engine,
    clock: services.clock,
    root: services.root,
    userCode: services.userCode,
    states: await services.states(),
    openForeign: services.openForeign,
    async history() {
      const filter = { kind: 'validation', subject: dataset.name, limit: lookBack } as const
      return [...(await services.store.listReports(filter))].reverse()
    },
    async snapshot(reference): Promise<Relation | undefined> {
      const digest = await snapshotOf(services, dataset, reference)
      if (digest === undefined || !(await services.artifacts.has(digest))) return undefined
      return engine.scan({ kind: 'parquet', path: await services.artifacts.localPath(digest) }, '/')
    },
  }
}
