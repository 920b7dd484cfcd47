import { fail } from '../../errors/index.ts'
import type { InputColumn, InputRows, ModelCard } from '../../ports/trainer.ts'
import { Explainer } from '../explain/explainer.ts'
import { explanationMethods } from '../explain/method.ts'
import { readPart } from '../register/version-parts.ts'
import type { StageServices } from '../services.ts'
import { said } from './answer.ts'
import type { Arm } from './arm.ts'
import type { EncodedRows } from './encode.ts'
import type { ServedVersion } from './served-version.ts'
import type { Explanation, PredictRequest } from './types.ts'

/** Opens what explains a version; whoever opens it closes it. */
export async function openExplainer(
  services: Pick<StageServices, 'artifacts' | 'runtime'>,
  { record, card, loaded, model }: Pick<ServedVersion, 'record' | 'card' | 'loaded' | 'model'>,
): Promise<Explainer> {
  return Explainer.open({
    task: model.task,
    loaded,
    card,
    onnx: await services.artifacts.get(record.digest),
    basis: await readPart(services, record, 'explanation'),
    runtime: services.runtime,
  })
}

export async function explained(
  explainer: Explainer,
  version: Pick<ServedVersion, 'record' | 'card' | 'model'>,
  rows: InputRows,
): Promise<Explanation> {
  const { method, background } = explainer
  const all = await explainer.explain(rows)
  return {
    version: version.record.version,
    method,
    how: explanationMethods[method],
    background,
    explanations: all.map(({ score, answers }) => ({ ...said(version, score), answers })),
  }
}

/** Most rows that may wait for their explanation. */
const maxWaiting = 400

/** Explanations of what a deployment serves, one call after the other: predictions are answered in between. */
export class Explanations {
  readonly #services: StageServices
  readonly #deployment: string
  #open: { readonly version: ServedVersion; readonly explainer: Promise<Explainer> } | undefined
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(services: StageServices, deployment: string) {
    this.#services = services
    this.#deployment = deployment
  }

  /** Explains what a version would answer now. Throws `requestInvalid`, and `overloaded` where too many rows wait already. */
  async of(version: Arm, requests: readonly PredictRequest[]): Promise<Explanation> {
    version.encoder.check(requests)
    if (this.#waiting > 0 && this.#waiting + requests.length > maxWaiting)
      throw fail('overloaded', { rows: this.#waiting, deployment: this.#deployment })
    this.#waiting += requests.length
    const work = this.#last.then(async () => {
      const rows = await version.encoder.encode(requests, this.#services.clock.now())
      return explained(await this.#explainer(version), version, inputRows(version.card, rows))
    })
    this.#last = work.catch(() => undefined)
    return work.finally(() => (this.#waiting -= requests.length))
  }

  async #explainer(version: ServedVersion): Promise<Explainer> {
    if (this.#open?.version === version) return this.#open.explainer
    await this.close()
    const explainer = openExplainer(this.#services, version)
    this.#open = { version, explainer }
    // Not kept: a store that does not answer now may do so later
    explainer.catch(() => (this.#open = undefined))
    return explainer
  }

  async close(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    await open?.explainer.then(
      one => one.close(),
      () => undefined,
    )
  }
}

/** Rows of a request, column by column in the order of the inputs. */
function inputRows({ inputs }: ModelCard, { rows, features, categories = [] }: EncodedRows): InputRows {
  const texts = inputs.filter(input => input.kind === 'text').length
  const numbers = inputs.length - texts
  let [number, text] = [0, 0]
  return {
    rows,
    inputs: inputs.map(({ kind }): InputColumn => {
      if (kind === 'number') {
        const at = number++
        return Float32Array.from({ length: rows }, (_, row) => features[row * numbers + at] as number)
      }
      const at = text++
      return Array.from({ length: rows }, (_, row) => categories[row * texts + at] ?? '')
    }),
  }
}
