import { z } from '@hono/zod-openapi'
import { fail } from '../../errors/index.ts'
import { route } from '../route.ts'
import { Decision, limitSchema, nameSchema, Report, ReportLine } from '../schemas.ts'
import { reportLine } from './datasets.ts'

export const decisionRoutes = [
  route({
    method: 'GET',
    path: '/v1/decisions',
    permission: 'read',
    tag: 'decisions',
    summary: 'Decisions, newest first',
    query: z.strictObject({
      limit: limitSchema.optional(),
      kind: z
        .enum(['gate', 'trigger', 'rollout', 'contest', 'alert', 'promotion', 'quarantine', 'access', 'search'])
        .optional(),
      subject: nameSchema.optional(),
    }),
    answer: z.object({ decisions: z.array(Decision) }),
    async handler({ query: { limit = 100, kind, subject } }, { workspace: { store } }) {
      const filter = { limit, ...(kind ? { kind } : {}), ...(subject ? { subject } : {}) }
      return { decisions: await store.listDecisions(filter) }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/decisions/{id}',
    permission: 'read',
    tag: 'decisions',
    summary: 'One decision',
    answer: Decision,
    async handler({ params: { id = '' } }, { workspace: { store } }) {
      const found = await store.getDecision(id)
      if (!found) throw fail('recordUnknown', { kind: 'decision', name: id, where: 'GET /v1/decisions' })
      return found
    },
  }),
  route({
    method: 'GET',
    path: '/v1/reports',
    permission: 'read',
    tag: 'decisions',
    summary: 'Reports without their checks, newest first',
    query: z.strictObject({
      limit: limitSchema.optional(),
      kind: z.enum(['validation', 'scaler', 'model', 'drift', 'canary', 'export']).optional(),
      subject: nameSchema.optional(),
    }),
    answer: z.object({ reports: z.array(ReportLine) }),
    async handler({ query: { limit = 100, kind, subject } }, { workspace: { store } }) {
      const filter = { limit, ...(kind ? { kind } : {}), ...(subject ? { subject } : {}) }
      return { reports: (await store.listReports(filter)).map(reportLine) }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/reports/{id}',
    permission: 'read',
    tag: 'decisions',
    summary: 'One report with all its checks',
    answer: Report,
    async handler({ params: { id = '' } }, { workspace: { store } }) {
      const found = await store.getReport(id)
      if (!found) throw fail('recordUnknown', { kind: 'report', name: id, where: 'GET /v1/reports' })
      return found
    },
  }),
]
