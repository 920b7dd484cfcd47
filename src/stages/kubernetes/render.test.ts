import { expect, test } from 'vitest'
import { dataset, deployment, gbt, model, parquet, project, t } from '../../index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { renderObjects, renderYaml } from './render.ts'

const rows = dataset('rows', {
  source: parquet('data/*.parquet'),
  columns: { at: t.timestamp('UTC'), a: t.int(), y: t.int() },
  eventTime: 'at',
})
const late = model('late.v2', {
  task: 'binary',
  from: rows,
  label: c => c.y.gt(0),
  inputs: c => ({ a: c.a }),
  split: { by: 'time', train: '7d', test: '1d' },
  train: gbt({ trees: 5 }),
})
const sample = project('flights', { late, api: deployment('api', { model: late }) })
const image = `registry.example.org/flights@sha256:${'a'.repeat(64)}`
const rendered = renderObjects(sample, { image })
const objects = Object.values(rendered).flat() as Record<string, Json>[]

type Kind = Record<string, Json>

interface Pod {
  readonly [key: string]: Json
  readonly securityContext: Record<string, Json>
  readonly containers: { readonly [key: string]: Json; readonly securityContext: Record<string, Json> }[]
  readonly volumes: Record<string, Json>[]
}

const pods = objects
  .filter(one => one.kind === 'Job' || one.kind === 'Deployment')
  .map(one => (one.spec as { template: { spec: Pod } }).template.spec)

/** What the restricted Pod Security profile refuses. */
function complaints(pod: Pod): string[] {
  const found: string[] = []
  const allowed = [
    'configMap',
    'csi',
    'downwardAPI',
    'emptyDir',
    'ephemeral',
    'persistentVolumeClaim',
    'projected',
    'secret',
  ]
  for (const key of ['hostNetwork', 'hostPID', 'hostIPC']) if (pod[key]) found.push(key)
  for (const { name: _name, ...kinds } of pod.volumes)
    for (const kind of Object.keys(kinds)) if (!allowed.includes(kind)) found.push(`volume ${kind}`)
  for (const { securityContext, ports = [] } of pod.containers) {
    if (securityContext.allowPrivilegeEscalation !== false) found.push('allowPrivilegeEscalation')
    if (securityContext.privileged) found.push('privileged')
    if (JSON.stringify(securityContext.capabilities) !== '{"drop":["ALL"]}') found.push('capabilities')
    const nonRoot = securityContext.runAsNonRoot ?? pod.securityContext.runAsNonRoot
    if (nonRoot !== true || pod.securityContext.runAsUser === 0) found.push('root')
    const profile = (securityContext.seccompProfile ?? pod.securityContext.seccompProfile) as { type?: string }
    if (profile?.type !== 'RuntimeDefault') found.push('seccompProfile')
    for (const port of ports as { hostPort?: number }[]) if (port.hostPort) found.push('hostPort')
  }
  return found
}

test('every pod keeps the restricted profile, a read-only root and no token', () => {
  expect(pods).toHaveLength(2)
  for (const pod of pods) {
    expect(complaints(pod)).toEqual([])
    expect(pod.automountServiceAccountToken).toBe(false)
    for (const { securityContext, resources } of pod.containers) {
      expect(securityContext.readOnlyRootFilesystem).toBe(true)
      expect(resources).toMatchObject({ requests: { cpu: expect.any(String) }, limits: { memory: expect.any(String) } })
    }
  }
  const [first] = pods
  if (first) expect(complaints({ ...first, hostNetwork: true, securityContext: {} })).toContain('hostNetwork')
})

test('a training Job leaves retries to the engine and ends on a no', () => {
  expect(rendered['train-late-v2.yaml']?.[0]).toMatchObject({
    metadata: { name: 'train-late-v2' },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: 14_400,
      ttlSecondsAfterFinished: 3600,
      podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { values: [10, 64] } }, { action: 'Ignore' }] },
      template: { spec: { restartPolicy: 'Never', containers: [{ args: ['train', 'late.v2'], image }] } },
    },
  })
})

test('the server is probed, replaced without a gap, and found by its Service', () => {
  const [deployed, service, budget, policy] = rendered['serving.yaml'] as [Kind, Kind, Kind, Kind]
  expect(deployed).toMatchObject({
    spec: {
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        spec: {
          containers: [
            {
              startupProbe: { httpGet: { path: '/startupz' } },
              readinessProbe: { httpGet: { path: '/readyz' } },
              livenessProbe: { httpGet: { path: '/livez' } },
            },
          ],
        },
      },
    },
  })
  const labels = (deployed.spec as { template: { metadata: { labels: object } } }).template.metadata.labels
  expect(labels).toMatchObject((service.spec as { selector: object }).selector)
  expect([service.kind, budget.kind, policy.kind]).toEqual(['Service', 'PodDisruptionBudget', 'NetworkPolicy'])
})

test('refuses what would lose data or run another image', () => {
  expect(() => renderObjects(sample, { image, replicas: 2 })).toThrow(expect.objectContaining({ code: 'MR3340' }))
  expect(() => renderObjects(sample, { image: 'a b' })).toThrow(expect.objectContaining({ code: 'MR3340' }))
})

test('the same project gives the same text', () => {
  expect(renderYaml(renderObjects(sample, { image }))).toEqual(renderYaml(rendered))
  expect(renderYaml(rendered)['serving.yaml']?.split('---\n')).toHaveLength(4)
})
