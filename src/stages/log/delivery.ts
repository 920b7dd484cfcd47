import type { Dataset } from '../../define/dataset.ts'
import type { RowVersion } from './row-version.ts'

/** What hears of every version, each as often as it is told. */
export type Deliver = (dataset: Dataset, versions: readonly RowVersion[]) => Promise<void>

interface WaitingDelivery {
  readonly versions: readonly RowVersion[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Tells of versions in the order in which they came: those that come while it is telling are told of together. */
export class Delivery {
  readonly #dataset: Dataset
  readonly #deliver: Deliver
  #waiting: WaitingDelivery[] = []
  #telling = false

  constructor(dataset: Dataset, deliver: Deliver) {
    this.#dataset = dataset
    this.#deliver = deliver
  }

  /** Resolves when whoever serves has heard of them. */
  tell(versions: readonly RowVersion[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ versions, resolve, reject })
      if (!this.#telling) void this.#tellAll()
    })
  }

  async #tellAll(): Promise<void> {
    this.#telling = true
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await this.#deliver(
          this.#dataset,
          batch.flatMap(one => one.versions),
        )
        for (const one of batch) one.resolve()
      } catch (error) {
        for (const one of batch) one.reject(error)
      }
    }
    this.#telling = false
  }
}
