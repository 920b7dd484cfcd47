import type { Decision } from '../../define/decision.ts'
import { formatTime } from '../../internal/time.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import type { Tally } from './arrivals.ts'
import { change } from './change.ts'
import type { Proofs } from './proofs.ts'
import type { DemoResult } from './result.ts'
import type { Challenger, Spring } from './spring.ts'
import type { Stage } from './stage.ts'
import { servedAuc } from './stream.ts'

/** What the chapters found. */
export interface Found {
  readonly damagedBatch: DemoResult['damagedBatch']
  readonly proofs: Proofs
  readonly reproduced: boolean
  readonly spring: Spring
  readonly tally: Tally
  /** When the demo began, on the clock of `performance`. */
  readonly started: number
}

const final = new Set(['promoted', 'rolled-back', 'completed', 'held'])

/** How a challenger fared, by the decisions of its rollout. */
function fate(
  { what, challenger, sameRows }: Challenger,
  decisions: readonly Decision[],
): DemoResult['rollouts'][number] {
  const own = decisions.filter(one => one.kind === 'rollout' && one.inputs.challenger === challenger)
  const ended = own.find(one => one.verdict === 'rolled-back' || one.verdict === 'completed')
  const last = ended ?? own.find(one => final.has(one.verdict))
  const completed = last?.verdict === 'completed'
  const seen = last?.inputs as
    | { readonly labels?: { readonly rows?: number }; readonly shadow?: { readonly rows?: number } }
    | undefined
  return {
    challenger,
    what,
    sameRows: sameRows ?? null,
    verdict: completed ? 'promoted' : (last?.verdict ?? (own.length > 0 ? 'running' : 'not tried')),
    requests: Number(seen?.shadow?.rows ?? 0),
    labels: Number(seen?.labels?.rows ?? 0),
    // a trial that has not ended is told by its newest step
    evidence: (completed ? own.find(one => one.verdict === 'promoted') : (last ?? own[0]))?.reason ?? '',
  }
}

type Drift = Pick<DemoResult, 'drift' | 'windows'>

async function driftOf(store: MetadataStore): Promise<Drift> {
  const all = await store.listWindows('lateness-watch', { limit: 100_000 })
  const judged = all.filter(one => one.series === 'window')
  const drift = judged
    .filter(one => one.body.verdict === 'drift')
    .toSorted((a, b) => a.from - b.from)
    .map(({ from, body }) => ({
      window: formatTime(from).slice(0, 10),
      reason: String(body.reason),
      columns: all
        .filter(one => one.from === from && one.body.verdict === 'drift' && one.series !== 'window')
        .map(one => ({
          column: one.series.replace('column:', ''),
          times: Number(one.body.times),
          text: String((one.body.change as { readonly text?: string } | null)?.text ?? ''),
        }))
        .toSorted((a, b) => b.times - a.times),
    }))
  return { drift, windows: judged.length }
}

/** The figures of the run, from what it found and from what it left in the records. */
export async function outcome({ workspace: { store } }: Stage, found: Found): Promise<DemoResult> {
  const { proofs, spring } = found
  const decisions = await store.listDecisions({ limit: 100_000 })
  return {
    version: 1,
    seconds: Math.round((performance.now() - found.started) / 100) / 10,
    peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024),
    rows: found.tally.rows,
    checks: found.tally.checks,
    damagedBatch: found.damagedBatch,
    auc: {
      staticOnly: proofs.staticOnly,
      leakyOffline: proofs.leakyOffline,
      leakyOnline: proofs.leakyOnline,
      knownTimeOffline: proofs.knownTimeOffline,
      knownTimeOnline: proofs.knownTimeOnline,
    },
    featuresVerified: { compared: proofs.compared, mismatches: proofs.mismatches },
    onnx: proofs.parity,
    reproduced: found.reproduced,
    unitCheck: spring.unitCheck,
    rollouts: spring.challengers.map(one => fate(one, decisions)),
    change: { at: change.from, what: change.what },
    ...(await driftOf(store)),
    alerts: decisions.filter(one => one.kind === 'alert' && one.verdict === 'firing').length,
    retrains: spring.retrains,
    models: (await store.listModelVersions('lateness'))
      .map(one => ({ version: one.version, digest: one.digest, auc: Number(one.metrics.auc) }))
      .reverse(),
    served: { predictions: spring.served.predictions, ...servedAuc(spring.served) },
    decisions: decisions.length,
  }
}
