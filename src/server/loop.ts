import type { z } from '@hono/zod-openapi'
import type { Decision } from '../define/decision.ts'
import { statusOf } from '../engine/index.ts'
import type { Report, Status } from '../define/report.ts'
import type { Json } from '../internal/canonical-json.ts'
import type { StepRecord } from '../ports/metadata-store.ts'
import { newestRun } from '../stages/pipeline/trial-run.ts'
import { headline } from './routes/datasets.ts'
import { verificationKind } from '../stages/features/verifications.ts'
import type { Stage as StageSchema } from './schemas.ts'
import type { ServerServices } from './services.ts'

export type Stage = z.infer<typeof StageSchema>
type State = Stage['state']

const number = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 3 })
const percent = (share: number): string => `${number(100 * share)} %`

function reportState(status: Status): State {
  if (status === 'pass' || status === 'skipped') return 'ok'
  return status === 'warn' ? 'warn' : 'fail'
}

function stepState(step: StepRecord | undefined): State | undefined {
  if (!step) return undefined
  if (step.status === 'running' || step.status === 'pending') return 'running'
  if (step.status === 'succeeded' || step.status === 'reused') return 'ok'
  return step.status === 'failed' ? 'fail' : 'idle'
}

const newest = <T extends { readonly at: number }>(some: readonly (T | undefined)[]): T | undefined =>
  some.reduce<T | undefined>((best, one) => (one && (!best || one.at > best.at) ? one : best), undefined)

/** Nothing of a run whose process is gone is running. */
function stepsOf(status: string, steps: readonly StepRecord[]): readonly StepRecord[] {
  if (status !== 'stopped') return steps
  return steps.map(step => (step.status === 'running' ? { ...step, status: 'failed' } : step))
}

/** What every stage is drawn from; read once for all of them. */
async function gather({ workspace: { project, store, clock, processes }, serving }: ServerServices) {
  const decisions = await store.listDecisions({ limit: 300 })
  const recent = await newestRun(store, { kind: 'pipeline' })
  const last = recent && { ...recent, status: statusOf(recent, clock.now(), processes) }
  const models = (await Promise.all([...project.models.keys()].map(name => store.listModelVersions(name)))).flat()
  return {
    decisions,
    last,
    steps: last ? stepsOf(last.status, await store.listSteps(last.id)) : [],
    versions: models.toSorted((a, b) => b.createdAt - a.createdAt),
    validation: headline(await store.listReports({ kind: 'validation', limit: 60 })),
    tests: (await store.listReports({ kind: 'model', limit: 1 }))[0],
    parity: (await store.listReports({ kind: 'export', limit: 1 }))[0],
    drift: (await store.listReports({ kind: 'drift', limit: 1 }))[0],
    verified: newest(await store.listDocuments<Json>(verificationKind)),
    rollouts: await store.listDocuments<Json>('rollout'),
    stable: await store.listDocuments<Json>('deployment'),
    alerts: (await store.listDocuments<Json>('alert')).map(one => one.value as Record<string, Json>),
    served: serving.list(),
  }
}

type LoopRecords = Awaited<ReturnType<typeof gather>>
type Body = Pick<Stage, 'state' | 'figure' | 'at'>
const idle: Body = { state: 'idle', figure: null, at: null }

const reported = (report: Report | undefined, figure: (report: Report) => Stage['figure']): Body =>
  report ? { state: reportState(report.status), figure: figure(report), at: report.at } : idle

/** A stage that runs as a step of the newest run shows that run's state before anything older. */
function withStep(body: Body, { steps }: LoopRecords, prefix: string): Body {
  const step = steps.findLast(one => one.step.startsWith(prefix))
  const state = stepState(step)
  if (!step || state === undefined || state === 'idle') return body
  const at = step.endedAt ?? step.startedAt ?? body.at
  return state === 'ok' && body.state !== 'idle' ? body : { ...body, state, at }
}

function validateStage(all: LoopRecords): Body {
  const gate = all.decisions.find(one => one.subject.startsWith('dataset ') && one.verdict !== 'refused')
  // rows that were set aside are worth a look; what the gate let pass is no failure
  const accepted = gate !== undefined && all.validation !== undefined && gate.evidence.includes(all.validation.id)
  const soften = (body: Body): Body => (accepted && body.state === 'fail' ? { ...body, state: 'warn' } : body)
  return withStep(
    soften(
      reported(all.validation, report => {
        const rows = Math.max(0, ...report.checks.map(check => check.evaluated))
        const bad = report.evidence.quarantined
        return typeof bad === 'number' && bad > 0
          ? { value: number(bad), label: `of ${number(rows)} rows set aside` }
          : { value: number(rows), label: `rows, ${report.checks.length} checks` }
      }),
    ),
    all,
    'validate-',
  )
}

function featuresStage(all: LoopRecords): Body {
  const value = all.verified?.value as { readonly compared?: number; readonly mismatches?: number } | undefined
  const body: Body =
    all.verified && typeof value?.mismatches === 'number'
      ? {
          state: value.mismatches === 0 ? 'ok' : 'fail',
          figure: { value: number(value.mismatches), label: `mismatches in ${number(value.compared ?? 0)} values` },
          at: all.verified.at,
        }
      : idle
  const step = all.steps.find(one => one.step.startsWith('features-'))
  const rows = step?.outputs?.frame?.meta?.train
  const framed: Body =
    body.state === 'idle' && typeof rows === 'number'
      ? { ...body, figure: { value: number(rows), label: 'training rows' } }
      : body
  return withStep(framed, all, 'features-')
}

