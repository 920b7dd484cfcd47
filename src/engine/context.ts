import { mkdir } from 'node:fs/promises'
import type { Json } from '../internal/canonical-json.ts'
import { seeded } from '../math/random/seeded.ts'
import type { ArtifactStore } from '../ports/artifact-store.ts'
import type { Clock, Random } from '../ports/clock.ts'
import type { ArtifactRef } from '../ports/metadata-store.ts'
import type { StepContext, StepInput } from './step.ts'

/** What differs between a step inside the engine's process and one in its own. */
export interface ContextSetup {
  readonly runId: string
  readonly step: string
  readonly attempt: number
  readonly inputs: Readonly<Record<string, ArtifactRef>>
  readonly parameters: Json
  readonly seed: number
  readonly artifacts: ArtifactStore
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly folder: string
  readonly onProgress: (fraction: number, message?: string) => void
  readonly onMetric: (key: string, value: number, step: number) => void
  /** Of inline steps. */
  readonly run?: StepContext['run']
}

function randomOf(seed: number): Random {
  const source = seeded(seed)
  return {
    next: () => source.next(),
    bytes: length => Uint8Array.from({ length }, () => source.below(256)),
  }
}

function inputOf(ref: ArtifactRef, artifacts: ArtifactStore): StepInput {
  return {
    ref,
    path: () => artifacts.localPath(ref.digest),
    bytes: () => artifacts.get(ref.digest),
    json: async <T extends Json>() => JSON.parse(Buffer.from(await artifacts.get(ref.digest)).toString()) as T,
  }
}

export function makeContext(setup: ContextSetup): StepContext {
  const { artifacts } = setup
  return {
    runId: setup.runId,
    step: setup.step,
    attempt: setup.attempt,
    parameters: setup.parameters,
    seed: setup.seed,
    random: randomOf(setup.seed),
    clock: setup.clock,
    signal: setup.signal,
    artifacts,
    inputs: Object.fromEntries(Object.entries(setup.inputs).map(([role, ref]) => [role, inputOf(ref, artifacts)])),
    async folder() {
      await mkdir(setup.folder, { recursive: true, mode: 0o700 })
      return setup.folder
    },
    async save(type, content, meta) {
      const file = typeof content === 'object' && 'file' in content ? content.file : undefined
      const stored = await (file === undefined
        ? artifacts.put(content as Uint8Array | string)
        : artifacts.putFile(file))
      return { type, digest: stored.digest, size: stored.size, ...(meta === undefined ? {} : { meta }) }
    },
    progress: setup.onProgress,
    metric: (key, value, step = 0) => setup.onMetric(key, value, step),
    ...(setup.run ? { run: setup.run } : {}),
  }
}
