import { z } from '@hono/zod-openapi'
import type { Deployment } from '../../define/deployment.ts'
import { compileDefinition } from '../../define/project.ts'
import { fail } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { RolloutCommand } from '../../stages/deploy/rollout/index.ts'
import type { ServedDeployment } from '../../stages/serve/types.ts'
import { contestView } from '../contest-view.ts'
import { rolloutEvidence } from '../rollout-evidence.ts'
import { trafficOf } from '../traffic-figures.ts'
import { liveRoute } from '../route.ts'
import { DeploymentView, Traffic } from '../schemas.ts'
import type { ServerServices } from '../services.ts'

async function view(name: string, declared: Deployment | undefined, services: ServerServices): Promise<unknown> {
  const { store } = services.workspace
  const served = services.serving.get(name)
  const status = served?.status()
  const stable = await store.getDocument<Json>('deployment', name)
  const rollout = await store.getDocument<Json>('rollout', name)
  // what this process serves is fresher than its last stored state
  const state = status?.rollout ?? rollout?.value ?? null
  const contest = await store.getDocument<Json>('contest', name)
  const decisions = await store.listDecisions({ subject: `deployment ${name}`, limit: 50 })
  return {
    name,
    model: declared?.model.name ?? status?.model ?? null,
    definition: declared ? compileDefinition(declared) : null,
    status: status ?? null,
    stored: stable ? { at: stable.at, ...(stable.value as Record<string, Json>) } : null,
    health: served?.health() ?? null,
    rollout: state,
    evidence: rolloutEvidence(state),
    contest: contestView(status?.contest ?? contest?.value ?? null),
    decisions,
  }
}

export function servedOf({ serving }: ServerServices, name: string): ServedDeployment {
  const found = serving.get(name)
  if (!found) throw fail('recordUnknown', { kind: 'deployment', name, where: 'GET /v1/deployments' })
  return found
}

/** Why, in the operator's words. */
const reason = z.string().trim().min(1).max(1000).optional()

const command = (verb: RolloutCommand, summary: string) =>
  liveRoute({
    method: 'POST',
    path: `/v1/deployments/{name}:${verb}`,
    byLeader: true,
    permission: verb === 'approve' ? 'approve' : 'operate',
    tag: 'deployments',
    summary,
    body: z.strictObject({ reason }),
    answer: DeploymentView,
    async handler({ params: { name = '' }, body, actor }, services) {
      await servedOf(services, name).command(verb, actor, body.reason)
      services.bus.publish('rollout', { id: name, command: verb })
      return view(name, services.workspace.project.deployments.get(name), services)
    },
  })

export const deploymentRoutes = [
  liveRoute({
    method: 'GET',
    path: '/v1/deployments',
    byLeader: true,
    permission: 'read',
    tag: 'deployments',
    summary: 'Deployments with what they serve, their rollout and its evidence',
    answer: z.object({ deployments: z.array(DeploymentView) }),
    async handler(_, services) {
      const { project } = services.workspace
      const names = new Set([...project.deployments.keys(), ...services.serving.list().map(one => one.name)])
      const views = [...names].map(name => view(name, project.deployments.get(name), services))
      return { deployments: await Promise.all(views) }
    },
  }),
  liveRoute({
    method: 'GET',
    path: '/v1/deployments/{name}',
    byLeader: true,
    permission: 'read',
    tag: 'deployments',
    summary: 'One deployment',
    answer: DeploymentView,
    async handler({ params: { name = '' } }, services) {
      const declared = services.workspace.project.deployments.get(name)
      if (!declared) servedOf(services, name)
      return view(name, declared, services)
    },
  }),
  liveRoute({
    method: 'GET',
    path: '/v1/deployments/{name}/traffic',
    byLeader: true,
    permission: 'read',
    tag: 'deployments',
    summary: 'Requests, errors and latencies of the last hours, of both arms, over restarts and all instances',
    query: z.strictObject({ hours: z.coerce.number().int().min(1).max(48).optional() }),
    answer: Traffic,
    handler: async ({ params: { name = '' }, query: { hours = 3 } }, services) =>
      trafficOf(servedOf(services, name), hours),
  }),
  command('promote', 'Gives the challenger all traffic now'),
  command('abort', 'Gives the stable version all traffic again and ends the rollout, or the contest'),
  command('pause', 'Holds the rollout at its weight'),
  command('resume', 'Lets a held rollout go on'),
  command('approve', 'Lets a rollout go on that waits for a person'),
  liveRoute({
    method: 'POST',
    path: '/v1/deployments/{name}:undeploy',
    byLeader: true,
    permission: 'operate',
    tag: 'deployments',
    summary: 'Ends a deployment: its name answers no more; its versions stay',
    answer: z.object({ name: z.string(), ended: z.boolean() }),
    async handler({ params: { name = '' }, actor }, services) {
      servedOf(services, name)
      await services.serving.end(name, actor)
      services.bus.publish('rollout', { id: name, command: 'undeploy' })
      return { name, ended: true }
    },
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/deployments/{name}:rollout',
    byLeader: true,
    permission: 'operate',
    tag: 'deployments',
    summary: 'Starts a rollout of a model version as challenger',
    body: z.strictObject({ version: z.int().min(1) }),
    answer: DeploymentView,
    async handler({ params: { name = '' }, body, actor }, services) {
      await servedOf(services, name).rollOut(body.version, actor)
      services.bus.publish('rollout', { id: name, command: 'rollout', version: body.version })
      return view(name, services.workspace.project.deployments.get(name), services)
    },
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/deployments/{name}:contest',
    byLeader: true,
    permission: 'operate',
    tag: 'deployments',
    summary: 'Begins to compare several versions with the stable one, on the requests that it answers',
    body: z.strictObject({ versions: z.array(z.int().min(1)).min(1).max(100) }),
    answer: DeploymentView,
    async handler({ params: { name = '' }, body }, services) {
      await servedOf(services, name).startContest(body.versions)
      services.bus.publish('rollout', { id: name, command: 'contest', versions: body.versions })
      return view(name, services.workspace.project.deployments.get(name), services)
    },
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/deployments/{name}:choose',
    byLeader: true,
    permission: 'operate',
    tag: 'deployments',
    summary: 'Takes one of the versions that are compared, whatever the evidence says: its rollout begins',
    body: z.strictObject({ version: z.int().min(1), reason }),
    answer: DeploymentView,
    async handler({ params: { name = '' }, body, actor }, services) {
      await servedOf(services, name).choose(body.version, actor, body.reason)
      services.bus.publish('rollout', { id: name, command: 'choose', version: body.version })
      return view(name, services.workspace.project.deployments.get(name), services)
    },
  }),
]