function trainStage(all: LoopRecords): Body {
  if (!all.last) return idle
  const { status, startedAt, endedAt } = all.last
  const states: Record<string, State> = {
    succeeded: 'ok',
    failed: 'fail',
    stopped: 'fail',
    running: 'running',
    queued: 'running',
  }
  const step = all.steps.find(one => one.step.startsWith('train-'))
  const length = ((step?.endedAt ?? endedAt ?? startedAt) - (step?.startedAt ?? startedAt)) / 1e6
  const reused = step?.status === 'reused'
  return {
    state: stepState(step) ?? states[status] ?? 'idle',
    figure: reused
      ? { value: 'reused', label: 'nothing had changed' }
      : { value: `${length.toFixed(1)} s`, label: 'last training' },
    at: endedAt ?? startedAt,
  }
}

function testStage(all: LoopRecords): Body {
  const body = reported(all.tests, report => ({
    value: `${report.checks.filter(check => check.status === 'pass').length}/${report.checks.length}`,
    label: 'model tests passed',
  }))
  return withStep(body, all, 'evaluate-')
}

function exportStage(all: LoopRecords): Body {
  const body = reported(all.parity, report => {
    const parity = report.checks.find(check => typeof check.observed.maxDifference === 'number')
    const difference = parity?.observed.maxDifference
    return typeof difference === 'number'
      ? { value: difference.toExponential(1), label: 'largest difference of ONNX' }
      : { value: `${report.checks.length}`, label: 'ONNX checks' }
  })
  return withStep(body, all, 'verify-')
}

function registerStage(all: LoopRecords): Body {
  const version = all.versions[0]
  if (!version) return withStep(idle, all, 'register-')
  const { auc, rmse } = version.metrics
  const metric = auc === undefined ? (rmse === undefined ? '' : `, RMSE ${number(rmse)}`) : `, AUC ${number(auc)}`
  return {
    state: 'ok',
    figure: { value: `v${version.version}`, label: `${version.model}${metric}` },
    at: version.createdAt,
  }
}

function deployStage(all: LoopRecords): Body {
  const running = all.rollouts.find(
    one => !['done', 'rolled-back'].includes(String((one.value as { phase?: string }).phase)),
  )
  if (running) {
    const { weight, hold } = running.value as { readonly weight?: number; readonly hold?: string | null }
    const state = hold === null || hold === undefined ? 'running' : 'warn'
    return { state, figure: { value: percent(weight ?? 0), label: `canary on ${running.id}` }, at: running.at }
  }
  const stable = newest(all.stable)
  if (!stable) return idle
  const { version } = stable.value as { readonly version?: number }
  const unready = all.served.filter(one => !one.health().ready)
  return {
    state: unready.length > 0 ? 'fail' : 'ok',
    figure: { value: `v${version ?? '?'}`, label: `serves ${stable.id}` },
    at: stable.at,
  }
}

function watchStage(all: LoopRecords): Body {
  const firing = all.alerts.filter(one => one.state === 'firing').length
  const body = reported(all.drift, report => {
    const drifted = report.checks.filter(check => check.status === 'fail').length
    return { value: number(drifted), label: `of ${report.checks.length} columns drifted` }
  })
  return firing > 0
    ? {
        ...body,
        state: 'warn',
        figure: { value: number(firing), label: firing === 1 ? 'alert firing' : 'alerts firing' },
      }
    : body
}

function retrainStage(all: LoopRecords): Body {
  const trigger = all.decisions.find(one => one.kind === 'trigger')
  if (!trigger) return idle
  const fired = all.decisions.filter(one => one.kind === 'trigger' && one.verdict === 'fired').length
  const running = all.last?.status === 'running' && all.last.trigger !== 'manual'
  return {
    state: running ? 'running' : 'ok',
    figure: { value: number(fired), label: fired === 1 ? 'retrain started' : 'retrains started' },
    at: trigger.at,
  }
}

const stages: readonly {
  readonly id: string
  readonly title: string
  readonly command: string
  readonly body: (all: LoopRecords) => Body
  readonly decided: (decision: Decision) => boolean
}[] = [
  {
    id: 'validate',
    title: 'Validate',
    command: 'millrace validate',
    body: validateStage,
    decided: one => one.subject.startsWith('dataset ') && (one.kind === 'gate' || one.kind === 'quarantine'),
  },
  {
    id: 'features',
    title: 'Features',
    command: 'millrace features materialise',
    body: featuresStage,
    decided: one => one.subject.startsWith('features '),
  },
  { id: 'train', title: 'Train', command: 'millrace train', body: trainStage, decided: () => false },
  {
    id: 'test',
    title: 'Test',
    command: 'millrace models test',
    body: testStage,
    decided: one => one.kind === 'gate' && one.subject.startsWith('model '),
  },
  { id: 'export', title: 'Export', command: 'millrace train', body: exportStage, decided: () => false },
  {
    id: 'register',
    title: 'Register',
    command: 'millrace train',
    body: registerStage,
    decided: one => one.kind === 'promotion' && one.subject.startsWith('model '),
  },
  {
    id: 'deploy',
    title: 'Deploy',
    command: 'millrace deploy',
    body: deployStage,
    decided: one => one.kind === 'rollout' || (one.kind === 'promotion' && one.subject.startsWith('deployment ')),
  },
  { id: 'watch', title: 'Watch', command: 'millrace up', body: watchStage, decided: one => one.kind === 'alert' },
  {
    id: 'retrain',
    title: 'Retrain',
    command: 'millrace up',
    body: retrainStage,
    decided: one => one.kind === 'trigger',
  },
]

/** One entry a stage, in the order of the loop. */
export async function loopStages(services: ServerServices): Promise<Stage[]> {
  const all = await gather(services)
  return stages.map(({ id, title, command, body, decided }) => ({
    id,
    title,
    command,
    ...body(all),
    decision: (all.decisions.find(decided) as Stage['decision'] | undefined) ?? null,
  }))
}
