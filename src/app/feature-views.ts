import type { FeatureView } from '../define/features.ts'
import { columnsOfFeature, viewOfRole } from '../define/features.ts'
import { compileDefinition } from '../define/project.ts'
import { materialisationNamed, materialisationOf } from '../stages/features/materialisations.ts'
import { verificationOf } from '../stages/features/verifications.ts'
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

/** Feature views as they are answered under their names: what each computes, of which columns, who reads it, and how it stands. */
export async function describeViews(services: Services) {
  const views = [...(await new ServedViews(services).current()).values()]
  const served = await featureReaders(services)
  const readers = readersOf(services, served)
  const looked = await freshnessOf(services)
  return Promise.all(
    views.map(async view => {
      const own = viewOfRole(view).name
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
        freshness: freshnessIn(view, looked),
        verification: (await verificationOf(services, view.name)) ?? null,
      }
    }),
  )
}
