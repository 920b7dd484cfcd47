import { isDigest } from '../internal/digest.ts'
import type { ArtifactStore } from '../ports/artifact-store.ts'
import type { ArtifactRef } from '../ports/metadata-store.ts'
import { StepFailure } from './failure.ts'
import type { StepResult } from './step.ts'

const types: ReadonlySet<string> = new Set<ArtifactRef['type']>([
  'dataset',
  'features',
  'scaler',
  'declaration',
  'model',
  'onnx',
  'report',
  'profile',
  'metrics',
  'file',
  'json',
])

function isArtifactRef(value: unknown): value is ArtifactRef {
  if (typeof value !== 'object' || value === null) return false
  const { type, digest, size } = value as Record<string, unknown>
  return (
    typeof type === 'string' &&
    types.has(type) &&
    typeof digest === 'string' &&
    isDigest(digest) &&
    Number.isSafeInteger(size)
  )
}

function broken(reason: string): StepFailure {
  return new StepFailure('contract', reason)
}

/** The shape of what a step gave; it may come from a user's code or from another process. */
export function checkShape(result: unknown): StepResult {
  if (typeof result !== 'object' || result === null || !('outputs' in result))
    throw broken('it must give { outputs: { name: artifact } }')
  const { outputs, reports, decisions } = result as Record<string, unknown>
  if (typeof outputs !== 'object' || outputs === null) throw broken('its outputs are no object')
  for (const [name, ref] of Object.entries(outputs))
    if (!isArtifactRef(ref)) throw broken(`its output ${name} is no artifact: make it with context.save`)
  if (reports !== undefined && !Array.isArray(reports)) throw broken('its reports are no list')
  if (decisions !== undefined && !Array.isArray(decisions)) throw broken('its decisions are no list')
  return result as StepResult
}

/** That every output is in the store, with its size, and that what later steps rely on is there. */
export async function checkOutputs(
  result: StepResult,
  promised: ReadonlySet<string>,
  artifacts: ArtifactStore,
): Promise<void> {
  for (const name of promised)
    if (result.outputs[name] === undefined) throw broken(`it did not give the output ${name} that a later step needs`)
  for (const [name, ref] of Object.entries(result.outputs))
    if ((await artifacts.size(ref.digest)) !== ref.size) throw broken(`its output ${name} is not in the artifact store`)
}

/** True when all of them are still there. */
export async function allPresent(
  outputs: Readonly<Record<string, ArtifactRef>>,
  artifacts: ArtifactStore,
): Promise<boolean> {
  for (const ref of Object.values(outputs)) if ((await artifacts.size(ref.digest)) !== ref.size) return false
  return true
}
