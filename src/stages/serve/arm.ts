import { fail } from '../../errors/index.ts'
import { versionName } from '../register/version-parts.ts'
import type { StageServices } from '../services.ts'
import { RowEncoder } from './encode.ts'
import type { OnlineViews } from './online-views.ts'
import { loadProven, retire, type ServedVersion } from './served-version.ts'

/** A version with what makes its inputs of a request: its own expressions and features, whatever the other arm reads. */
export interface Arm extends ServedVersion {
  readonly encoder: RowEncoder
}

/** Loads a version that may get traffic; `admit` may refuse it. `runtime`: where it runs, if not here. */
export async function loadArm(
  services: StageServices,
  views: OnlineViews,
  { model, version }: { readonly model: string; readonly version: number },
  admit: (version: ServedVersion) => Promise<void>,
  runtime?: StageServices['runtime'],
): Promise<Arm> {
  const served = await loadProven(services, model, version, admit, runtime)
  try {
    const read = await Promise.all(served.model.views.map(view => views.open(view, served.record)))
    const samples = read.map(view => views.sampleOf(view))
    return { ...served, encoder: new RowEncoder(served.model, read, views.past, samples) }
  } catch (error) {
    await served.loaded.close()
    throw error
  }
}

/** Throws `taskChanged`, and lets the challenger go, where it answers something else than what is stable. */
export function checkTask(deployment: string, challenger: Arm, stable: Arm): void {
  if (challenger.model.task === stable.model.task) return
  retire(challenger)
  throw fail('taskChanged', {
    deployment,
    version: versionName(challenger.record),
    task: challenger.model.task,
    stable: versionName(stable.record),
    served: stable.model.task,
  })
}
