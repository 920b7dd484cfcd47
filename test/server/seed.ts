import { seeded } from '../../src/math/random/seeded.ts'
import { TrafficCounter, type TrafficHistory } from '../../src/stages/serve/traffic.ts'
import type { CheckResult, Report } from '../../src/define/report.ts'
import { overallStatus } from '../../src/define/report.ts'
import type { Decision, DecisionKind, Verdict } from '../../src/define/decision.ts'
import type { Json } from '../../src/internal/canonical-json.ts'
import { digestBytes } from '../../src/internal/digest.ts'
import type { ServerServices } from '../../src/server/services.ts'
import { startRollout } from '../../src/stages/deploy/rollout/index.ts'

const minute = 60_000_000
const day = 1440 * minute

function check(
  id: string,
  kind: string,
  bad: number,
  evaluated: number,
  observed: Record<string, Json> = {},
): CheckResult {
  return {
    id,
    kind,
    target: { dataset: 'flights', columns: [id.split('-')[0] ?? ''] },
    severity: id.startsWith('duplicate') ? 'warning' : 'critical',
    status: bad > 0 ? (id.startsWith('duplicate') ? 'warn' : 'fail') : 'pass',
    observed,
    evaluated,
    bad,
    threshold: 'no bad rows',
    message: bad > 0 ? `${bad} of ${evaluated} rows break it` : `holds for all ${evaluated} rows`,
    ...(bad > 0 && id.startsWith('delay')
      ? {
          sample: [
            {
              millrace_row: 10_412,
              date: '2001-02-03T08:10:00Z',
              delay: -1116,
              distance: 404,
              origin: 'SEA',
              destination: 'OAK',
            },
            {
              millrace_row: 81_220,
              date: '2001-02-11T17:45:00Z',
              delay: 1688,
              distance: 1846,
              origin: 'JFK',
              destination: 'LAS',
            },
          ],
          distinctBad: [
            { value: -1116, count: 1 },
            { value: 1688, count: 1 },
          ],
        }
      : {}),
  }
}

