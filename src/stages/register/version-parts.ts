import type { Model } from '../../define/model.ts'
import { readModelDefinition } from '../../define/written-model.ts'
import { fail, isMillraceError } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { isDigest, type Digest } from '../../internal/digest.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { ArtifactStore } from '../../ports/artifact-store.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import type { ModelCard } from '../../ports/trainer.ts'
import type { ModelFigures } from '../evaluate/figures/index.ts'
import type { LearningCurveFigure } from '../evaluate/figures/learning-curve.ts'
import type { GoldenRows } from '../evaluate/golden.ts'
import type { ExplanationBasis } from '../explain/basis.ts'
import type { FrameSummary } from '../features/frame.ts'
import { type Spans, spansIn } from '../features/spans.ts'
import { readArtifact, type ScalerArtifact } from '../scaler/artifact.ts'
import type { Profile } from '../windows/profile.ts'

/** `lateness@3`. */
export const versionName = ({ model, version }: Pick<ModelVersion, 'model' | 'version'>): string =>
  `${model}@${version}`

/** The model and number in `lateness@3`. */
export function versionCalled(name: string): { readonly model: string; readonly version: number } {
  const at = name.lastIndexOf('@')
  return { model: name.slice(0, at), version: Number(name.slice(at + 1)) }
}

/** A document of the first form of its kind. */
function ofKind<T extends { readonly kind: string; readonly schema: 1 }>(
  json: unknown,
  kind: T['kind'],
  version: string,
): T {
  const found = json as Partial<T> | null
  if (found?.kind !== kind || found.schema !== 1)
    throw fail('versionUnreadable', { version, reason: `its ${kind} has a form that this Millrace does not know` })
  return found as T
}

/** What a version keeps besides its ONNX file, by the fact that holds its digest, and how each is read. */
const readers = {
  /** The definition that it was made with, whole: inputs, features, columns, threshold, tests. */
  declaration: (json: unknown, version: string): Model => readModelDefinition(json, version),
  /** What is known of the model besides its file: how its inputs are called, which of them matters. */
  card: (json: unknown, version: string): ModelCard => ofKind(json, 'model card', version),
  golden: (json: unknown, version: string): GoldenRows => ofKind(json, 'golden rows', version),
  /** What its answers are explained against. */
  explanation: (json: unknown, version: string): ExplanationBasis => ofKind(json, 'explanation basis', version),
  /** What it is drawn by: curves, distributions, slices. */
  figures: (json: unknown, version: string): ModelFigures => ofKind(json, 'model figures', version),
  /** What more training rows would have brought; of models that declare it. */
  curve: (json: unknown, version: string): LearningCurveFigure => ofKind(json, 'learning curve', version),
  profile(json: unknown, version: string): Profile {
    if (typeof json !== 'object' || json === null || !('columns' in json))
      throw fail('versionUnreadable', { version, reason: 'its baseline has a form that this Millrace does not know' })
    return json as Profile
  },
  scaler(json: unknown, version: string): ScalerArtifact {
    const artifact = readArtifact(json as Json)
    if (!artifact) throw fail('scalerRefused', { version, reason: 'the registered scaler has no named features' })
    return artifact
  },
} satisfies Record<string, (json: unknown, version: string) => unknown>

export type VersionPart = keyof typeof readers

/** The digest of a part, or of the frame. Throws `versionUnreadable` where none is registered. */
export function partDigest(record: ModelVersion, fact: VersionPart | 'frame'): Digest {
  const digest = record.facts[fact]
  if (typeof digest !== 'string' || !isDigest(digest))
    throw fail('versionUnreadable', { version: versionName(record), reason: `the registry names no ${fact} of it` })
  return digest
}

/** The snapshot of a dataset that a version was made from; undefined where it used none of it. */
export function snapshotOfVersion(record: ModelVersion | undefined, dataset: string): Digest | undefined {
  const digest = record?.facts[`data:${dataset}`]
  return typeof digest === 'string' && isDigest(digest) ? digest : undefined
}

/** One part of a version. Throws `versionUnreadable`, or what the artifact store says of it. */
export async function readPart<P extends VersionPart>(
  { artifacts }: { readonly artifacts: Pick<ArtifactStore, 'get'> },
  record: ModelVersion,
  part: P,
): Promise<ReturnType<(typeof readers)[P]>> {
  const bytes = await artifacts.get(partDigest(record, part))
  const version = versionName(record)
  try {
    return readers[part](JSON.parse(Buffer.from(bytes).toString()), version) as ReturnType<(typeof readers)[P]>
  } catch (error) {
    if (isMillraceError(error)) throw error
    throw fail('versionUnreadable', { version, reason: `its ${part} is no JSON: ${messageOf(error)}` }, error)
  }
}

/** The spans of time that a version was trained and tested on; undefined where its rows are not split by time. */
export function spansOfVersion(record: ModelVersion): Spans | undefined {
  const facts = record.facts.frameFacts as Partial<FrameSummary> | undefined
  if (facts?.train === undefined)
    throw fail('versionUnreadable', {
      version: versionName(record),
      reason: 'the registry names no facts of its frame',
    })
  return spansIn(facts)
}
