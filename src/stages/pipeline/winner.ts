import { withParameters } from '../../define/search.ts'
import type { Parameters } from '../../math/search/index.ts'
import type { Digest } from '../../internal/digest.ts'
import type { ArtifactStore } from '../../ports/artifact-store.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import { isOwn, type Trainer } from '../../ports/trainer.ts'

/** What a search chose: the options of the trainer that did best. It names no run, so that equal searches give equal bytes. */
export interface Winner {
  readonly kind: 'search winner'
  readonly schema: 1
  readonly metric: string
  /** On the folds of the training rows. */
  readonly value: number
  readonly trials: number
  readonly parameters: Parameters
}

/** `depth 4, learningRate 0.05`. */
export const parametersInWords = (parameters: Parameters): string =>
  Object.entries(parameters)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? Number(value.toPrecision(4)) : value}`)
    .join(', ')

/** A trainer with what a search chose. */
export function chosen(trainer: Trainer, { parameters }: Winner): Trainer {
  if (trainer.kind === 'onnx' || (isOwn(trainer) && trainer.kind === 'baseline')) return trainer
  return withParameters(trainer as never, parameters) as Trainer
}

/** What the search of a version chose; undefined where there was none. */
export async function winnerOf(
  { artifacts }: { readonly artifacts: Pick<ArtifactStore, 'get'> },
  version: Pick<ModelVersion, 'facts'>,
): Promise<Winner | undefined> {
  const digest = version.facts.search as Digest | undefined
  return digest && (JSON.parse(Buffer.from(await artifacts.get(digest)).toString()) as Winner)
}