/** Fills a store with six weeks of a plausible project, through the store's own interface. Synthetic, for looking at. */
export async function seed({ store, clock }: Pick<ServerServices['workspace'], 'store' | 'clock'>): Promise<void> {
  const now = clock.now()
  const random = seeded(7)
  let count = 0
  const decide = async (
    kind: DecisionKind,
    subject: string,
    at: number,
    verdict: Verdict,
    reason: string,
    more: Partial<Decision> = {},
  ): Promise<string> => {
    const id = `d-${String(++count).padStart(4, '0')}`
    await store.addDecision({
      id,
      kind,
      subject,
      at,
      verdict,
      reason,
      rule: { name: kind },
      inputs: {},
      evidence: [],
      actor: 'system',
      ...more,
    })
    return id
  }
  const report = async (
    kind: Report['kind'],
    subject: string,
    at: number,
    checks: readonly CheckResult[],
    evidence: Record<string, Json> = {},
    runId?: string,
  ): Promise<string> => {
    const id = `r-${String(++count).padStart(4, '0')}`
    const made = runId === undefined ? {} : { runId }
    await store.addReport({ id, kind, subject, ...made, at, status: overallStatus(checks), checks, evidence })
    return id
  }

  for (let week = 12; week >= 0; week--) {
    const at = now - week * 3 * day
    const rows = 116_000 + Math.floor(random.next() * 9000)
    const bad = week % 3 === 0 ? Math.floor(random.next() * 40) + 2 : 0
    const checks = [
      check('schema', 'schema', 0, rows),
      check('delay-between', 'between', bad, rows, { min: -1116, max: 1688 }),
      check('distance-not-null', 'notNull', 0, rows),
      check('origin-matches', 'matches', 0, rows),
      check('duplicate-rows', 'duplicateRows', week % 4, rows),
    ]
    const id = await report('validation', 'flights', at, checks, {
      data: digestBytes(`data ${week}`),
      quarantined: bad,
    })
    await decide(
      bad ? 'quarantine' : 'gate',
      'dataset flights',
      at + minute,
      bad ? 'quarantined' : 'passed',
      bad
        ? `${bad} of ${rows.toLocaleString('en-US')} rows were set aside; the others are accepted`
        : 'all 5 checks of flights hold',
      {
        rule: { name: 'validation gate', threshold: 0.01, statistic: 'quarantined share', value: bad / rows },
        evidence: [id],
      },
    )
  }

  const steps = [
    'validate-flights',
    'features-lateness',
    'train-lateness',
    'verify-lateness',
    'evaluate-lateness',
    'register-lateness',
  ]
  const seconds = [11, 24, 38, 6, 14, 1]
  for (let n = 1; n <= 4; n++) {
    const start = now - (5 - n) * 9 * day - 4 * 3600_000_000
    const id = `01SEED${String(n).padStart(20, '0')}`
    const refused = n === 4
    await store.createRun({
      id,
      kind: 'pipeline',
      name: 'train-lateness',
      status: 'running',
      trigger: n === 1 ? 'manual' : n === 3 ? 'schedule' : 'drift',
      startedAt: start,
      environment: { commit: `3f9c1e${n}`, node: 'v20.20.0' },
      parameters: { model: 'lateness' },
    })
    let at = start
    for (const [i, step] of steps.entries()) {
      const reused = n === 3 && i < 2
      const end = at + (reused ? 0.01 : (seconds[i] as number) * (0.8 + random.next() * 0.5)) * 1e6
      const failed = refused && i === 5
      await store.putStep({
        runId: id,
        step,
        status: failed ? 'skipped' : reused ? 'reused' : 'succeeded',
        attempt: 1,
        startedAt: at,
        endedAt: Math.round(end),
        reason: reused ? 'nothing that it depends on has changed' : n === 1 ? 'it has never run' : 'input data changed',
        ...(reused ? { reusedFrom: `01SEED${String(2).padStart(20, '0')}` } : {}),
        outputs: {},
      })
      at = Math.round(end) + 30_000
    }
    const auc = [0.7003, 0.7049, 0.7112, 0.688][n - 1] as number
    const modelChecks = [
      {
        ...check('metric-auc', 'metric', 0, 60_000, { auc }),
        status: refused ? ('fail' as const) : ('pass' as const),
        threshold: 'at least 0.66, not worse than the champion',
        message: `AUC ${auc}`,
      },
      check('monotone-late_share', 'monotone', 0, 2000),
      check('latency', 'latency', 0, 1000, { p99Ms: 0.42 }),
      check('calibration', 'metric', 0, 60_000, { ece: 0.011 }),
      check('golden-rows', 'golden', 0, 32),
    ].map(one => ({ ...one, target: { model: 'lateness' } }))
    const tests = await report('model', 'lateness', at - 10_000_000, modelChecks, {}, id)
    const exported = [
      {
        ...check('onnx-parity', 'parity', 0, 2005, { maxDifference: 2.4e-7, flips: 0 }),
        target: { model: 'lateness' },
      },
      check('onnx-structure', 'onnx', 0, 1),
    ]
    await report('export', 'lateness', at - 20_000_000, exported, {}, id)
    await decide(
      'gate',
      'model lateness',
      at - 9_000_000,
      refused ? 'refused' : 'passed',
      refused
        ? 'model tests failed: AUC 0.688 is worse than that of the champion, 0.711'
        : '5 model checks, all passed',
      {
        evidence: [tests],
        rule: { name: 'model test suite', statistic: 'auc', value: auc, threshold: 'no critical failure' },
      },
    )
    if (n > 1)
      await decide(
        'trigger',
        'model lateness',
        start - minute,
        'fired',
        n === 3 ? 'the weekly schedule is due' : 'drift in 3 windows in a row: distance moved',
        { rule: { name: 'retrain policy', statistic: 'windows', value: 3, threshold: 3 } },
      )
    await store.updateRun(id, {
      status: refused ? 'failed' : 'succeeded',
      endedAt: at,
      ...(refused
        ? { error: { title: 'Model tests failed: AUC 0.688 is worse than that of the champion, 0.711' } }
        : {}),
    })
    if (refused) continue
    const digest = digestBytes(`onnx ${n}`)
    const version = await store.addModelVersion({
      model: 'lateness',
      digest,
      runId: id,
      createdAt: at - 1_000_000,
      metrics: { auc, logLoss: 0.47 - n * 0.002, brier: 0.151, ece: 0.011, accuracy: 0.81 },
      facts: {
        'data:flights': digestBytes(`data ${n}`),
        trigger: 'drift',
        scaler: digestBytes(`scaler ${n}`),
        profile: digestBytes(`profile ${n}`),
      },
      tags: {},
    })
    const node = `model:lateness@${version.version}`
    const frame = digestBytes(`frame ${n}`)
    await store.addEdges([
      { from: digestBytes(`data ${n}`), to: frame, relation: 'features' },
      { from: frame, to: digest, relation: 'trained' },
      { from: digest, to: node, relation: 'registered as' },
      { from: `run:${id}`, to: node, relation: 'made' },
      { from: node, to: 'deployment:lateness-api', relation: 'serves' },
    ])
  }
  await store.setAlias('lateness', 'champion', 2)
  await store.setAlias('lateness', 'challenger', 3)
  await store.putDocument(
    'deployment',
    'lateness-api',
    { model: 'lateness', version: 2, since: now - 16 * day },
    now - 16 * day,
  )
  await decide(
    'promotion',
    'deployment lateness-api',
    now - 16 * day,
    'promoted',
    'lateness@2 has served all traffic without an alarm',
    { rule: { name: 'stable version' }, evidence: ['model:lateness@2'] },
  )

  const initial = startRollout(
    {
      deployment: 'lateness-api',
      challenger: 'lateness@3',
      stable: 'lateness@2',
      task: 'binary',
      segments: [{ name: 'origin', node: { op: 'column', name: 'origin', type: 'text' } }],
    },
    now - 2 * 3600_000_000,
    1,
  )
  await decide(
    'rollout',
    'deployment lateness-api',
    now - 100 * minute,
    'advanced',
    'lateness@3 scored 1,000 rows beside lateness@2 without an alarm',
    { rule: { name: 'shadow', statistic: 'rows', value: 1000, threshold: 1000 } },
  )
  await decide(
    'rollout',
    'deployment lateness-api',
    now - 60 * minute,
    'advanced',
    '208 requests at 1 % and no guardrail alarms',
    { rule: { name: 'guardrails', statistic: 'canary requests', value: 208, threshold: 200 } },
  )
  await decide(
    'rollout',
    'deployment lateness-api',
    now - 20 * minute,
    'advanced',
    '214 requests at 5 % and no guardrail alarms',
    { rule: { name: 'guardrails', statistic: 'canary requests', value: 214, threshold: 200 } },
  )
  const rollout = {
    ...initial,
    phase: 'step',
    step: 2,
    weight: 0.2,
    since: now - 20 * minute,
    requests: { stable: 530, canary: 131 },
    losses: { n: 9120, mean: -0.0021, m2: 62 },
    stableLoss: 0.4651,
    guardrails: {
      ...initial.guardrails,
      error: { canary: 1, all: 4 },
      latency: { canary: 251, all: 530 },
    },
    segments: {
      seen: {
        'origin = "ATL"': {
          requests: 214,
          guardrails: { error: { canary: 0, all: 2 }, latency: { canary: 98, all: 209 } },
        },
        'origin = "OSL"': {
          requests: 41,
          guardrails: { error: { canary: 1, all: 1 }, latency: { canary: 29, all: 36 } },
        },
      },
      rare: { requests: 64, guardrails: { latency: { canary: 30, all: 64 } } },
    },
    shadow: { rows: 1000, sumDifference: 14, sumSquare: 0.5, flips: 13, nonFinite: 0, nextLook: 1024 },
  }
  await store.putDocument('rollout', 'lateness-api', rollout as unknown as Json, now)
  await store.putDocument(
    'materialisation',
    'departures',
    { rows: 1_482_210, entities: 231, until: now - 3600_000_000 },
    now - 3600_000_000,
  )
  await store.putDocument('feature-verification', 'departures', verification(now), now - 3500_000_000)
  await store.putDocument(
    'feature-freshness',
    'departures',
    { newest: now - 9 * 3600_000_000, promise: 6 * 3600_000_000, isBroken: true },
    now,
  )

  const series: [string, number, number][] = [
    ['column:distance', 0.03, 0.006],
    ['column:departures_1h', 0.02, 0],
    ['column:mean_delay_3h', 0.05, 0.001],
    ['score', 0.02, 0.002],
  ]
  const windows = []
  for (let i = 0; i < 40; i++) {
    const from = now - (40 - i) * day
    for (const [name, level, slope] of series) {
      const psi = Math.max(0.001, level * (0.5 + random.next()) + slope * Math.max(0, i - 22))
      const body = {
        name: name.replace('column:', ''),
        rows: 16_000 + Math.floor(random.next() * 1500),
        psi,
        times: psi / 0.1,
        js: Math.sqrt(psi) / 4,
        verdict: psi > 0.1 ? 'drift' : 'ok',
        missing: { reference: 0, current: 0, change: 0 },
      }
      windows.push({ monitor: 'lateness-watch', series: name, from, to: from + day, body })
    }
    windows.push({
      monitor: 'lateness-watch',
      series: 'performance',
      from,
      to: from + day,
      body: {
        auc: { value: 0.715 - i * 0.0004 + random.next() * 0.008, lower: 0.68, upper: 0.73 },
        labelled: 14_900,
        predictions: 16_100,
        published: true,
      },
    })
  }
  await store.addWindows(windows)
  const drift = await report('drift', 'monitor lateness-watch', now - day, [
    {
      ...check('drift:distance', 'drift', 0, 16_400, { psi: 0.131 }),
      status: 'fail',
      message: 'distance: mean +0.31 sd over 3 windows',
    },
    { ...check('drift:origin', 'drift', 0, 16_400, { psi: 0.01 }) },
    { ...check('drift:output', 'drift', 0, 16_400, { psi: 0.04 }) },
  ])
  const fired = await decide(
    'alert',
    'monitor lateness-watch',
    now - day,
    'firing',
    'distance: mean +0.31 sd over 3 windows',
    { evidence: [drift], rule: { name: '2 windows in a row', statistic: 'PSI', value: 0.131, threshold: 0.1 } },
  )
  await store.putDocument(
    'alert',
    'a1',
    {
      fingerprint: 'a1',
      name: 'drift',
      severity: 'ticket',
      state: 'firing',
      summary: 'distance: mean +0.31 sd over 3 windows',
      labels: { monitor: 'lateness-watch', series: 'column:distance' },
      startsAt: now - day,
      evidence: fired,
    },
    now - day,
  )
}

