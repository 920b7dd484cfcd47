import type { Micros } from '../../internal/time.ts'
import type { Score } from '../../math/metrics/row-loss.ts'
import type { RolloutEvent } from '../deploy/rollout/index.ts'
import { eventOfJson } from '../serve/event-json.ts'
import type { AnsweredRows, ChallengedRows, KnownLabel, Recorder, ServedRow, ToldValue } from '../serve/recorder.ts'
import type { Minutes } from '../serve/traffic.ts'

/** A score that is not finite is null. */
type WrittenScore = number | readonly number[] | null

/** What an instance was asked and told, as it writes it down for the one that leads. */
export type Observation =
  | {
      readonly type: 'answered'
      readonly rollout: string | null
      readonly tried: boolean
      readonly version: string
      /** 32-bit floats of all rows, in base64. */
      readonly features: string
      readonly categories?: readonly string[]
      readonly rows: readonly (readonly [id: string, at: Micros, score: WrittenScore])[]
    }
  | {
      readonly type: 'challenged'
      readonly rollout: string
      readonly rows: readonly (readonly [id: string, at: Micros, stable: WrittenScore, canary: WrittenScore])[]
    }
  | { readonly type: 'served'; readonly rollout: string; readonly rows: readonly ServedRow[] }
  | { readonly type: 'counted'; readonly minutes: Minutes }
  | { readonly type: 'told'; readonly values: readonly ToldValue[] }
  | { readonly type: 'learned'; readonly rollout: string; readonly event: RolloutEvent }
  | { readonly type: 'labelled'; readonly labels: readonly KnownLabel[] }

const writtenScore = (score: Score): WrittenScore =>
  typeof score !== 'number' || Number.isFinite(score) ? score : null
const scoreOf = (written: WrittenScore): Score => written ?? Number.NaN

const base64 = (floats: Float32Array): string =>
  Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength).toString('base64')

function floatsOf(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64')
  const floats = new Float32Array(bytes.length / 4)
  Buffer.from(floats.buffer).set(bytes)
  return floats
}

/** A recorder that gives what it hears to `write`. It knows no prediction, so no label is found by it. */
export function writingRecorder(write: (observation: Observation) => void): Recorder {
  return {
    answered({ rollout, tried, version, inputs, rows }: AnsweredRows) {
      write({
        type: 'answered',
        rollout: rollout ?? null,
        tried,
        version,
        features: base64(inputs.features),
        ...(inputs.categories ? { categories: inputs.categories } : {}),
        rows: rows.map(({ id, at, score }) => [id, at, writtenScore(score)]),
      })
    },
    challenged({ rollout, rows }: ChallengedRows) {
      write({
        type: 'challenged',
        rollout,
        rows: rows.map(({ id, at, stable, canary }) => [id, at, writtenScore(stable), writtenScore(canary)]),
      })
    },
    served(rows, rollout) {
      write({ type: 'served', rollout, rows })
    },
    counted(minutes) {
      write({ type: 'counted', minutes })
    },
    told(values) {
      write({ type: 'told', values })
      return 0
    },
    learned(event, rollout) {
      write({ type: 'learned', rollout, event })
    },
    labelled(labels) {
      write({ type: 'labelled', labels })
      return 0
    },
  }
}

/** Tells a recorder what another instance wrote down, as if it had happened here. */
export function tell(recorder: Recorder, observation: Observation): void {
  switch (observation.type) {
    case 'answered': {
      const { rollout, tried, version, features, categories, rows } = observation
      recorder.answered({
        rollout: rollout ?? undefined,
        tried,
        version,
        inputs: { rows: rows.length, features: floatsOf(features), ...(categories ? { categories } : {}) },
        rows: rows.map(([id, at, score]) => ({ id, at, score: scoreOf(score) })),
      })
      return
    }
    case 'challenged':
      recorder.challenged({
        rollout: observation.rollout,
        rows: observation.rows.map(([id, at, stable, canary]) => ({
          id,
          at,
          stable: scoreOf(stable),
          canary: scoreOf(canary),
        })),
      })
      return
    case 'served':
      recorder.served(observation.rows, observation.rollout)
      return
    case 'counted':
      recorder.counted(observation.minutes)
      return
    case 'told':
      recorder.told(observation.values)
      return
    case 'learned':
      recorder.learned(eventOfJson(observation.event), observation.rollout)
      return
    case 'labelled':
      recorder.labelled(observation.labels)
  }
}
