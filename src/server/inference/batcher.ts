import { fail, isMillraceError } from '../../errors/index.ts'
import { ulid } from '../../internal/ids.ts'
import type { Prediction, PredictRequest, ServedDeployment } from '../../stages/serve/types.ts'

const maxRowsABatch = 256
/** Rows waiting or being scored beyond which callers are sent away rather than kept. */
const maxRowsInFlight = 8192

/** One caller: answered once, one way or the other, and no longer in flight from that moment. */
interface WaitingCaller {
  readonly request: PredictRequest
  readonly resolve: (prediction: Prediction) => void
  readonly reject: (error: unknown) => void
}

/**
 * Puts single-row predictions that arrive in the same turn of the event loop into one call: no added waiting, fewer calls.
 * Every caller gets the answer of its own row; a row that is refused refuses its own caller only. Rows of the two arms never
 * share a call: who is answered by stable does not wait for a challenger.
 */
export class Batcher {
  readonly #deployment: ServedDeployment
  readonly #waiting: Record<'stable' | 'canary', WaitingCaller[]> = { stable: [], canary: [] }
  #inFlight = 0

  constructor(deployment: ServedDeployment) {
    this.#deployment = deployment
  }

  predict(requests: readonly PredictRequest[]): Promise<readonly Prediction[]> {
    if (this.#inFlight + requests.length > maxRowsInFlight && this.#inFlight > 0)
      return Promise.reject(fail('overloaded', { rows: this.#inFlight, deployment: this.#deployment.name }))
    const [only] = requests
    if (only === undefined || requests.length > 1) return this.#call(requests)
    this.#inFlight++
    const request = { ...only, id: only.id ?? ulid() }
    const arm = this.#deployment.armOf(request)
    const waiting = this.#waiting[arm]
    return new Promise((resolve, reject) => {
      waiting.push({
        request,
        resolve: prediction => {
          this.#inFlight--
          resolve([prediction])
        },
        reject: error => {
          this.#inFlight--
          reject(error)
        },
      })
      if (waiting.length === 1) setImmediate(() => this.#flush(arm))
      else if (waiting.length >= maxRowsABatch) this.#flush(arm)
    })
  }

  async #call(requests: readonly PredictRequest[]): Promise<readonly Prediction[]> {
    this.#inFlight += requests.length
    try {
      return await this.#deployment.predict(requests)
    } finally {
      this.#inFlight -= requests.length
    }
  }

  #flush(arm: 'stable' | 'canary'): void {
    const batch = this.#waiting[arm].splice(0)
    if (batch.length === 0) return
    void this.#answer(batch)
  }

  async #answer(batch: readonly WaitingCaller[]): Promise<void> {
    try {
      const predictions = await this.#deployment.predict(batch.map(one => one.request))
      batch.forEach((one, i) => {
        const prediction = predictions[i]
        if (prediction) one.resolve(prediction)
        else one.reject(new TypeError(`${predictions.length} predictions for ${batch.length} rows`))
      })
    } catch (error) {
      const [only] = batch
      if (batch.length === 1) return only?.reject(error)
      // a refused call has changed nothing: each row is asked alone, and only the bad one is refused
      if (isMillraceError(error) && error.blame === 'user') for (const one of batch) await this.#answer([one])
      else for (const one of batch) one.reject(error)
    }
  }
}