/** An hour and a half of traffic, with a minute of failures and evidence that comes and goes. */
export function seedTraffic(history: TrafficHistory): void {
  const random = seeded(5)
  const now = Date.now() * 1000
  for (let back = 90; back >= 0; back--) {
    const at = now - back * minute
    const counter = new TrafficCounter()
    for (let i = 0; i < 60 + 30 * Math.sin(back / 9); i++) {
      const took = 0.4 * Math.exp(0.5 * random.normal())
      const canary = random.next() < 0.2
      counter.answered(at, { stable: canary ? 0 : 1, canary: canary ? 1 : 0 }, took + 0.3)
      const outcome = { stable: 'ok', canary: random.next() < 0.002 ? 'error' : 'ok' } as const
      const rows = { stable: 1, canary: 0 }
      counter.judged({ type: 'request', at, rows, weight: 0.2, outcome, took: { stable: took, canary: took * 1.1 } })
    }
    if (back === 41) counter.failed(at, 12)
    history.add(counter.take())
    const error = Math.max(0, 0.2 * Math.sin(back / 7))
    history.stands(at, { error, timeout: 0, latency: Math.max(0, 0.35 - back / 300) })
  }
}

/** What comparing 2,000 moments of the departures found: one of them differs. */
function verification(now: number): Json {
  const counts = { values: 2000, nulls: 0, quartiles: [0, 2, 6, 17, 64] }
  const delays = { values: 1690, nulls: 310, quartiles: [-21.5, -3.25, 4.5, 14.75, 311] }
  return {
    compared: 4000,
    mismatches: 1,
    uncovered: 0,
    features: [
      { feature: 'departures_1h', mismatches: 0, online: counts, offline: counts },
      {
        feature: 'mean_delay_3h',
        mismatches: 1,
        online: { ...delays, quartiles: [-21.5, -3.25, 4.5, 14.75, 187] },
        offline: delays,
      },
    ],
    examples: [{ key: 'JFK', at: now - 3600_000_000, feature: 'mean_delay_3h', online: 12.25, offline: 14.5 }],
  }
}
