import type { FeatureView } from '../define/features.ts'
import { columnsOfFeature, viewOfRole } from '../define/features.ts'
import { compileDefinition } from '../define/project.ts'
import { keptReads, type KeptReads } from '../stages/features/kept-reads.ts'
import { materialisationNamed, materialisationOf } from '../stages/features/materialisations.ts'
import { readVerificationOf, verificationOf } from '../stages/features/verifications.ts'
import { featureReaders, featuresRead, type FeatureReader } from '../stages/serve/feature-readers.ts'
import { ServedViews } from '../stages/serve/served-views.ts'
import { freshnessOf, type Freshness } from '../stages/watch/freshness.ts'
import type { PlanServices } from './features-plan.ts'
import type { Workspace } from '../config/workspace.ts'

type Services = PlanServices & Pick<Workspace, 'clock'>

interface Reader {
  readonly name: string
  readonly reads: ReadonlySet<string>
}

/** Models of the project and versions that are served, each with the features that it reads. */
function readersOf({ project }: Pick<Services, 'project'>, served: readonly FeatureReader[]): readonly Reader[] {
  return [
    ...[...project.models.values()].map(model => ({ name: `model ${model.name}`, reads: featuresRead(model) })),
    ...served.map(({ deployment, version, arm, reads }) => ({ name: `${deployment}: ${version} (${arm})`, reads })),
  ]
}

/** What was promised of a view, as it was last looked at; before the first look the promise alone. */
function freshnessIn(view: FeatureView, looked: ReadonlyMap<string, Freshness>) {
  const found = looked.get(view.name)
  if (found) return found
  return view.freshness === undefined ? null : { newest: null, promise: view.freshness, isBroken: false }
}

/** Statuses of what servers read of a view, whichever version of it, by the hour, oldest first; and what comparing a sample last found. */
async function readsOf(services: Services, { name }: FeatureView, kept: readonly KeptReads[]) {
  const hours = new Map<number, Record<string, number>>()
  for (const { view, counts } of kept)
    for (const [hour, own] of view === name ? Object.entries(counts) : []) {
      const sum = hours.get(Number(hour)) ?? {}
      for (const [status, count] of Object.entries(own)) sum[status] = (sum[status] ?? 0) + count
      hours.set(Number(hour), sum)
    }
  return {
    statuses: [...hours].toSorted(([a], [b]) => a - b).map(([hour, counts]) => ({ hour, counts })),
    verification: (await readVerificationOf(services, name)) ?? null,
  }
}

/** Feature views as they are answered under their names: what each computes, of which columns, who reads it, and how it stands. */
export async function describeViews(services: Services) {
  const views = [...(await new ServedViews(services).current()).values()]
  const served = await featureReaders(services)
  const readers = readersOf(services, served)
  const looked = await freshnessOf(services)
  const kept = await keptReads(services)
  return Promise.all(
    views.map(async view => {
      const own = viewOfRole(view).name
      // How it is kept up is no part of what was applied
      const declared = services.project.views.get(own)
      const keys = Object.entries(view.entity.keys)
      return {
        name: view.name,
        roleOf: view.roleOf ?? null,
        entity: {
          name: view.entity.name,
          keys: keys.map(([name]) => name),
          types: Object.fromEntries(keys.map(([name, { type }]) => [name, type])),
        },
        source: view.from.name,
        online: view.online,
        ttl: view.ttl ?? null,
        knownTime: view.knownTime,
        features: Object.entries(view.features).map(([name, spec]) => ({
          name,
          aggregation: spec.aggregation,
          type: spec.type,
          nullable: spec.nullable,
          window: spec.window ?? null,
          align: spec.align ?? null,
          columns: columnsOfFeature(view, name),
          readers: readers.filter(one => one.reads.has(`${own}.${name}`)).map(one => one.name),
        })),
        definition: compileDefinition(view),
        models: [...services.project.models.values()]
          .filter(model => model.views.some(one => viewOfRole(one).name === own))
          .map(model => model.name),
        served: served
          .filter(one => one.views.some(read => read.name === own))
          .map(({ deployment, arm, version }) => ({ deployment, arm, version })),
        materialisation:
          (await materialisationOf(services, view)) ?? (await materialisationNamed(services, view.name)) ?? null,
        freshness: declared ? freshnessIn(declared, looked) : null,
        verification: (await verificationOf(services, view.name)) ?? null,
        reads: declared?.verify === undefined ? null : await readsOf(services, declared, kept),
      }
    }),
  )
}
