import { readPart, spansOfVersion } from '../register/version-parts.ts'
import type { Model } from '../../define/model.ts'
import type { Engine, StepDefinition } from '../../engine/index.ts'
import { fail } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { Digest } from '../../internal/digest.ts'
import { scoreDistance, scoreScale } from '../../math/metrics/score-distance.ts'
import type { ArtifactStore } from '../../ports/artifact-store.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import type { ModelCard, Reproducible } from '../../ports/trainer.ts'
import { scoreRows } from '../evaluate/subject.ts'
import { readFrame } from '../train/read-frame.ts'
import { ownCode } from '../pipeline/code.ts'
import { datasetStepName } from '../pipeline/validation.ts'
import { modelSteps } from '../pipeline/model-steps.ts'
import { withFile } from '../pipeline/run.ts'
import { datasetsOf } from '../pipeline/step-parts.ts'
import { saveUnder } from '../pipeline/save.ts'
import type { StageServices } from '../services.ts'

/** Which definition it was rebuilt from. */
export type Origin =
  /** `dirty`: it was made with changes that are in no commit, and that nobody kept. `changed`: those that were kept. */
  | { readonly from: 'commit'; readonly commit: string; readonly dirty: boolean; readonly changed: readonly string[] }
  /** The project file as it is now: the version says less of how it was made than it could. */
  | { readonly from: 'project file'; readonly reason: string }

export interface Reproduction {
  readonly version: string
  readonly origin: Origin
  /** Everything came out as its trainer says that it does. */
  readonly same: boolean
  /** What the trainer says of itself: to the byte, in its scores, or not at all. */
  readonly reproducible: Reproducible
  /** Largest difference of the scores of both on the same held-out rows, where the files differ. */
  readonly scoresDiffer?: number
  /** Each part as it was registered and as it came out now. */
  readonly parts: readonly {
    readonly part: 'data' | 'frame' | 'card' | 'scaler' | 'onnx'
    readonly registered: string
    readonly rebuilt: string
    readonly same: boolean
  }[]
}

/**
 * Builds a version anew from its data snapshots and compares every digest. `services` and `engine` are a clean
 * workspace with empty stores; `kept` is the store that holds the snapshots, whose digests are checked as they are read.
 */
export async function reproduce(
  services: StageServices,
  engine: Engine,
  declared: Model,
  version: ModelVersion,
  kept: ArtifactStore,
  stepEnvironment: Json,
  origin: Origin,
): Promise<Reproduction> {
  const model = await withImported(services, declared, version, kept)
  const datasets = datasetsOf(model)
  const snapshots: StepDefinition[] = datasets.map(dataset => {
    const digest = version.facts[`data:${dataset.name}`] as Digest | undefined
    if (!digest)
      throw fail('notReproducible', {
        version: `${model.name}@${version.version}`,
        reason: `it was not made from a dataset called ${dataset.name}`,
      })
    return {
      name: datasetStepName(dataset),
      inputs: {},
      parameters: { digest },
      code: ownCode(),
      environment: stepEnvironment,
      runsIn: 'inline',
      run: async context => ({
        outputs: {
          data: await saveUnder(
            services,
            context,
            dataset.encryptWith,
          )('dataset', {
            file: await kept.localPath(digest),
          }),
        },
      }),
    }
  })
  const spans = spansOfVersion(version)
  const steps = await modelSteps(services, model, stepEnvironment, {
    trigger: 'reproduce',
    facts: {},
    ...(spans ? { spans } : {}),
  })
  const named = (name: string): StepDefinition | undefined => steps.find(one => one.name === `${name}-${model.name}`)
  const [frame, train, exported] = ['features', 'train', 'verify'].map(named) as [
    StepDefinition,
    StepDefinition,
    StepDefinition,
  ]
  // What a search chose is trained again; it is not searched for again
  const search = named('search') && keptStep(named('search')?.name ?? '', version, kept, stepEnvironment)
  const result = await engine.run({
    name: `reproduce-${model.name}`,
    steps: [...snapshots, frame, ...(search ? [search] : []), train, exported],
    trigger: 'reproduce',
  })
  if (result.status !== 'succeeded')
    throw fail('notReproducible', {
      version: `${model.name}@${version.version}`,
      reason: String((result.error as { reason?: string } | undefined)?.reason ?? result.status),
    })
  const output = (step: string, name: string): string =>
    result.steps.find(one => one.step === step)?.outputs?.[name]?.digest ?? ''
  const found = [
    ...datasets.map(dataset => ({
      part: 'data' as const,
      registered: String(version.facts[`data:${dataset.name}`]),
      rebuilt: output(datasetStepName(dataset), 'data'),
    })),
    { part: 'frame' as const, registered: String(version.facts.frame), rebuilt: output(frame.name, 'frame') },
    { part: 'card' as const, registered: String(version.facts.card), rebuilt: output(train.name, 'card') },
    { part: 'scaler' as const, registered: String(version.facts.scaler), rebuilt: output(train.name, 'scaler') },
    { part: 'onnx' as const, registered: version.digest, rebuilt: output(exported.name, 'onnx') },
  ].map(one => ({ ...one, same: one.registered === one.rebuilt }))
  const card = JSON.parse(Buffer.from(await kept.get(version.facts.card as Digest)).toString()) as ModelCard
  const { reproducible } = card
  const files = { registered: version.digest, rebuilt: output(exported.name, 'onnx') as Digest }
  const frameDigest = output(frame.name, 'frame') as Digest
  const differ =
    files.registered === files.rebuilt || reproducible === 'bitwise'
      ? undefined
      : await scoresDiffer(services, kept, model, card, files, frameDigest)
  // What is trained anew has other bytes; what it comes from has not
  const excused = reproducible === 'none' || (differ !== undefined && differ <= scoreTolerance)
  const trained: readonly string[] = ['card', 'onnx']
  const parts = found.map(one => ({ ...one, same: one.same || (excused && trained.includes(one.part)) }))
  return {
    version: `${model.name}@${version.version}`,
    origin,
    same: parts.every(one => one.same),
    reproducible,
    ...(differ === undefined ? {} : { scoresDiffer: differ }),
    parts,
  }
}

