import { z } from '@hono/zod-openapi'
import type {
  ContestView,
  ReportLine as ReportLineAnswer,
  RolloutEvidence,
  Traffic as TrafficAnswer,
} from './api-types.ts'

/** Shapes of the control plane's answers, for the OpenAPI document. Times are microseconds since 1970 UTC. */
const json = z.unknown()
const record = z.record(z.string(), json)

/** Names stand in tables, logs and command lines: one line of Unicode text. */
export const nameSchema = z
  .string()
  .min(1)
  .max(200)
  // as every dialect of expressions writes it: validators of the document are written in other languages
  // oxlint-disable-next-line no-control-regex -- they are what is refused
  .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, 'holds control characters')
  .refine(text => !/\p{Cs}/u.test(text), 'holds half a character')
export const limitSchema = z.coerce.number().int().min(1).max(1000)

export const Decision = z
  .object({
    id: z.string(),
    kind: z.enum(['gate', 'trigger', 'rollout', 'contest', 'alert', 'promotion', 'quarantine', 'access', 'search']),
    subject: z.string(),
    at: z.number(),
    verdict: z.string(),
    reason: z.string(),
    rule: z.object({
      name: z.string(),
      statistic: z.string().optional(),
      value: json.optional(),
      threshold: json.optional(),
    }),
    inputs: record,
    evidence: z.array(z.string()),
    actor: z.string(),
  })
  .openapi('Decision')

export const Check = z
  .object({
    id: z.string(),
    kind: z.string(),
    target: record,
    severity: z.enum(['critical', 'warning', 'info']),
    status: z.enum(['pass', 'warn', 'fail', 'error', 'skipped']),
    observed: record,
    evaluated: z.number(),
    bad: z.number(),
    threshold: z.string(),
    declared: z.string().optional(),
    message: z.string(),
    sample: z.array(record).optional(),
  })
  .openapi('Check')

export const Report = z
  .object({
    id: z.string(),
    kind: z.enum(['validation', 'scaler', 'model', 'drift', 'canary', 'export']),
    subject: z.string(),
    runId: z.string().optional(),
    at: z.number(),
    status: z.enum(['pass', 'warn', 'fail', 'error', 'skipped']),
    checks: z.array(Check),
    evidence: record,
  })
  .openapi('Report')

/** One evaluation without its checks, for histories. */
export const ReportLine: z.ZodType<ReportLineAnswer> = z
  .object({
    id: z.string(),
    kind: z.string(),
    subject: z.string(),
    runId: z.string().nullable(),
    at: z.number(),
    status: z.string(),
    evaluated: z.number(),
    bad: z.number(),
    failed: z.number(),
    part: z.string().nullable(),
    evidence: record,
  })
  .openapi('ReportLine')

export const Job = z
  .object({
    id: z.string(),
    useCase: z.string(),
    input: z.record(z.string(), z.unknown()),
    actor: z.string(),
    at: z.number(),
    status: z.enum(['queued', 'running', 'done', 'failed', 'cancelled', 'lost']),
    endedAt: z.number().nullable(),
    /** What the use case answers; null until it is done. */
    answer: z.unknown().nullable(),
    /** Problem details; null unless it failed. */
    error: z.unknown().nullable(),
  })
  .openapi('Job')

export const Run = z
  .object({
    id: z.string(),
    kind: z.enum(['pipeline', 'tracking', 'score']),
    name: z.string(),
    status: z.enum(['queued', 'running', 'stopped', 'succeeded', 'failed', 'cancelled']),
    trigger: z.string(),
    startedAt: z.number(),
    endedAt: z.number().optional(),
    environment: record,
    parameters: record,
    error: record.optional(),
    trial: z.string().optional(),
  })
  .openapi('Run')

export const Step = z
  .object({
    runId: z.string(),
    step: z.string(),
    status: z.enum(['pending', 'running', 'succeeded', 'reused', 'failed', 'skipped', 'cancelled']),
    attempt: z.number(),
    reason: z.string().optional(),
    reusedFrom: z.string().optional(),
    startedAt: z.number().optional(),
    endedAt: z.number().optional(),
    outputs: record.optional(),
    error: record.optional(),
  })
  .openapi('Step')

