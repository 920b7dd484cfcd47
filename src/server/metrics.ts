import { AggregatorRegistry, collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Json } from '../internal/canonical-json.ts'
import type { Clock } from '../ports/clock.ts'
import type { Prediction } from '../stages/serve/types.ts'
import { freshnessOf } from '../stages/watch/freshness.ts'
import { labelOf } from './routes/monitors.ts'
import type { ServerServices } from './services.ts'

type Sources = Pick<ServerServices, 'workspace' | 'serving' | 'version' | 'health'>

const buckets = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** Figures that are read when somebody asks for them. */
function scraped(sources: Sources, registers: Registry[]): () => Promise<void> {
  const weight = new Gauge({
    name: 'millrace_rollout_weight',
    help: 'Share of traffic of the canary',
    labelNames: ['deployment'],
    registers,
  })
  const ready = new Gauge({
    name: 'millrace_deployment_ready',
    help: '1 when the deployment answers',
    labelNames: ['deployment'],
    registers,
  })
  const version = new Gauge({
    name: 'millrace_stable_version',
    help: 'Version that is stable',
    labelNames: ['deployment'],
    registers,
  })
  const psi = new Gauge({
    name: 'millrace_drift_psi',
    help: 'PSI of the newest window',
    labelNames: ['monitor', 'series'],
    registers,
  })
  const change = new Gauge({
    name: 'millrace_drift_change',
    help: 'Greatest change of the newest windows, in units of the smallest that matters',
    labelNames: ['monitor', 'series'],
    registers,
  })
  const firing = new Gauge({
    name: 'millrace_alerts_firing',
    help: 'Alerts that fire',
    labelNames: ['monitor'],
    registers,
  })
  const age = new Gauge({
    name: 'millrace_feature_age_seconds',
    help: 'Age of the newest event that the features of a view know of',
    labelNames: ['view'],
    registers,
  })
  const broken = new Gauge({
    name: 'millrace_feature_freshness_broken',
    help: '1 while the features of a view are older than promised',
    labelNames: ['view'],
    registers,
  })
  const build = new Gauge({
    name: 'millrace_build_info',
    help: '1',
    labelNames: ['version', 'node'],
    aggregator: 'first',
    registers,
  })
  build.set({ version: sources.version, node: process.version }, 1)
  const { store, project } = sources.workspace
  return async () => {
    for (const deployment of sources.serving.list()) {
      const status = deployment.status()
      const rollout = status.rollout as { readonly weight?: Json } | null
      weight.set({ deployment: status.name }, typeof rollout?.weight === 'number' ? rollout.weight : 0)
      ready.set({ deployment: status.name }, deployment.health().ready ? 1 : 0)
      if (status.stable) version.set({ deployment: status.name }, status.stable.version)
    }
    age.reset()
    broken.reset()
    for (const [view, { newest, isBroken }] of await freshnessOf(sources.workspace)) {
      if (newest !== null) age.set({ view }, (sources.workspace.clock.now() - newest) / 1e6)
      broken.set({ view }, isBroken ? 1 : 0)
    }
    psi.reset()
    change.reset()
    firing.reset()
    const alerts = (await store.listDocuments<Json>('alert')).map(one => one.value as Record<string, Json>)
    for (const monitor of project.monitors.keys()) {
      const newest = new Map<string, { readonly from: number; readonly body: Readonly<Record<string, Json>> }>()
      for (const one of await store.listWindows(monitor, { limit: 5000 }))
        if ((newest.get(one.series)?.from ?? -Infinity) < one.from) newest.set(one.series, one)
      for (const [series, { body }] of newest) {
        if (typeof body.psi === 'number') psi.set({ monitor, series }, body.psi)
        if (typeof body.times === 'number') change.set({ monitor, series }, body.times)
      }
      firing.set(
        { monitor },
        alerts.filter(one => one.state === 'firing' && labelOf(one, 'monitor') === monitor).length,
      )
    }
  }
}

interface RequestCount {
  count: number
  milliseconds: number
}

/** Requests for predictions, and the rows that were answered. */
interface RequestStatistics {
  rows: number
  readonly success: RequestCount
  readonly fail: RequestCount
}

/** Figures of one deployment: looking them up by their labels costs more than counting. */
interface Bound {
  readonly seconds: Histogram.Internal<string>
  readonly ok: Counter.Internal
  readonly error: Counter.Internal
  readonly rows: Map<string, Counter.Internal>
}

/** What one process has counted, as other processes of the server are told it. */
export interface Figures {
  readonly metrics: readonly { readonly name: string; readonly type: unknown }[]
  readonly statistics: Readonly<Record<string, RequestStatistics>>
}

function sumOf(all: readonly RequestStatistics[]): RequestStatistics {
  const sum = (of: (one: RequestStatistics) => number): number => all.reduce((total, one) => total + of(one), 0)
  const side = (name: 'success' | 'fail'): RequestCount => ({
    count: sum(one => one[name].count),
    milliseconds: sum(one => one[name].milliseconds),
  })
  return { rows: sum(one => one.rows), success: side('success'), fail: side('fail') }
}

