import { columnsOf, toEvaluator, type Evaluator } from '../../define/expression/index.ts'
import type { FeatureSpec } from '../../define/features.ts'
import type { Model } from '../../define/model.ts'
import { compilePart } from '../../define/project.ts'
import { digestJson, type Digest } from '../../internal/digest.ts'
import { requestColumnNames } from '../../define/request.ts'
import { fail } from '../../errors/index.ts'
import type { Value } from '../../ports/data-engine.ts'
import { keyIn, keysAsked } from '../features/channels.ts'
import { featureValue } from '../features/entity-window.ts'
import type { FeatureValues } from '../features/offline.ts'
import type { OnlineView } from '../features/online.ts'
import { formatTime } from '../../internal/time.ts'
import type { EntityMoment, PastFeatures } from './past-features.ts'
import { put } from './read-features.ts'
import type { ReadSample } from './read-sample.ts'
import type { EntityFeatures, PredictRequest, RequestColumn } from './types.ts'

/** Rows of a model as its runtime takes them. */
export interface EncodedRows {
  readonly rows: number
  readonly features: Float32Array
  readonly categories?: readonly string[]
  /** Views whose features have no value because their records do not reach back to the moment, by row. */
  readonly uncovered?: ReadonlyMap<number, readonly string[]>
  /** Views whose store did not answer, by row: their features are those that were read last, or none. */
  readonly unreachable?: ReadonlyMap<number, readonly string[]>
}

/** Columns that a request must carry: what the inputs read, and the keys of the features. */
export function requestColumns(model: Model): RequestColumn[] {
  return requestColumnNames(model).map(name => {
    const spec = model.from.columns[name]
    if (!spec) throw fail('notDefined', { kind: 'column', name, known: Object.keys(model.from.columns).join(', ') })
    return {
      name,
      type: spec.type,
      nullable: spec.nullable,
      ...(spec.zone === undefined ? {} : { zone: spec.zone }),
      ...(spec.length === undefined ? {} : { length: spec.length }),
    }
  })
}

/**
 * From request bodies to model inputs, by the same expressions and feature definitions that made the training frame:
 * the features as they were known at the request's moment, everything rounded to float32 as training saw it.
 */
export class RowEncoder {
  readonly columns: readonly RequestColumn[]
  /** Two encoders of the same make the same rows of a request. */
  readonly identity: Digest
  readonly #model: Model
  readonly #views: readonly OnlineView[]
  readonly #offsets: readonly number[]
  readonly #width: number
  readonly #past: PastFeatures | undefined
  readonly #samples: readonly (ReadSample | undefined)[]
  readonly #where = new Map<string, { readonly at: number; readonly spec: FeatureSpec }>()
  readonly #numbers: readonly Evaluator[]
  readonly #texts: readonly Evaluator[]

