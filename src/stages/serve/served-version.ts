import type { Decision } from '../../define/decision.ts'
import type { CheckResult } from '../../define/report.ts'
import type { Model } from '../../define/model.ts'
import type { Digest } from '../../internal/digest.ts'
import { ulid } from '../../internal/ids.ts'
import type { Micros } from '../../internal/time.ts'
import { handlesMissing, readModel } from '../../onnx/index.ts'
import type { InferenceRuntime, LoadedModel } from '../../ports/inference-runtime.ts'
import type { MetadataStore, ModelVersion } from '../../ports/metadata-store.ts'
import { goldenTest } from '../evaluate/service-tests.ts'
import type { StageServices } from '../services.ts'
import { fail, type MillraceError } from '../../errors/index.ts'
import type { ModelCard } from '../../ports/trainer.ts'
import { partDigest, readPart, versionName } from '../register/version-parts.ts'
import { checksOfVersion } from '../scaler/index.ts'
import type { WatchedScaler } from '../scaler/artifact.ts'
import type { Profile } from '../windows/profile.ts'

/** A model version in memory, its golden rows answered. */
export interface ServedVersion {
  readonly record: ModelVersion
  /** As it was declared when this version was made: it reads, decides and is tested by that, whatever the project says now. */
  readonly model: Model
  readonly loaded: LoadedModel
  readonly card: ModelCard
  readonly profile: Profile
  readonly golden: CheckResult
  /** The scaler inside, what it is watched for, and how it stood when it was loaded. */
  readonly scaler: WatchedScaler & { readonly digest: Digest; readonly checks: readonly CheckResult[] }
}

/** The same model, whose `close` waits for the runs that have begun: a version may be retired while requests are in it. */
function drained(loaded: LoadedModel): LoadedModel {
  let running = 0
  let idle: (() => void) | undefined
  return {
    width: loaded.width,
    categoryWidth: loaded.categoryWidth,
    outputs: loaded.outputs,
    wide: loaded.wide,
    inChildProcess: loaded.inChildProcess ?? false,
    restart: () => loaded.restart?.(),
    limit: bytes => loaded.limit?.(bytes),
    async run(batch) {
      running++
      try {
        return await loaded.run(batch)
      } finally {
        running--
        if (running === 0) idle?.()
      }
    },
    async close() {
      if (running > 0) await new Promise<void>(resolve => (idle = resolve))
      await loaded.close()
    },
  }
}

/** Lets a version go once the runs that have begun are over. Nobody waits for that: a run that never ends would hold up the rest. */
export function retire({ loaded }: ServedVersion): void {
  // it answers nobody any more, and what it leaves behind goes with the process
  void loaded.close().catch(() => undefined)
}

/** The registered scaler, held to the file that scales. Throws `scalerRefused` when there is none to be held to. */
async function scalerOf(
  services: StageServices,
  record: ModelVersion,
  declared: Model,
  { inputs, binding }: ModelCard,
  onnx: Uint8Array,
): Promise<ServedVersion['scaler']> {
  const model = versionName(record)
  if (typeof record.facts.scaler !== 'string')
    throw fail('scalerRefused', { version: model, reason: 'the registry names no scaler' })
  const artifact = await readPart(services, record, 'scaler')
  // What the store gives has that digest
  const digest = partDigest(record, 'scaler')
  const checks = checksOfVersion({
    model,
    artifact,
    digest,
    onnx,
    inputs,
    binding,
    registered: digest,
    declared: declared.inputs.map(input => input.name),
  })
  return { artifact, missingHandled: handlesMissing(readModel(onnx)), digest, checks }
}

/** Loads a version from the artifact store (digests are checked on the way) and lets it answer its golden rows. */
export async function loadVersion(
  services: StageServices,
  record: ModelVersion,
  runtime: () => Promise<InferenceRuntime> = services.runtime,
): Promise<ServedVersion> {
  const bytes = await services.artifacts.get(record.digest)
  const model = await readPart(services, record, 'declaration')
  const card = await readPart(services, record, 'card')
  const profile = await readPart(services, record, 'profile')
  const scaler = await scalerOf(services, record, model, card, bytes)
  const loaded = drained(await (await runtime()).load(bytes, card.binding))
  const check = await goldenTest(
    versionName(record),
    model.task,
    { loaded, inputs: card.inputs },
    await readPart(services, record, 'golden'),
  )
  return { record, model, loaded, card, profile, golden: check, scaler }
}

/** A version that may get traffic: its golden rows are answered as when it was made, and `admit` refuses nothing. */
export async function loadProven(
  services: StageServices,
  model: string,
  version: number,
  admit: (version: ServedVersion) => Promise<void>,
  runtime?: () => Promise<InferenceRuntime>,
): Promise<ServedVersion> {
  const name = `${model}@${version}`
  const record = await services.store.getModelVersion(model, version)
  if (!record) throw await versionUnknown(services.store, model, version)
  const served = await loadVersion(services, record, runtime)
  try {
    if (served.golden.status !== 'pass') {
      await services.store.addDecision(refusedByGolden(name, served, services.clock.now()))
      throw fail('goldenRowsWrong', { version: name, reason: served.golden.message })
    }
    await admit(served)
    return served
  } catch (error) {
    await served.loaded.close()
    throw error
  }
}

const refusedByGolden = (version: string, { golden, record }: ServedVersion, at: Micros): Decision => ({
  id: ulid(),
  kind: 'gate',
  subject: `model ${version}`,
  at,
  verdict: 'refused',
  reason: `${version} is not served: ${golden.message}`,
  rule: { name: 'golden rows', threshold: golden.threshold },
  inputs: { version, evaluated: golden.evaluated },
  evidence: [record.digest],
  actor: 'system',
})

/** The error for a version that is not there, with the newest of those that are. */
export async function versionUnknown(
  store: Pick<MetadataStore, 'listModelVersions'>,
  model: string,
  version: number,
): Promise<MillraceError> {
  const known = (await store.listModelVersions(model)).map(one => `${model}@${one.version}`)
  const shown = known.length > 10 ? [...known.slice(0, 10), `and ${known.length - 10} older ones`] : known
  return fail('notDefined', { kind: 'model version', name: `${model}@${version}`, known: shown.join(', ') || 'none' })
}