/** What several processes have counted, as one's. */
export async function addFigures(figures: readonly Figures[]): Promise<Figures> {
  const statistics: Record<string, RequestStatistics> = {}
  for (const [deployment, one] of figures.flatMap(each => Object.entries(each.statistics)))
    statistics[deployment] = sumOf([...(statistics[deployment] ? [statistics[deployment]] : []), one])
  const metrics = await AggregatorRegistry.aggregate(figures.map(one => [...one.metrics])).getMetricsAsJSON()
  return { metrics: metrics as unknown as Figures['metrics'], statistics }
}

/** Figures of other processes that answer on the same port; those of such as have ended count on. */
export type OtherFigures = () => Promise<readonly Figures[]>

/** Prometheus figures of one server. */
export class InferenceMetrics {
  readonly #registry = new Registry()
  readonly #requests: Counter
  readonly #rows: Counter
  readonly #seconds: Histogram
  readonly #scrape: () => Promise<void>
  readonly #clock: Clock
  readonly #statistics = new Map<string, RequestStatistics>()
  readonly #bound = new Map<string, Bound>()
  readonly #others: OtherFigures

  constructor(sources: Sources, others: OtherFigures = async () => []) {
    this.#others = others
    const registers = [this.#registry]
    this.#clock = sources.workspace.clock
    collectDefaultMetrics({ register: this.#registry, prefix: 'millrace_' })
    // Gauges that call themselves totals, which Prometheus' own judge refuses; the figures by type say as much
    for (const what of ['handles', 'requests', 'resources'])
      this.#registry.removeSingleMetric(`millrace_nodejs_active_${what}_total`)
    this.#requests = new Counter({
      name: 'millrace_infer_requests_total',
      help: 'Prediction requests',
      labelNames: ['deployment', 'outcome'],
      registers,
    })
    this.#rows = new Counter({
      name: 'millrace_infer_rows_total',
      help: 'Predicted rows',
      labelNames: ['deployment', 'arm', 'version'],
      registers,
    })
    this.#seconds = new Histogram({
      name: 'millrace_infer_duration_seconds',
      help: 'Time from checked input to answer',
      labelNames: ['deployment'],
      buckets,
      registers,
    })
    this.#scrape = scraped(sources, registers)
  }

  /** What was asked of a deployment since the server started, of all its processes. */
  async allStatistics(deployment: string): Promise<RequestStatistics> {
    const others = await this.#others()
    return sumOf([this.statistics(deployment), ...others.flatMap(one => one.statistics[deployment] ?? [])])
  }

  /** What this process was asked of a deployment since it started. */
  statistics(deployment: string): RequestStatistics {
    let found = this.#statistics.get(deployment)
    if (!found) {
      found = { rows: 0, success: { count: 0, milliseconds: 0 }, fail: { count: 0, milliseconds: 0 } }
      this.#statistics.set(deployment, found)
    }
    return found
  }

  #boundTo(deployment: string): Bound {
    let bound = this.#bound.get(deployment)
    if (!bound) {
      const outcome = (outcome: string): Counter.Internal => this.#requests.labels({ deployment, outcome })
      bound = {
        seconds: this.#seconds.labels({ deployment }),
        ok: outcome('ok'),
        error: outcome('error'),
        rows: new Map(),
      }
      this.#bound.set(deployment, bound)
    }
    return bound
  }

  #rowsOf(deployment: string, arm: string, version: number): Counter.Internal {
    const { rows } = this.#boundTo(deployment)
    const key = `${arm} ${version}`
    let found = rows.get(key)
    if (!found) rows.set(key, (found = this.#rows.labels({ deployment, arm, version: String(version) })))
    return found
  }

  /** Begins a request; call what it gives with the predictions, or undefined when it failed. */
  start(deployment: string): (predictions: readonly Prediction[] | undefined) => void {
    const before = this.#clock.elapsed()
    return predictions => {
      const lasted = this.#clock.elapsed() - before
      const counts = this.statistics(deployment)
      const side = predictions ? counts.success : counts.fail
      side.count++
      side.milliseconds += lasted
      counts.rows += predictions?.length ?? 0
      const bound = this.#boundTo(deployment)
      bound.seconds.observe(lasted / 1000)
      bound[predictions ? 'ok' : 'error'].inc()
      for (const { arm, version } of predictions ?? []) this.#rowsOf(deployment, arm, version).inc()
    }
  }

  async page(): Promise<{ readonly text: string; readonly type: string }> {
    await this.#scrape()
    const others = await this.#others()
    const { contentType: type } = this.#registry
    if (others.length === 0) return { text: await this.#registry.metrics(), type }
    const all = [await this.#registry.getMetricsAsJSON(), ...others.map(one => one.metrics)]
    return { text: await AggregatorRegistry.aggregate(all).metrics(), type }
  }

  /** What this process has counted, for the one that answers for all. */
  async figures(): Promise<Figures> {
    return {
      metrics: (await this.#registry.getMetricsAsJSON()) as unknown as Figures['metrics'],
      statistics: Object.fromEntries(this.#statistics),
    }
  }

  close(): void {
    this.#registry.clear()
  }
}
