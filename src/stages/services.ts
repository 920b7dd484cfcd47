import type { Project } from '../define/project.ts'
import type { Clock } from '../ports/clock.ts'
import type { DataEngine } from '../ports/data-engine.ts'
import type { InferenceRuntime } from '../ports/inference-runtime.ts'
import type { KeyService } from '../ports/key-service.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'
import type { QuerySource } from '../ports/query-source.ts'
import type { SealingStore } from './protect/sealed-artifacts.ts'
import type { ModelTrainer, Trainer } from '../ports/trainer.ts'
import type { OpenSourceTable } from '../ports/table-source.ts'
import type { MetricStates } from './validate/states.ts'

/** What the stages work with; made once by `config/resolve.ts`. */
export interface StageServices {
  readonly project: Project
  /** Folder of the project file. */
  readonly root: string
  /** `.millrace` below it. */
  readonly folder: string
  readonly store: MetadataStore
  /** Sealed artifacts are read by it like others, by those who have a grant. */
  readonly artifacts: SealingStore
  readonly clock: Clock
  /** Opened at first use. */
  /** What snapshots, features, training sets and scores are computed by. Throws `engineCannot` where the project's engine only validates. */
  engine(): Promise<DataEngine>
  /** What validates and profiles: the project's engine, whatever it is. */
  validationEngine(): Promise<DataEngine>
  runtime(): Promise<InferenceRuntime>
  /** Where challengers run that are not trusted yet: each in a process of its own. By default where all others do. */
  readonly challengers?: () => Promise<InferenceRuntime>
  /** Where large batches run: on all cores. By default where all others do. */
  readonly batchRuntime?: () => Promise<InferenceRuntime>
  /** Who knows the figures that rollouts ask for; undefined where the project names nobody. */
  readonly queries?: (() => Promise<QuerySource>) | undefined
  /** What was measured before of files with the same content. */
  states(): Promise<MetricStates>
  /** Opens sources that the data engine does not read itself. */
  readonly openForeign: OpenSourceTable
  /** The script that runs users' functions in a process of its own, and the project that they are loaded from. */
  readonly userCode: { readonly script: string; readonly root: string }
  /** Opened at first use; needs the keystore's passphrase. */
  keys(): Promise<KeyService>
  /** What trains models of that kind. */
  trainer(trainer: Trainer): Promise<ModelTrainer>
  /** The function that trains in a process of its own; undefined to train in this one. */
  readonly trainModule?: { readonly file: string; readonly export: string }
  /** The function that tries one combination of a search in a process of its own; undefined to do so in this one. */
  readonly trialModule?: { readonly file: string; readonly export: string }
  /** The function that measures a learning curve in a process of its own; undefined to do so in this one. */
  readonly curveModule?: { readonly file: string; readonly export: string }
}
