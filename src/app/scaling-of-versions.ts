import { isMillraceError } from '../errors/index.ts'
import type { ArtifactStore } from '../ports/artifact-store.ts'
import type { MetadataStore, ModelVersion } from '../ports/metadata-store.ts'
import { readPart } from '../stages/register/version-parts.ts'
import {
  declaredUnits,
  scaledByGraph,
  type ScalerArtifact,
  scalingInGraph,
  unitChange,
} from '../stages/scaler/index.ts'

/** What one version learned of an input, and what it makes of it: (value − centre) / scale. */
export interface VersionInput {
  readonly name: string
  readonly mean: number
  readonly deviation: number
  readonly centre: number
  readonly scale: number
  /** As the definition names it. */
  readonly unit: string | null
}

/** The inputs of a version beside those of the version before it. */
export interface VersionScaling {
  readonly version: number
  /** Of the comparison with the version before: `skipped` where there is none that can be read. */
  readonly status: string
  readonly message: string
  readonly inputs: readonly VersionInput[]
}

const maxVersions = 8
/** Inputs that anybody would look at; what is told of the others is in the message. */
const maxInputs = 50

interface Known {
  readonly artifact: ScalerArtifact
  readonly units: Readonly<Record<string, string>> | undefined
}

/** Of a version and those before it, newest first, what each input was and how it was scaled: whether it stayed the same. */
export async function scalingOfVersions(
  { store, artifacts }: { readonly store: MetadataStore; readonly artifacts: ArtifactStore },
  of: ModelVersion,
): Promise<VersionScaling[]> {
  const all = (await store.listModelVersions(of.model)).filter(one => one.version <= of.version)
  const records = all.toSorted((a, b) => b.version - a.version).slice(0, maxVersions + 1)
  const known: (Known | undefined)[] = []
  for (const record of records) known.push(await knownOf(artifacts, record))
  return records.slice(0, maxVersions).map((record, at) => {
    const [own, before] = [known[at], known[at + 1]]
    if (!own) return { version: record.version, status: 'skipped', message: 'its scaler cannot be read', inputs: [] }
    const name = `${record.model}@${record.version}`
    const check = before && unitChange(name, own.artifact, before.artifact, declaredUnits(own.units, before.units))
    const numbers = own.artifact.features.filter(feature => feature.dtype === 'float32')
    return {
      version: record.version,
      status: check?.status ?? 'skipped',
      message: check?.message ?? 'there is no version before it to compare with',
      inputs: numbers.slice(0, maxInputs).map(feature => ({
        name: feature.name,
        mean: feature.mean,
        deviation: Math.sqrt(feature.var),
        centre: feature.offset,
        scale: feature.scale,
        unit: own.units?.[feature.name] ?? null,
      })),
    }
  })
}

/** Undefined where the version carries no scaler that can be read. */
async function knownOf(store: ArtifactStore, record: ModelVersion): Promise<Known | undefined> {
  const artifacts = { artifacts: store as never }
  try {
    const artifact = await readPart(artifacts, record, 'scaler')
    const { units } = await readPart(artifacts, record, 'declaration')
    if (!artifact.outside) return { artifact, units }
    const { inputs, binding } = await readPart(artifacts, record, 'card')
    const onnx = await store.get(record.digest)
    const graph = scalingInGraph({ model: record.model, artifact, onnx, inputs, binding })
    return { artifact: graph ? scaledByGraph(artifact, graph) : artifact, units }
  } catch (error) {
    if (isMillraceError(error)) return undefined
    throw error
  }
}