export const ModelVersion = z
  .object({
    model: z.string(),
    version: z.number(),
    digest: z.string(),
    runId: z.string(),
    createdAt: z.number(),
    metrics: z.record(z.string(), z.number()),
    facts: record,
    tags: z.record(z.string(), z.string()),
  })
  .openapi('ModelVersion')

export const Evidence: z.ZodType<RolloutEvidence> = z
  .object({
    ramp: z.array(z.number()),
    guardrails: z.array(
      z.object({ name: z.string(), canary: z.number(), all: z.number(), logE: z.number(), limit: z.number() }),
    ),
    segments: z.array(
      z.object({
        segment: z.string().nullable(),
        kind: z.string(),
        requests: z.number(),
        canary: z.number(),
        all: z.number(),
        logE: z.number(),
        limit: z.number(),
      }),
    ),
    loss: z
      .object({ rows: z.number(), mean: z.number(), lower: z.number(), upper: z.number(), allowed: z.number() })
      .nullable(),
    metrics: z.array(
      z.object({
        name: z.string(),
        stable: z.object({ n: z.number(), mean: z.number() }),
        canary: z.object({ n: z.number(), mean: z.number() }),
        worse: z.number(),
        lower: z.number().nullable(),
        upper: z.number().nullable(),
        allowed: z.number(),
        verdict: z.enum(['against', 'for', 'open']),
      }),
    ),
    queries: z.array(
      z.object({
        name: z.string(),
        min: z.number().nullable(),
        max: z.number().nullable(),
        value: z.number().nullable(),
        at: z.number().nullable(),
        failures: z.number(),
        allowed: z.number(),
        verdict: z.enum(['holds', 'beyond', 'open']),
        says: z.string(),
      }),
    ),
    shadow: z.object({ rows: z.number(), needed: z.number(), meanDifference: z.number(), flips: z.number() }),
  })
  .openapi('RolloutEvidence')

export const Contest: z.ZodType<ContestView> = z
  .object({
    stable: z.string(),
    since: z.number(),
    until: z.number(),
    phase: z.enum(['running', 'chosen', 'ended']),
    chosen: z.string().nullable(),
    challengers: z.array(
      z.object({
        challenger: z.string(),
        version: z.number(),
        standing: z.enum(['better', 'not worse', 'open', 'out']),
        evidence: Evidence,
      }),
    ),
  })
  .openapi('Contest')

const milliseconds = z.number().nullable()
const ArmFigures = z.object({
  rows: z.number(),
  asked: z.number(),
  errors: z.number(),
  timeouts: z.number(),
  p50: milliseconds,
  p99: milliseconds,
})

export const Traffic: z.ZodType<TrafficAnswer> = z
  .object({
    step: z.number(),
    points: z.array(
      z.object({
        at: z.number(),
        rows: z.number(),
        failed: z.number(),
        p50: milliseconds,
        p99: milliseconds,
        evidence: z.record(z.string(), z.number()).nullable(),
      }),
    ),
    all: z.object({ rows: z.number(), failed: z.number(), p50: milliseconds, p99: milliseconds }),
    arms: z.object({ stable: ArmFigures, canary: ArmFigures }),
  })
  .openapi('Traffic')

export const DeploymentView = z
  .object({
    name: z.string(),
    model: z.string(),
    definition: json,
    status: record.nullable(),
    health: z.object({ ready: z.boolean(), reasons: z.array(z.string()) }).nullable(),
    rollout: record.nullable(),
    evidence: Evidence.nullable(),
    contest: Contest.nullable(),
    decisions: z.array(Decision),
  })
  .openapi('Deployment')

export const Window = z.object({ series: z.string(), from: z.number(), to: z.number(), body: record }).openapi('Window')

export const Edge = z.object({ from: z.string(), to: z.string(), relation: z.string() }).openapi('Edge')

export const Stage = z
  .object({
    id: z.string(),
    title: z.string(),
    state: z.enum(['idle', 'ok', 'running', 'warn', 'fail']),
    figure: z.object({ value: z.string(), label: z.string() }).nullable(),
    at: z.number().nullable(),
    decision: Decision.nullable(),
    /** Command that fills an idle stage. */
    command: z.string(),
  })
  .openapi('Stage')

export const Problem = z
  .object({
    type: z.string(),
    code: z.string(),
    title: z.string(),
    hint: z.string(),
    status: z.number(),
    details: record,
  })
  .openapi('Problem')
