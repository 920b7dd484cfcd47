import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { git, runEnvironment, stepEnvironment } from '../../config/environment.ts'
import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import type { Model } from '../../define/model.ts'
import { fail } from '../../errors/index.ts'
import { digestFile } from '../../internal/digest.ts'
import { formatTime, parseTime, type Micros } from '../../internal/time.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import { materialise } from '../../stages/features/online.ts'
import { planView } from '../../stages/features/channels.ts'
import { snapshotSql, type Spans } from '../../stages/features/frame.ts'
import { startTraining } from '../../stages/pipeline/run.ts'
import { retrain, type Retrained } from '../../stages/retrain/controller.ts'
import { LiveServing } from '../../stages/serve/serving.ts'
import { validate } from '../../stages/validate/validate.ts'
import { gate } from '../../stages/pipeline/dataset-steps.ts'
import { currentLock, writeLock } from '../../stages/version/lock.ts'
import { LiveMonitor, type RetrainRequest } from '../../stages/watch/live.ts'
import { flightsFile, months, thinning, writeDamagedBatch, writeMonth } from './data.ts'
import { rebuildVersion } from '../reproduce.ts'
import { PlayClock } from './play-clock.ts'
import { prove, type Proofs } from './proofs.ts'
import type { DemoResult } from './result.ts'
import { servedAuc, stream, type Streamed } from './stream.ts'

export interface DemoOptions {
  /** Folder in which `.millrace/demo` is made anew. */
  readonly cwd: string
  readonly rows?: number
  /** A new chapter of the story. */
  readonly chapter: (title: string) => void
  /** What happens within it. */
  readonly say: (text: string) => void
}

const total = 3_000_000
const at = (text: string): Micros => parseTime(text) as Micros
const count = (n: number): string => n.toLocaleString('en-US')

interface Played {
  readonly what: string
  readonly challenger: string
}

/** Plays January to June 2001: see docs/guide/demo.md for the story. */
export async function playDemo(options: DemoOptions): Promise<DemoResult> {
  const started = performance.now()
  const { say, chapter } = options
  const root = join(options.cwd, '.millrace', 'demo')
  await rm(root, { recursive: true, force: true })
  await mkdir(join(root, 'data', 'flights'), { recursive: true })
  await cp(
    fileURLToPath(new URL('../../../examples/flights/millrace.config.ts', import.meta.url)),
    join(root, 'millrace.config.ts'),
  )
  const source = flightsFile(options.cwd)
  await commit(root, 'Declare the flights project')

  const clock = new PlayClock(at('2001-04-01'))
  const workspace = await openWorkspace(root, { clock })
  try {
    return await play({ ...options, started, root, source, clock, workspace, where: thinning(total, options.rows) })
  } finally {
    await workspace.close()
    say('')
    chapter('')
  }
}

async function commit(root: string, message: string): Promise<void> {
  await writeFile(join(root, '.gitignore'), '.millrace/\ndata/\n')
  if ((await git(root, 'rev-parse', '--show-toplevel'))?.trim() !== root) await git(root, 'init', '-q')
  await git(root, 'add', '-A')
  await git(
    root,
    '-c',
    'user.name=Millrace demo',
    '-c',
    'user.email=demo@localhost',
    '-c',
    'commit.gpgsign=false',
    'commit',
    '-q',
    '-m',
    message,
  )
}

interface Stage extends DemoOptions {
  readonly started: number
  readonly root: string
  readonly source: string
  readonly clock: PlayClock
  readonly workspace: Workspace
  readonly where: string
}

