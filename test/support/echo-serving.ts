import type { FeatureView } from '../../src/define/features.ts'
import { fail } from '../../src/errors/index.ts'
import type { Json } from '../../src/internal/canonical-json.ts'
import { ulid } from '../../src/internal/ids.ts'
import type { Value } from '../../src/ports/data-engine.ts'
import { TrafficHistory } from '../../src/stages/serve/traffic.ts'
import type { DeploymentStatus, RequestColumn, ServedDeployment, Serving } from '../../src/stages/serve/types.ts'

export interface EchoOptions {
  readonly name: string
  readonly columns: readonly RequestColumn[]
  /** Column whose value is the score. */
  readonly score: string
  readonly rollout?: Readonly<Record<string, Json>>
  /** Called with the number of rows of every call. */
  readonly called?: (rows: number) => void
}

/** A served name whose score is one of its input columns: for tests of what stands between a caller and a model. */
export interface EchoDeployment extends ServedDeployment {
  ready: boolean
  readonly labels: ReadonlyMap<string, number>
  readonly commands: readonly string[]
  /** What it says of its traffic: whatever a test puts there. */
  readonly history: TrafficHistory
}

export function echoDeployment(options: EchoOptions): EchoDeployment {
  const since = Date.now() * 1000
  const history = new TrafficHistory()
  const given = new Set<string>()
  const labels = new Map<string, number>()
  const commands: string[] = []
  let requests = 0
  const status = (): DeploymentStatus => ({
    name: options.name,
    model: 'echo',
    stable: { version: 1, digest: `sha256:${'0'.repeat(64)}`, since },
    rollout: options.rollout ?? null,
    contest: null,
    requests: { stable: requests, canary: 0, errors: 0 },
    labels: { waiting: 0, horizon: 0 },
    latencyMicros: { p50: 0, p99: 0 },
  })
  const deployment: EchoDeployment = {
    name: options.name,
    columns: options.columns,
    task: 'binary',
    classes: [],
    ready: true,
    labels,
    commands,
    armOf: () => 'stable',
    explain: () => Promise.reject(fail('nothingDeployed', { deployment: options.name })),
    async predict(rows) {
      options.called?.(rows.length)
      const scores = rows.map(({ row }, i) => {
        const score = row[options.score]
        if (typeof score !== 'number' || score < 0 || score > 1)
          throw fail('requestInvalid', { row: i, column: options.score, reason: 'is not between 0 and 1' })
        return score
      })
      requests += rows.length
      return rows.map(({ id = ulid() }, i) => {
        given.add(id)
        const score = scores[i] as number
        return { id, score, label: score >= 0.5, arm: 'stable', version: 1 }
      })
    },
    async feedback(some) {
      const known = some.filter(one => given.has(one.id))
      for (const one of known) labels.set(one.id, one.label)
      return known.length
    },
    observe: () => Promise.reject(fail('metricUnknown', { deployment: options.name, metric: '', known: 'none' })),
    status,
    history,
    traffic: (count, step) => history.since(Date.now() * 1000, count, step),
    health: () => (deployment.ready ? { ready: true, reasons: [] } : { ready: false, reasons: ['told so'] }),
    async command(command, actor) {
      if (!options.rollout) throw fail('noRollout', { deployment: options.name, command })
      commands.push(`${command} by ${actor}`)
      return status()
    },
    async rollOut(version, actor) {
      commands.push(`rollout ${version} by ${actor}`)
      return status()
    },
    async startContest(versions) {
      commands.push(`contest of ${versions.join(', ')}`)
      return status()
    },
    async choose(version, actor) {
      commands.push(`choose ${version} by ${actor}`)
      return status()
    },
  }
  return deployment
}

/** Serves the given deployments and keeps what is pushed. */
export function echoServing(
  deployments: readonly ServedDeployment[],
  views: ReadonlyMap<string, FeatureView> = new Map(),
): Serving & { readonly pushed: readonly Readonly<Record<string, Value>>[] } {
  const pushed: Readonly<Record<string, Value>>[] = []
  const going = new Map(deployments.map(one => [one.name, one]))
  return {
    pushed,
    list: () => [...going.values()],
    get: name => going.get(name),
    featureViews: async () => views,
    followApplied: async () => undefined,
    features: async (view, rows) =>
      rows.map(() => ({ status: 'missing', event: null, values: Object.keys(view.features).map(() => null) })),
    async end(name) {
      if (!going.delete(name)) throw fail('nothingDeployed', { deployment: name })
    },
    async push(_, rows) {
      pushed.push(...rows.rows)
      return { accepted: rows.rows.length, repeated: 0, rejected: [], warned: [], unknown: 0, logged: true }
    },
    async close() {},
  }
}
