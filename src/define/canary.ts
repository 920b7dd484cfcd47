import { micros, type Duration, type Micros } from '../internal/time.ts'
import {
  definitionOf,
  byName,
  duration,
  flag,
  listOf,
  members,
  numberBetween,
  numberFrom,
  oneOf,
  optional,
  text,
  timeZone,
  wholeFrom,
  type Form,
  type Forms,
} from './forms.ts'
import { refuse, type Definition } from './named.ts'

export type Percent = `${number}%`

export interface CanaryOptions {
  /** Shares of traffic, rising (default 1 %, 5 %, 20 %, 50 %). */
  readonly steps?: readonly Percent[]
  /** Whether known labels must, may or do not speak before promotion (default advisory). */
  readonly labels?: 'required' | 'advisory' | 'none'
  /** Least canary requests in a step (default 200). */
  readonly minRequests?: number
  /** A step that cannot be decided by then is held for a person (default 30m). */
  readonly maxWait?: Duration
  /** Chance of rolling back a healthy challenger by its errors and times, per rollout (default 0.01). */
  readonly alpha?: number
  /** Rows that both versions score before the challenger answers anybody; 0 goes without (default 1,000). */
  readonly shadowRows?: number
  /** How long the challenger takes all traffic before it is stable, with the way back open (default 1h). */
  readonly bake?: Duration
  /** Loss that the challenger may have more than stable, in shares of stable's, where labels promote (default 0.01). */
  readonly margin?: number
  /** Error rate of what labels say, half of it for rolling back and half for promoting (default 0.05). */
  readonly labelAlpha?: number
  /** How far good versions of this model disagree; more than twice of it holds (default 10 % of the labels of classifications). */
  readonly expected?: ExpectedDisagreement
  /** An answer that takes longer is slow, of whichever version (default none is). */
  readonly maxLatency?: Duration
  /** By how much longer the challenger may take than stable for most requests (default 0.15). */
  readonly slower?: number
  /** How long the challenger is waited for once stable has answered, or four times what stable took (default 1s). */
  readonly timeout?: Duration
  /** Bytes that the challenger may take beyond what it took when it was loaded (default 1 GiB). */
  readonly maxMemory?: number
  /** What callers or their business are worth by which version served them; told by `:observe` (default none). */
  readonly metrics?: Readonly<Record<string, MetricPromise>>
  /** Error rate of what metrics say, shared by them, half of it for taking back (default 0.05). */
  readonly metricAlpha?: number
  /** How long after a prediction its values count, and only then (default the label horizon of the deployment's monitor, else 2d). */
  readonly metricHorizon?: Duration
  /** Figures that Prometheus knows, and what they must be while the challenger answers (default none). */
  readonly queries?: Readonly<Record<string, QueryCheck>>
  /** How long several versions are compared at most before their contest ends without a choice (default 14d). */
  readonly maxContest?: Duration
  /** What waits for a person: a step, all traffic ('100%'), or to become stable ('done') (default nothing does). */
  readonly approve?: readonly Gate[]
  /** When the challenger may get more traffic; it is taken back at any time (default always). */
  readonly hours?: RolloutHours
  /** Deployments of which no rollout may run while this challenger gets more traffic (default none). */
  readonly after?: readonly RolledOut[]
}

/** What is promised of a figure that is told of predictions later. */
export interface MetricPromise {
  /** Which values are better. */
  readonly better: 'higher' | 'lower'
  /** How much worse than stable's mean the challenger may be, in shares of it (default 0.01). */
  readonly margin?: number
  /** Whether the challenger must be shown to be within the margin before it takes all traffic (default false). */
  readonly required?: boolean
  /** What a prediction is worth of which nothing was told until the horizon; it counts as none without. */
  readonly missing?: number
}

/** A figure that Prometheus knows, and what it must be. */
export interface QueryCheck {
  /**
   * PromQL that gives one number. In it `{{challenger}}` and `{{stable}}` are the versions' numbers, `{{deployment}}` the
   * deployment's name.
   */
  readonly query: string
  /** The least that it may be (default no limit; one of the two is needed). */
  readonly min?: number
  /** The most that it may be (default no limit; one of the two is needed). */
  readonly max?: number
  /** How often it is asked (default 1m). */
  readonly every?: Duration
  /** So many answers in a row beyond a limit take the challenger back (default 3). */
  readonly failures?: number
}

