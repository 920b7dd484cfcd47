import { headlines, likeliestOf, type Score, scoreOf } from '../../math/metrics/row-loss.ts'
import type { ServedVersion } from './served-version.ts'
import type { Prediction } from './types.ts'

type Said = Pick<Prediction, 'score' | 'scores' | 'label'>

/** What a caller is told of a score: the number, with the decision of binary models; of several classes each with its probability. */
export function said({ model, card }: Pick<ServedVersion, 'model' | 'card'>, score: Score): Said {
  if (typeof score === 'number') return model.task === 'binary' ? { score, label: score >= model.threshold } : { score }
  const top = likeliestOf(score)
  return {
    score: score[top] as number,
    label: card.classes[top] ?? '',
    scores: Object.fromEntries(card.classes.map((name, at) => [name, score[at] as number])),
  }
}

/** The decision alone; classes by name, since each version numbers its own. */
const decisionOf = (version: Pick<ServedVersion, 'model' | 'card'>, score: Score): string =>
  String(said(version, score).label ?? '')

type AnsweringVersion = Pick<ServedVersion, 'model' | 'card' | 'loaded'>

/** What two versions say of the same rows, a number each, and of several classes also which rows they decide differently. */
export function compared(
  stable: AnsweringVersion,
  answers: Float32Array,
  canary: AnsweringVersion,
  theirs: Float32Array,
): { readonly stable: Float32Array; readonly canary: Float32Array; readonly flipped?: Uint8Array } {
  const [own, other] = [stable.loaded.outputs, canary.loaded.outputs]
  if (own === 1) return { stable: answers, canary: theirs }
  return {
    stable: headlines(answers, own),
    canary: headlines(theirs, other),
    flipped: Uint8Array.from({ length: answers.length / own }, (_, row) =>
      decisionOf(stable, scoreOf(answers, own, row)) === decisionOf(canary, scoreOf(theirs, other, row)) ? 0 : 1,
    ),
  }
}
