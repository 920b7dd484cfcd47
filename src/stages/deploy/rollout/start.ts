import { fail } from '../../../errors/index.ts'
import { type Micros, parseDuration } from '../../../internal/time.ts'
import { noPairs } from '../../../math/sequential/mean-difference.ts'
import { isClassification } from '../../../math/task.ts'
import { noSegments } from './segments.ts'
import type { Gate, Guardrail, GuardrailState, ResolvedConfig, RolloutConfig, RolloutState, Share } from './state.ts'

function refuse(setting: string, value: unknown, reason: string): never {
  throw fail('rolloutSettings', { setting, value: String(value), reason })
}

function duration(setting: string, text: string): Micros {
  return parseDuration(text) ?? refuse(setting, text, "it is not a duration such as '30m'")
}

function count(setting: string, value: number): number {
  return Number.isInteger(value) && value >= 0 ? value : refuse(setting, value, 'it must be a whole number, 0 or more')
}

function rate(setting: string, value: number): number {
  return value > 0 && value < 1 ? value : refuse(setting, value, 'it must be between 0 and 1')
}

const shareOf = (share: Share): number => Number(share.slice(0, -1)) / 100

function gates(approve: readonly Gate[], weights: readonly number[]): readonly (number | 'done')[] {
  return approve.map(gate => {
    const found = gate === 'done' ? gate : shareOf(gate)
    const known = found === 'done' || found === 1 || weights.includes(found)
    return known ? found : refuse('approve', gate, "it is no step of the rollout, and neither '100%' nor 'done'")
  })
}

/** Fills in the defaults; `rolloutSettings` names the setting that is out of range. */
export function resolveRollout(config: RolloutConfig): ResolvedConfig {
  const steps = config.steps ?? ['1%', '5%', '20%', '50%']
  const weights = steps.map(shareOf)
  let last = 0
  for (const [i, weight] of weights.entries()) {
    if (!(weight > last && weight < 1)) refuse('steps', steps[i], 'steps must rise and stay between 0 % and 100 %')
    last = weight
  }
  if (weights.length === 0) refuse('steps', '[]', 'at least one step is needed')
  const margin = config.margin ?? 0.01
  if (!(margin >= 0)) refuse('margin', margin, 'it must be 0 or more')
  const slower = config.slower ?? 0.15
  if (!(slower >= 0)) refuse('slower', slower, 'it must be 0 or more')
  const maxLatency = config.maxLatency === undefined ? null : duration('maxLatency', config.maxLatency)
  const guardrails: readonly Guardrail[] = maxLatency === null ? ['error', 'timeout', 'latency'] : everyGuardrail
  return {
    deployment: config.deployment,
    challenger: config.challenger,
    stable: config.stable,
    task: config.task,
    weights,
    shadowRows: count('shadowRows', config.shadowRows ?? 1000),
    minRequests: count('minRequests', config.minRequests ?? 200),
    maxWait: duration('maxWait', config.maxWait ?? '30m'),
    bake: duration('bake', config.bake ?? '1h'),
    labels: config.labels ?? 'advisory',
    alpha: rate('alpha', config.alpha ?? 0.01),
    labelAlpha: rate('labelAlpha', config.labelAlpha ?? 0.05),
    margin,
    maxLatency,
    slower,
    maxMemory: count('maxMemory', config.maxMemory ?? 2 ** 30),
    timeout: duration('timeout', config.timeout ?? '1s'),
    guardrails: config.guardrails ?? guardrails,
    ...(config.segments && config.segments.length > 0 ? { segments: config.segments } : {}),
    threshold: config.threshold ?? 0.5,
    stableThreshold: config.stableThreshold ?? config.threshold ?? 0.5,
    expected: config.expected ?? (isClassification(config.task) ? { flipRate: 0.1 } : {}),
    metrics: config.metrics ?? {},
    metricAlpha: rate('metricAlpha', config.metricAlpha ?? 0.05),
    queries: config.queries ?? {},
    approve: gates(config.approve ?? [], weights),
    hours: config.hours ?? null,
    after: config.after ?? [],
  }
}

const everyGuardrail = ['error', 'timeout', 'slow', 'latency'] as const
const quiet: GuardrailState = { canary: 0, all: 0 }

/**
 * A rollout at its beginning: shadow scoring at weight 0, or the first step where no shadow rows are asked for and nothing else
 * need be waited for.
 */
export function startRollout(config: RolloutConfig, now: Micros, seed: number): RolloutState {
  const resolved = resolveRollout(config)
  const { shadowRows, approve, hours, after } = resolved
  const shadowing = shadowRows > 0 || approve.length > 0 || hours !== null || after.length > 0
  return {
    version: 1,
    config: resolved,
    seed,
    salt: `${resolved.deployment}:${resolved.challenger}:${now}`,
    phase: shadowing ? 'shadow' : 'step',
    step: 0,
    weight: shadowing ? 0 : (resolved.weights[0] as number),
    since: now,
    hold: null,
    approved: [],
    rolling: [],
    requests: { stable: 0, canary: 0 },
    guardrails: { error: quiet, timeout: quiet, slow: quiet, latency: quiet },
    ...(resolved.segments ? { segments: noSegments } : {}),
    shadow: { rows: 0, sumDifference: 0, sumSquare: 0, flips: 0, nonFinite: 0, nextLook: 256 },
    losses: noPairs,
    stableLoss: 0,
    metrics: {},
    units: 0,
    queries: {},
    sequence: 0,
  }
}