  /** `past` computes what the online store does not reach back to; `samples` hear of what is read of the views, in their order. */
  constructor(
    model: Model,
    views: readonly OnlineView[],
    past?: PastFeatures,
    samples: readonly (ReadSample | undefined)[] = [],
  ) {
    this.#samples = samples
    this.#model = model
    this.#past = past
    this.#views = views
    this.columns = requestColumns(model)
    const { inputs, views: used } = model
    this.identity = digestJson({
      ...compilePart({ inputs, used, columns: this.columns }),
      eventTime: model.from.eventTime ?? null,
    })
    let width = 0
    this.#offsets = views.map((view, v) => {
      const at = width
      // Two roles of a view are one online view
      const name = used[v]?.name ?? view.name
      view.plan.features.forEach((feature, i) =>
        this.#where.set(`${name}.${feature.name}`, { at: at + i, spec: feature.spec }),
      )
      width += view.plan.features.length
      return at
    })
    this.#width = width
    this.#numbers = model.inputs.filter(input => input.type !== 'text').map(input => toEvaluator(input.node))
    this.#texts = model.inputs.filter(input => input.type === 'text').map(input => toEvaluator(input.node))
  }

  /** Throws `requestInvalid` for the first row that lacks a column. */
  check(requests: readonly PredictRequest[]): void {
    for (const request of requests)
      for (const { name, nullable } of this.columns) {
        const value = request.row[name]
        if (value !== undefined && (value !== null || nullable)) continue
        throw fail('requestInvalid', {
          row: requests.indexOf(request),
          column: name,
          reason: value === null ? 'it must not be null' : 'it is missing',
        })
      }
  }

  /** Refuses a number that has no float32, where it comes from the request. */
  #tooLarge(row: number, input: number): void {
    const { name, node } = this.#model.inputs.filter(one => one.type !== 'text')[input] as Model['inputs'][number]
    const columns = columnsOf(node).filter(column => !column.includes('.'))
    if (columns.length === 0) return
    const reason = `makes the input ${name} larger than the model can take (±3.4e38)`
    throw fail('requestInvalid', { row, column: columns.join(', '), reason })
  }

  /** Throws `requestInvalid` for a number that is beyond float32, `featuresUncovered`. */
  async encode(requests: readonly PredictRequest[], now: number): Promise<EncodedRows> {
    const width = this.#numbers.length
    const features = new Float32Array(requests.length * width)
    const categories: string[] = []
    const { values, texts, uncovered, unreachable } = await this.#features(requests, now)
    requests.forEach(({ row }, r) => {
      const read = (name: string): Value => {
        const found = this.#where.get(name)
        if (!found) return row[name] ?? null
        const at = r * this.#width + found.at
        return featureValue(found.spec, values[at] as number, texts[at])
      }
      this.#numbers.forEach((evaluate, c) => {
        const value = evaluate(read)
        const rounded = value === null ? Number.NaN : Math.fround(Number(value))
        if (rounded === Number.POSITIVE_INFINITY || rounded === Number.NEGATIVE_INFINITY) this.#tooLarge(r, c)
        features[r * width + c] = rounded
      })
      for (const evaluate of this.#texts) categories.push((evaluate(read) as string | null) ?? '')
    })
    return {
      rows: requests.length,
      features,
      ...(this.#texts.length > 0 ? { categories } : {}),
      ...(uncovered.size > 0 ? { uncovered } : {}),
      ...(unreachable.size > 0 ? { unreachable } : {}),
    }
  }

  /** The features of all views, a row a request, NaN for null, and which views did not reach back far enough for which rows. */
  async #features(
    requests: readonly PredictRequest[],
    now: number,
  ): Promise<
    { readonly values: Float64Array; readonly texts: readonly (string | null)[] } & Required<
      Pick<EncodedRows, 'uncovered' | 'unreachable'>
    >
  > {
    const { eventTime } = this.#model.from
    const moments = requests.map(({ row, at }) => {
      const own = eventTime === undefined ? undefined : row[eventTime]
      return at ?? (typeof own === 'number' ? own : now)
    })
    const values = new Float64Array(requests.length * this.#width)
    const texts: (string | null)[] = []
    const uncovered = new Map<number, string[]>()
    const unreachable = new Map<number, string[]>()
    await Promise.all(
      this.#views.map(async (view, i) => {
        const role = this.#model.views[i] as Model['views'][number]
        const rows = requests.map(({ row }) => keysAsked(role, row))
        const keys = rows.map(row => keyIn(view.plan, name => row[name]))
        const { windows, isKept } = await view.loadToAnswer(keys)
        const offset = this.#offsets[i] as number
        const past: number[] = []
        const statuses: EntityFeatures['status'][] = []
        requests.forEach((_, r) => {
          const at = r * this.#width + offset
          const status = view.compute(windows[r], moments[r] as number, values, at, texts)
          statuses.push(isKept ? 'unreachable' : status)
          if (isKept) unreachable.set(r, [...(unreachable.get(r) ?? []), role.name])
          // Of what was never read nothing is known, which is not that there is nothing
          if (isKept && !windows[r]) {
            values.fill(Number.NaN, at, at + view.plan.features.length)
            for (let f = 0; f < view.plan.features.length; f++) texts[at + f] = null
          } else if (status === 'uncovered') past.push(r)
        })
        if (past.length > 0) {
          const asked = past.map(r => ({ row: rows[r] ?? {}, at: moments[r] as number }))
          const computed = await this.#pastOf(view, asked)
          past.forEach((r, n) => {
            if (computed) {
              statuses[r] = 'present'
              for (const [f, column] of computed.entries()) put(column, n, values, texts, r * this.#width + offset + f)
            } else uncovered.set(r, [...(uncovered.get(r) ?? []), role.name])
          })
        }
        const sample = this.#samples[i]
        if (!sample) return
        for (const [r, row] of rows.entries())
          sample.add(row, moments[r] as number, statuses[r] as EntityFeatures['status'], () =>
            view.plan.features.map(({ spec }, f) => {
              const place = r * this.#width + offset + f
              return featureValue(spec, values[place] as number, texts[place])
            }),
          )
      }),
    )
    return { values, texts, uncovered, unreachable }
  }

  /** What the view says is done where its records do not reach back: computed anew, or undefined for no value. */
  async #pastOf({ plan }: OnlineView, asked: readonly EntityMoment[]): Promise<readonly FeatureValues[] | undefined> {
    const policy = plan.view.uncovered ?? 'compute'
    if (policy === 'compute' && this.#past) return this.#past.of(plan, asked)
    if (policy === 'null') return undefined
    throw fail('featuresUncovered', {
      view: plan.view.name,
      at: formatTime(Math.min(...asked.map(one => one.at))),
      reason: 'they are kept for as long as its longest window looks back, and an hour',
    })
  }
}