async function play(stage: Stage): Promise<DemoResult> {
  const { workspace, root, source, where, clock, say, chapter } = stage
  const engine = await workspace.engine()
  const { project, store } = workspace
  const flights = project.datasets.get('flights')
  const model = project.models.get('lateness')
  const watch = project.monitors.get('lateness-watch')
  if (!flights || !model || !watch) throw fail('configNotProject', { file: 'millrace.config.ts' })
  const environments = async () => ({
    stepEnvironment: await stepEnvironment(root),
    runEnvironment: await runEnvironment(root),
  })
  const runs = await workspace.engineOf(event => {
    if (event.type === 'progress' && event.message) say(`${event.step}: ${event.message}`)
    else if (event.type === 'step' && event.status === 'running') say(event.step)
  })
  const month = (name: string): string => join(root, 'data', 'flights', `${name}.parquet`)
  const rows = { read: 0, accepted: 0, quarantined: 0 }
  const checks = { evaluated: 0, failed: 0 }

  chapter('January to March arrive and are validated')
  for (const name of months.slice(0, 3)) await writeMonth(engine, source, name, where, month(name))
  const damagedFile = join(root, 'data', 'damaged.parquet')
  const injected = await writeDamagedBatch(engine, source, where, damagedFile)
  const damagedSource = await engine.scan({ kind: 'parquet', path: damagedFile }, root)
  const damaged = await validate({ engine, root, clock }, flights, damagedSource)
  const [found] = damaged.split.bad
    ? await engine.rows(
        `SELECT count(*) AS n FROM (SELECT millrace_row FROM (${damaged.split.bad}) WHERE NOT millrace_accepted) JOIN (SELECT row_number() OVER () - 1 AS millrace_row, damaged FROM ${damagedSource.sql}) USING (millrace_row) WHERE damaged`,
      )
    : [{ n: 0 }]
  const caught = Number(found?.n)
  const verdict = gate(damaged.report, flights, damaged.rows, caught, clock.now())
  await store.addReport({ ...damaged.report, subject: 'flights (damaged batch, our own sabotage)' })
  await store.addDecision(verdict)
  await damaged.release()
  await rm(damagedFile)

  chapter('A model is trained, tested, exported and registered')
  const first = await (await startTraining(workspace, runs, { model, trigger: 'manual', ...(await environments()) }))
    .done
  if (first.status !== 'succeeded')
    throw fail('stepFailed', {
      step: String((first.error as { step?: string } | undefined)?.step ?? ''),
      run: first.runId,
      reason: String((first.error as { reason?: string } | undefined)?.reason ?? ''),
    })
  const [v1] = (await store.listModelVersions(model.name)) as [ModelVersion]
  for (const report of await store.listReports({ kind: 'validation', subject: flights.name })) {
    checks.evaluated += report.checks.length
    checks.failed += report.checks.filter(check => check.status === 'fail' || check.status === 'error').length
    rows.read += Number(report.evidence.rows)
    rows.quarantined += Number(report.evidence.quarantined)
  }

  chapter('What knowing too early is worth, and the proof that online equals offline')
  const proofs = await prove(workspace, model, v1, await workspace.online(), join(root, '.millrace'), say)

  chapter('The version is rebuilt from its commit and its data')
  const reproduced = (await rebuildVersion(workspace, v1, say)).same

  chapter('April to June: served, watched, challenged')
  const snapshot = await snapshotSql(engine, await workspace.artifacts.localPath(v1.facts['data:flights'] as never))
  for (const view of project.views.values())
    await materialise(engine, planView(view), snapshot, clock.now(), await workspace.online())
  const serving = await LiveServing.open(workspace, await workspace.online())
  const deployment = serving.get('lateness-api')
  if (!deployment) throw fail('notDefined', { kind: 'deployment', name: 'lateness-api', known: '' })
  const monitor = new LiveMonitor({ store, clock, notifiers: [] }, watch)
  deployment.observer = monitor
  deployment.onStable = version => monitor.watch(version.profile, version.scaler)
  await deployment.rollOut(v1.version, 'demo')

  const played: Played[] = []
  const retrains: { trigger: string; at: string; verdict: string; reason: string }[] = []
  const asked: RetrainRequest[] = []
  monitor.onRetrain = request => asked.push(request)

  /** Flights so far as files of the project, what has landed by now in the newest. */
  const landed = async (now: Micros): Promise<void> => {
    for (const name of months.slice(3)) {
      const begin = at(`${name}-01`)
      if (begin >= now) continue
      await writeMonth(
        engine,
        source,
        name,
        `${where} AND epoch_us(date) + CAST((distance / 7.5 + 30 + delay) * 60000000 AS BIGINT) <= ${now} AND epoch_us(date) < ${now}`,
        month(name),
      )
    }
  }
  const retrainNow = async (trigger: string, because: string | undefined, now: Micros): Promise<Retrained> => {
    say(`retraining (${trigger})`)
    await landed(now)
    const spans: Spans = {
      from: now - model.split.test - model.split.train,
      testFrom: now - model.split.test,
      until: now,
    }
    const result = await retrain(workspace, runs, deployment, {
      trigger,
      spans,
      ...(because ? { because } : {}),
      ...(await environments()),
    })
    retrains.push({ trigger, at: formatTime(now), verdict: result.verdict, reason: result.reason })
    if (result.version !== undefined)
      played.push({ what: `retrained (${trigger})`, challenger: `${model.name}@${result.version}` })
    return result
  }

  let unitCheck = ''
  const waiting = new Map<number, { id: string; label: number; at: number }[]>()
  const served: Streamed = { predictions: 0, months: new Map() }
  const scheduled = [at('2001-04-06')]
  const sabotage = { done: false }
  const everything = (await engine.scan({ kind: 'parquet', path: source, rowNumber: 'millrace_seq' }, root)).sql
  const clean = `SELECT * FROM ${everything} WHERE ${where} AND delay BETWEEN -120 AND 1440`
  let day = 0
  await stream(
    {
      engine,
      relation: clean,
      from: at('2001-04-01'),
      to: at('2001-07-01'),
      clock,
      serving,
      deployment,
      monitor,
      served,
      onHour: async now => {
        if (now >= day) {
          day = now + 86_400_000_000
          say(
            `${formatTime(now).slice(0, 10)}: ${count(served.predictions)} predictions${deployment.rollout && deployment.rollout.phase !== 'done' && deployment.rollout.phase !== 'rolled-back' ? `, ${deployment.rollout.config.challenger} at ${(deployment.rollout.weight * 100).toFixed(0)} %` : ''}`,
          )
        }
        const rolling =
          deployment.rollout !== undefined &&
          deployment.rollout.phase !== 'done' &&
          deployment.rollout.phase !== 'rolled-back'
        if (!sabotage.done && now >= at('2001-04-02')) {
          sabotage.done = true
          const version = await trainOnKilometres(stage, model, v1, runs)
          unitCheck =
            (await store.listReports({ kind: 'model', limit: 1 }))[0]?.checks.find(
              check => check.id === 'scaler-unit-change',
            )?.message ?? ''
          played.push({
            what: 'trained on kilometres, served miles (our own sabotage)',
            challenger: `${model.name}@${version.version}`,
          })
          await deployment.rollOut(version.version, 'demo')
        } else if (!rolling && asked.length > 0) {
          const request = asked.shift() as RetrainRequest
          await retrainNow(request.cause, request.decision.id, now)
          monitor.retrained()
        } else if (!rolling && scheduled[0] !== undefined && now >= scheduled[0]) {
          scheduled.shift()
          await retrainNow('schedule', undefined, now)
        }
        return true
      },
    },
    waiting,
  )
  monitor.finish()
  await monitor.settled()
  await deployment.settled()
  await landed(at('2001-07-02'))
  for (const name of months.slice(3)) {
    const arrived = await validate(
      { engine, root, clock },
      flights,
      await engine.scan({ kind: 'parquet', path: month(name) }, root),
    )
    await store.addReport(arrived.report)
    rows.read += arrived.rows
    rows.quarantined += arrived.split.bad
      ? Number(
          (await engine.rows(`SELECT count(*) AS n FROM (${arrived.split.bad}) WHERE NOT millrace_accepted`))[0]?.n,
        )
      : 0
    checks.evaluated += arrived.report.checks.length
    checks.failed += arrived.report.checks.filter(check => check.status === 'fail').length
    await arrived.release()
  }
  rows.accepted = rows.read - rows.quarantined
  await serving.close()
  await writeLock(root, await currentLock(store, [model.name]))
  await commit(root, 'Lock data and models')
  return summarise(stage, {
    proofs,
    reproduced,
    rows,
    checks,
    damagedBatch: { injected, caught, refused: verdict.verdict === 'refused' },
    unitCheck,
    played,
    retrains,
    served,
  })
}

