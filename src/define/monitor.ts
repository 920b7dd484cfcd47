import { Cron } from 'croner'
import { micros, type Duration, type Micros } from '../internal/time.ts'
import type { Deployment } from './deployment.ts'
import { isTable } from './source.ts'
import {
  builder,
  definitionOf,
  duration,
  listOf,
  members,
  oneOf,
  optional,
  text,
  webUrl,
  wholeFrom,
  type Form,
  type Forms,
} from './forms.ts'
import { checkName, definitionBrand, refuse, type Definition } from './named.ts'

/** `data`: files with new content have come to a dataset of the model. */
export type RetrainCause = 'drift' | 'performance' | 'data'

export interface MonitorOptions {
  /** What is watched. */
  readonly deployment: Pick<Deployment, 'name' | 'canary' | 'stickyBy'> & {
    readonly model: Pick<Deployment['model'], 'name' | 'task'>
  }
  /**
   * How often people may be told of a change although nothing changed (default one per 30d). One cause is one alert, whatever
   * the number of columns that show it.
   */
  readonly falseAlarms?: `one per ${Duration}`
  /** Length of a window (default 1d). */
  readonly window?: Duration
  /**
   * Smallest change that alerts, once two windows in a row are certainly beyond it (default normal). Half of it only warns: it is
   * shown, and neither alerts nor retrains.
   * - `low`: mean or spread by 0.3 standard deviations, a share by 10 points, missing values by 5 points
   * - `normal`: 0.14 standard deviations, 4 points of a share, 1 point of missing values
   * - `high`: 0.07 standard deviations, 2 points of a share, 0.5 points of missing values
   */
  readonly sensitivity?: 'low' | 'normal' | 'high'
  /** Labels later than this after their prediction no longer count (default 2d). */
  readonly labelHorizon?: Duration
  /** Whether it retrains by itself, and when (default: it does not). */
  readonly retrain?: {
    /** What starts one: drift of what comes in, worse performance by labels, new files of its data. */
    readonly on: readonly RetrainCause[]
    /** Least time between two retrains (default 24h). */
    readonly cooldown?: Duration
    /** Most retrains in seven days (default 3). */
    readonly maxPerWeek?: number
  }
  /** Also retrain on a schedule (cron, UTC). */
  readonly schedule?: string
  /**
   * Runs the model's tests anew against what is served, at the times of a schedule (cron, UTC). A red critical test alerts at once;
   * the first green run resolves it. Without it they run when a version is made and when they are asked for.
   */
  readonly test?: {
    /** Cron, UTC. */
    readonly schedule: string
  }
  /** URLs that get alerts as Alertmanager webhooks. */
  readonly notify?: readonly string[]
}

export interface Monitor extends Definition {
  readonly deployment: Deployment
  readonly falseAlarmEvery: Micros
  readonly window: Micros
  readonly sensitivity: 'low' | 'normal' | 'high'
  readonly labelHorizon: Micros
  readonly retrain:
    | { readonly on: readonly RetrainCause[]; readonly cooldown: Micros; readonly maxPerWeek: number }
    | undefined
  readonly schedule: string | undefined
  readonly test: { readonly schedule: string } | undefined
  readonly notify: readonly string[]
}

const rate: Form = {
  words: "a rate such as 'one per 30d'",
  holds: value => typeof value === 'string' && value.startsWith('one per ') && duration.holds(value.slice(8)),
}

const cron: Form = {
  words: "a cron schedule in UTC, such as '0 3 * * *'",
  holds: value => {
    try {
      return typeof value === 'string' && new Cron(value, { paused: true, timezone: 'UTC' }).nextRun() !== null
    } catch {
      return false
    }
  },
}

const retrainForms: Forms<NonNullable<MonitorOptions['retrain']>> = {
  on: listOf(oneOf('drift', 'performance', 'data'), 1),
  cooldown: optional(duration),
  maxPerWeek: optional(wholeFrom(1)),
}

const monitorForms: Forms<MonitorOptions> = {
  deployment: definitionOf('deployment', 'a deployment'),
  falseAlarms: optional(rate),
  window: optional(duration),
  sensitivity: optional(oneOf('low', 'normal', 'high')),
  labelHorizon: optional(duration),
  retrain: optional(members(retrainForms)),
  schedule: optional(cron),
  test: optional(members<NonNullable<MonitorOptions['test']>>({ schedule: cron })),
  notify: optional(listOf(webUrl)),
}

function declareMonitor(name: string, options: MonitorOptions): Monitor {
  checkName('monitor', name)
  const { model } = options.deployment as unknown as Deployment
  const sources = [model.from, ...model.views.map(view => view.from)].map(one => one.source)
  if (options.retrain?.on.includes('data') && sources.every(isTable))
    refuse('monitor', name, "retrain on 'data' waits for files, but all of its model's data are tables: use a schedule")
  return {
    [definitionBrand]: 'monitor',
    name,
    deployment: options.deployment as unknown as Deployment,
    falseAlarmEvery: micros((options.falseAlarms ?? 'one per 30d').slice('one per '.length) as Duration),
    window: micros(options.window ?? '1d'),
    sensitivity: options.sensitivity ?? 'normal',
    labelHorizon: micros(options.labelHorizon ?? '2d'),
    retrain: options.retrain
      ? {
          on: options.retrain.on,
          cooldown: micros(options.retrain.cooldown ?? '24h'),
          maxPerWeek: options.retrain.maxPerWeek ?? 3,
        }
      : undefined,
    schedule: options.schedule,
    test: options.test,
    notify: options.notify ?? [],
  }
}

/** Declares what watches a deployment: windows of statistics, alerts, and what starts a retrain. */
export const monitor = builder('monitor', { name: text, options: members(monitorForms) }, declareMonitor)
