import type { Json } from '../../internal/canonical-json.ts'
import type { Digest } from '../../internal/digest.ts'
import type { ModelBinding } from '../../onnx/index.ts'
import type { CardInput } from '../../ports/trainer.ts'
import type { FeatureScale, ScalerKind, ScalerParameters } from '../../math/scaler/index.ts'

/** What was learned about one input of a model, with its place in the row. */
export interface ScalerFeature extends Omit<FeatureScale, 'summary'> {
  readonly name: string
  readonly index: number
  /** Texts are scaled by their category's index: never. */
  readonly dtype: 'float32' | 'text'
}

/** The scaler of a model version as it is stored: JSON, named by its digest in the registry and in the ONNX file. */
export interface ScalerArtifact {
  readonly version: 1
  readonly kind: ScalerKind
  /** Variances are divided by the count. */
  readonly ddof: 0
  readonly split: 'train'
  /** The training frame, and the definition of each feature view that it was made with. */
  readonly frame: Digest
  readonly views: Readonly<Record<string, Digest>>
  readonly features: readonly ScalerFeature[]
  /** The trainer scales in its own way, or not at all: these figures say what its inputs were, not what the graph does. */
  readonly outside?: true
}

/** A model file beside its scaler. */
export interface ScaledFile {
  /** `lateness@3`, or the model's name before it has a version. */
  readonly model: string
  readonly artifact: ScalerArtifact
  readonly onnx: Uint8Array
  readonly inputs: readonly CardInput[]
  /** How a graph that Millrace did not write is fed. */
  readonly binding?: ModelBinding | undefined
}

/** A version's scaler as a monitor holds traffic against it. */
export interface WatchedScaler {
  readonly artifact: ScalerArtifact
  /** Whether the graph answers for missing values. */
  readonly missingHandled: boolean
}

export function scalerArtifact(
  scaler: ScalerParameters,
  inputs: readonly { readonly name: string; readonly kind: 'number' | 'text' }[],
  frame: Digest,
  views: Readonly<Record<string, Digest>>,
  outside = false,
): ScalerArtifact {
  const features = scaler.features.map(({ summary: _, ...feature }, index): ScalerFeature => {
    const input = inputs[index]
    return { name: input?.name ?? '', index, dtype: input?.kind === 'text' ? 'text' : 'float32', ...feature }
  })
  return {
    version: 1,
    kind: scaler.kind,
    ddof: 0,
    split: 'train',
    frame,
    views,
    features,
    ...(outside ? { outside } : {}),
  }
}

/** The artifact as stored parameters; undefined for anything else. */
export function readArtifact(value: Json | undefined): ScalerArtifact | undefined {
  const artifact = value as ScalerArtifact | null | undefined
  return artifact && typeof artifact === 'object' && artifact.version === 1 && Array.isArray(artifact.features)
    ? artifact
    : undefined
}

export function parametersOf({ kind, features }: ScalerArtifact): ScalerParameters {
  return { kind, features, approximateQuantiles: false }
}

/** Numbers among the features, in their order: what windows of traffic keep statistics of. */
export function numbersOf({ features }: ScalerArtifact): readonly ScalerFeature[] {
  return features.filter(feature => feature.dtype === 'float32')
}