/** Our own sabotage: the same months with distances in kilometres, through the same pipeline and its gates. */
async function trainOnKilometres(
  stage: Stage,
  model: Model,
  v1: ModelVersion,
  runs: Awaited<ReturnType<Workspace['engineOf']>>,
): Promise<ModelVersion> {
  const { workspace, root } = stage
  const engine = await workspace.engine()
  const path = join(root, 'data', 'kilometres.parquet')
  const files = months
    .slice(0, 3)
    .map(name => engine.dialect.literal(join(root, 'data', 'flights', `${name}.parquet`), 'text'))
  await engine.writeParquet(
    `SELECT * REPLACE (CAST(round(distance * 1.609344) AS BIGINT) AS distance) FROM read_parquet([${files.join(', ')}])`,
    path,
  )
  const file = { name: 'data/kilometres.parquet', path, ...(await digestFile(path)) }
  const spans = v1.facts.frameFacts as unknown as Spans
  const run = await startTraining(workspace, runs, {
    model,
    trigger: 'manual',
    spans: { from: spans.from, testFrom: spans.testFrom, until: spans.until },
    files: new Map([['flights', [file]]]),
    stepEnvironment: await stepEnvironment(root),
    runEnvironment: await runEnvironment(root),
  })
  const result = await run.done
  const [version] = (await workspace.store.listModelVersions(model.name)).filter(one => one.runId === run.runId)
  if (!version)
    throw fail('stepFailed', {
      step: 'the kilometre challenger',
      run: run.runId,
      reason: String((result.error as { reason?: string } | undefined)?.reason ?? result.status),
    })
  return version
}