/** A step by its share of traffic, all traffic, or the end of the bake. */
export type Gate = Percent | 'done'

const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof weekdays)[number]

/** Hours of the week, by the clocks of a zone. */
export interface RolloutHours {
  /** `09:00`. */
  readonly from: string
  /** `17:00`, no more within; `24:00` is midnight. Before `from` it is of the next day. */
  readonly to: string
  /** Days on which the hours begin (default all). */
  readonly days?: readonly Weekday[]
  /** Whose clocks say so, such as 'Europe/Berlin' (default UTC). */
  readonly zone?: string
}

/** A deployment, as another one waits for its rollouts. */
export type RolledOut = Definition & { readonly canary: Canary }

/** The same with every default filled in. */
export interface ResolvedQuery {
  readonly query: string
  readonly min: number | null
  readonly max: number | null
  readonly every: Micros
  readonly failures: number
}

export type Metric = Required<Omit<MetricPromise, 'missing'>> & { readonly missing: number | null }

/** The options with every default filled in; shares in [0, 1]. */
export interface Canary {
  /** Rising. */
  readonly steps: readonly number[]
  readonly labels: 'required' | 'advisory' | 'none'
  readonly minRequests: number
  readonly maxWait: Micros
  readonly alpha: number
  readonly shadowRows: number
  readonly bake: Micros
  readonly margin: number
  readonly labelAlpha: number
  readonly expected: ExpectedDisagreement | null
  readonly maxLatency: Micros | null
  readonly slower: number
  readonly timeout: Micros
  readonly maxMemory: number
  readonly metrics: Readonly<Record<string, Metric>>
  readonly metricAlpha: number
  /** Null: the label horizon. */
  readonly metricHorizon: Micros | null
  readonly queries: Readonly<Record<string, ResolvedQuery>>
  readonly maxContest: Micros
  readonly approve: readonly (number | 'done')[]
  readonly hours: Required<RolloutHours> | null
  /** Names of deployments. */
  readonly after: readonly string[]
}

export interface ExpectedDisagreement {
  /** Share of rows that two good versions decide differently. */
  readonly flipRate?: number
  /** Mean distance of the scores of two good versions. */
  readonly meanDifference?: number
}

const percent: Form = {
  words: "a share of traffic between 0 and 100 %, such as '5%'",
  holds: value => {
    const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)%$/.exec(value) : null
    return match !== null && Number(match[1]) > 0 && Number(match[1]) < 100
  },
}

const gate: Form = {
  words: "a step of the rollout such as '50%', '100%' or 'done'",
  holds: value => value === 'done' || value === '100%' || percent.holds(value),
}

const timeOfDay = (least: string, most: string): Form => ({
  words: `a time of day from '${least}' to '${most}'`,
  holds: value =>
    typeof value === 'string' && /^(?:[01]\d|2[0-4]):[0-5]\d$/.test(value) && value >= least && value <= most,
})

const hoursForms: Forms<RolloutHours> = {
  from: timeOfDay('00:00', '23:59'),
  to: timeOfDay('00:01', '24:00'),
  days: optional(listOf(oneOf(...weekdays), 1)),
  zone: optional(timeZone),
}

const expectedForms: Forms<ExpectedDisagreement> = {
  flipRate: optional(numberFrom(0, 1)),
  meanDifference: optional(numberFrom(0)),
}

const metricForms: Forms<MetricPromise> = {
  better: oneOf('higher', 'lower'),
  margin: optional(numberFrom(0)),
  required: optional(flag),
  missing: optional(numberFrom(Number.NEGATIVE_INFINITY)),
}

const queryForms: Forms<QueryCheck> = {
  query: text,
  min: optional(numberFrom(Number.NEGATIVE_INFINITY)),
  max: optional(numberFrom(Number.NEGATIVE_INFINITY)),
  every: optional(duration),
  failures: optional(wholeFrom(1)),
}

