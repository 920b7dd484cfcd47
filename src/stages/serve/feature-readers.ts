import { columnsOf } from '../../define/expression/index.ts'
import { viewOfRole, type FeatureView } from '../../define/features.ts'
import type { Model } from '../../define/model.ts'
import { isMillraceError } from '../../errors/index.ts'
import type { ArtifactStore } from '../../ports/artifact-store.ts'
import type { RolloutState } from '../deploy/rollout/state.ts'
import { readPart, versionCalled, versionName } from '../register/version-parts.ts'
import type { StageServices } from '../services.ts'
import { stableDocuments } from './stable-record.ts'

/** A version that is served, with the views that it was made with: those it reads, whatever the project declares by now. */
export interface FeatureReader {
  readonly deployment: string
  readonly arm: 'stable' | 'canary'
  /** `fare@2`. */
  readonly version: string
  readonly views: readonly FeatureView[]
  /** Names of the features that its inputs read: `view.feature`. */
  readonly reads: ReadonlySet<string>
}

/** Names of features that a model's inputs read: `view.feature`. */
export function featuresRead({ inputs, views }: Pick<Model, 'inputs' | 'views'>): ReadonlySet<string> {
  // Of a role they are those of the view
  const names = new Map<string, string>(
    views.flatMap(view =>
      Object.keys(view.features).map(name => [`${view.name}.${name}`, `${viewOfRole(view).name}.${name}`] as const),
    ),
  )
  return new Set(inputs.flatMap(input => columnsOf(input.node)).flatMap(name => names.get(name) ?? []))
}

/** Versions of all deployments that answer, or are tried. One that cannot be read any more reads nothing. */
export async function featureReaders({
  store,
  artifacts,
}: Pick<StageServices, 'store'> & { readonly artifacts: Pick<ArtifactStore, 'get'> }): Promise<
  readonly FeatureReader[]
> {
  const named: Pick<FeatureReader, 'deployment' | 'arm' | 'version'>[] = []
  for (const { id, value } of await stableDocuments(store)) {
    named.push({ deployment: id, arm: 'stable', version: versionName(value) })
    const rollout = (await store.getDocument('rollout', id))?.value as unknown as RolloutState | undefined
    if (rollout && rollout.phase !== 'done' && rollout.phase !== 'rolled-back')
      named.push({ deployment: id, arm: 'canary', version: rollout.config.challenger })
  }
  const readers: FeatureReader[] = []
  for (const one of named) {
    const { model, version } = versionCalled(one.version)
    const record = await store.getModelVersion(model, version)
    if (!record) continue
    try {
      const made = await readPart({ artifacts }, record, 'declaration')
      if (made.views.length > 0)
        readers.push({ ...one, views: [...new Set(made.views.map(viewOfRole))], reads: featuresRead(made) })
    } catch (error) {
      if (!isMillraceError(error)) throw error
    }
  }
  return readers
}