/** Where the version was imported, its files instead of the trainer that the project declares. */
async function withImported(
  services: StageServices,
  model: Model,
  version: ModelVersion,
  kept: ArtifactStore,
): Promise<Model> {
  const { trainer } = await readPart({ artifacts: kept }, version, 'declaration')
  if (trainer.kind !== 'onnx' || !trainer.kept) return model
  for (const digest of Object.values(trainer.kept)) await services.artifacts.put(await kept.get(digest))
  return withFile(model, trainer)
}

/** The search of a version as it ended: what it chose, by its digest. */
function keptStep(name: string, version: ModelVersion, kept: ArtifactStore, environment: Json): StepDefinition {
  const digest = version.facts.search as Digest | undefined
  if (!digest)
    throw fail('notReproducible', {
      version: `${version.model}@${version.version}`,
      reason: 'its parameters were not searched for, as they are now',
    })
  return {
    name,
    inputs: {},
    parameters: { digest },
    code: ownCode(),
    environment,
    runsIn: 'inline',
    run: async context => ({
      outputs: { winner: await context.save('json', { file: await kept.localPath(digest) }) },
    }),
  }
}

/** Most held-out rows that two files are compared on. */
const comparedRows = 2_000
/** Of scores, in units of what is usual among them: what threads and libraries that add up in another order make. */
const scoreTolerance = 1e-4

/** The largest difference of the scores of two files of a model on the same rows. */
async function scoresDiffer(
  services: StageServices,
  kept: ArtifactStore,
  model: Model,
  { inputs, binding }: ModelCard,
  files: { readonly registered: Digest; readonly rebuilt: Digest },
  frame: Digest,
): Promise<number> {
  const path = await services.artifacts.localPath(frame)
  const rows = await readFrame(await services.engine(), path, model.inputs, 'test', comparedRows)
  const runtime = await services.runtime()
  const scored = async (bytes: Uint8Array): Promise<Float32Array> => {
    const loaded = await runtime.load(bytes, binding)
    try {
      return await scoreRows({ loaded, inputs }, rows.inputs, rows.rows)
    } finally {
      await loaded.close()
    }
  }
  const before = await scored(await kept.get(files.registered))
  const now = await scored(await services.artifacts.get(files.rebuilt))
  const scale = scoreScale(model.task, before)
  if (now.length !== before.length) return Number.POSITIVE_INFINITY
  return before.reduce((most, score, i) => Math.max(most, scoreDistance(now[i] as number, score, scale)), 0)
}