async function summarise(
  stage: Stage,
  parts: {
    readonly proofs: Proofs
    readonly reproduced: boolean
    readonly rows: DemoResult['rows']
    readonly checks: DemoResult['checks']
    readonly damagedBatch: DemoResult['damagedBatch']
    readonly unitCheck: string
    readonly played: readonly Played[]
    readonly retrains: DemoResult['retrains']
    readonly served: Streamed
  },
): Promise<DemoResult> {
  const { store } = stage.workspace
  const decisions = await store.listDecisions({ limit: 100_000 })
  const final = new Set(['promoted', 'rolled-back', 'completed', 'held'])
  const rollouts = parts.played.map(({ what, challenger }) => {
    const own = decisions.filter(one => one.kind === 'rollout' && one.inputs.challenger === challenger)
    const last =
      own.find(one => one.verdict === 'rolled-back' || one.verdict === 'completed') ??
      own.find(one => final.has(one.verdict))
    const seen = last?.inputs as
      | { requests?: { canary?: number }; labels?: { rows?: number }; shadow?: { rows?: number } }
      | undefined
    return {
      challenger,
      what,
      verdict: last?.verdict === 'completed' ? 'promoted' : (last?.verdict ?? 'running'),
      requests: Number(seen?.shadow?.rows ?? 0),
      labels: Number(seen?.labels?.rows ?? 0),
      evidence: (last?.verdict === 'completed' ? own.find(one => one.verdict === 'promoted') : last)?.reason ?? '',
    }
  })
  const windows = await store.listWindows('lateness-watch', { limit: 100_000 })
  const drift = windows
    .filter(window => window.series !== 'window' && window.body.verdict === 'drift')
    .map(window => ({
      window: formatTime(window.from).slice(0, 10),
      column: window.series.replace('column:', ''),
      statistic: Number(window.body.psi),
      threshold: Number(window.body.thetaDrift),
    }))
  const { proofs, served } = parts
  const quality = servedAuc(served)
  return {
    version: 1,
    seconds: Math.round((performance.now() - stage.started) / 100) / 10,
    peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024),
    rows: parts.rows,
    checks: parts.checks,
    damagedBatch: parts.damagedBatch,
    auc: {
      staticOnly: proofs.staticOnly,
      leakyOffline: proofs.leakyOffline,
      leakyOnline: proofs.leakyOnline,
      knownTimeOffline: proofs.knownTimeOffline,
      knownTimeOnline: proofs.knownTimeOnline,
    },
    featuresVerified: { compared: proofs.compared, mismatches: proofs.mismatches },
    onnx: proofs.parity,
    reproduced: parts.reproduced,
    unitCheck: parts.unitCheck,
    rollouts,
    drift,
    alerts: decisions.filter(one => one.kind === 'alert' && one.verdict === 'firing').length,
    retrains: parts.retrains,
    models: (await store.listModelVersions('lateness'))
      .map(one => ({ version: one.version, digest: one.digest, auc: Number(one.metrics.auc) }))
      .reverse(),
    served: { predictions: served.predictions, ...quality },
    decisions: decisions.length,
  }
}