export const canaryForms: Forms<CanaryOptions> = {
  steps: optional(listOf(percent, 1)),
  labels: optional(oneOf('required', 'advisory', 'none')),
  minRequests: optional(wholeFrom(1)),
  maxWait: optional(duration),
  alpha: optional(numberBetween(0, 0.5)),
  shadowRows: optional(wholeFrom(0)),
  bake: optional(duration),
  margin: optional(numberFrom(0)),
  labelAlpha: optional(numberBetween(0, 0.5)),
  expected: optional(members(expectedForms)),
  maxLatency: optional(duration),
  slower: optional(numberFrom(0)),
  timeout: optional(duration),
  maxMemory: optional(wholeFrom(2 ** 20)),
  metrics: optional(byName(members(metricForms))),
  metricAlpha: optional(numberBetween(0, 0.5)),
  metricHorizon: optional(duration),
  queries: optional(byName(members(queryForms))),
  maxContest: optional(duration),
  approve: optional(listOf(gate, 1)),
  hours: optional(members(hoursForms)),
  after: optional(listOf(definitionOf('deployment', 'a deployment'), 1)),
}

const shareOf = (share: Percent): number => Number(share.slice(0, -1)) / 100

/** Fills in the defaults; refuses what contradicts itself. */
export function canaryOf(name: string, canary: CanaryOptions): Canary {
  const refused = (reason: string): never => refuse('deployment', name, reason)
  const steps = (canary.steps ?? (['1%', '5%', '20%', '50%'] as const)).map(shareOf)
  if (steps.some((share, i) => i > 0 && share <= (steps[i - 1] as number))) refused('canary steps must rise')
  const approve = (canary.approve ?? []).map(one => {
    if (one === 'done' || one === '100%' || steps.includes(shareOf(one))) return one === 'done' ? one : shareOf(one)
    return refused(`canary.approve names ${one}, which is no step of it`)
  })
  const queries = Object.entries(canary.queries ?? {}).map(([query, { min = null, max = null, ...one }]) => {
    if (min === null && max === null)
      refused(`canary.queries.${query} has neither min nor max: it would hold whatever it is`)
    if (min !== null && max !== null && min > max) refused(`canary.queries.${query} has a min above its max`)
    const resolved = { query: one.query, min, max, every: micros(one.every ?? '1m'), failures: one.failures ?? 3 }
    return [query, resolved] as const
  })
  const { hours } = canary
  if (hours && hours.from === hours.to) refused('canary.hours begin and end at the same time')
  return {
    steps,
    labels: canary.labels ?? 'advisory',
    minRequests: canary.minRequests ?? 200,
    maxWait: micros(canary.maxWait ?? '30m'),
    alpha: canary.alpha ?? 0.01,
    shadowRows: canary.shadowRows ?? 1_000,
    bake: micros(canary.bake ?? '1h'),
    margin: canary.margin ?? 0.01,
    labelAlpha: canary.labelAlpha ?? 0.05,
    expected: canary.expected ?? null,
    maxLatency: canary.maxLatency === undefined ? null : micros(canary.maxLatency),
    slower: canary.slower ?? 0.15,
    timeout: micros(canary.timeout ?? '1s'),
    maxMemory: canary.maxMemory ?? 2 ** 30,
    metrics: Object.fromEntries(
      Object.entries(canary.metrics ?? {}).map(
        ([metric, { better, margin = 0.01, required = false, missing = null }]) => [
          metric,
          { better, margin, required, missing },
        ],
      ),
    ),
    metricAlpha: canary.metricAlpha ?? 0.05,
    metricHorizon: canary.metricHorizon === undefined ? null : micros(canary.metricHorizon),
    queries: Object.fromEntries(queries),
    maxContest: micros(canary.maxContest ?? '14d'),
    approve,
    hours: hours
      ? { from: hours.from, to: hours.to, days: hours.days ?? [...weekdays], zone: hours.zone ?? 'UTC' }
      : null,
    after: (canary.after ?? []).map(one => one.name),
  }
}
