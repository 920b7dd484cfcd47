import { expect, test } from 'vitest'
import { dataset, deployment, gbt, model, parquet, project, t } from '../../index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { baseFile, renderObjects, renderYaml } from './render.ts'

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

test('the server is probed, and found by its Service', () => {
  const [deployed, service, budget, policy] = rendered['serving.yaml'] as [Kind, Kind, Kind, Kind]
  expect(deployed).toMatchObject({
    spec: {
      strategy: { type: 'Recreate' },
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

const shared = project(
  'flights',
  { late, api: deployment('api', { model: late }) },
  { metadata: { kind: 'postgres', urlFrom: 'PG_URL' } },
)

test('pods that share a claim of one node are brought to that node, and one server writes at a time', () => {
  const term = (one: Pod): unknown =>
    (one.affinity as { podAffinity?: { requiredDuringSchedulingIgnoredDuringExecution: Kind[] } } | undefined)
      ?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  for (const pod of pods)
    expect(term(pod)).toEqual([
      {
        topologyKey: 'kubernetes.io/hostname',
        labelSelector: { matchLabels: { 'app.kubernetes.io/name': 'flights' } },
      },
    ])
  // The term must match the pods themselves, or the first of them could never start
  for (const file of ['train-late-v2.yaml', 'serving.yaml']) {
    expect(rendered[file]?.[0]).toMatchObject({
      spec: { template: { metadata: { labels: { 'app.kubernetes.io/name': 'flights' } } } },
    })
  }
  // Two servers at once would have to open one SQLite file
  expect(rendered['serving.yaml']?.[0]).toMatchObject({ spec: { strategy: { type: 'Recreate' } } })
})

test('with PostgreSQL and a claim of many nodes, servers are many and replaced without a gap', () => {
  const many = renderObjects(shared, { image, replicas: 3, accessMode: 'ReadWriteMany' })
  expect(many['state.yaml']?.map(one => (one as { spec: Kind }).spec.accessModes)).toEqual([
    ['ReadWriteMany'],
    ['ReadWriteMany'],
  ])
  const [deployed, , , policy] = many['serving.yaml'] as [Kind, Kind, Kind, Kind]
  expect(deployed).toMatchObject({
    spec: {
      replicas: 3,
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        spec: {
          containers: [
            { env: [{ name: 'PG_URL', valueFrom: { secretKeyRef: { name: 'flights-store', key: 'PG_URL' } } }] },
          ],
        },
      },
    },
  })
  expect(JSON.stringify(deployed)).not.toContain('podAffinity')
  expect(JSON.stringify(policy)).toContain('5432')
  // One that follows asks the one that leads
  const own = {
    podSelector: { matchLabels: { 'app.kubernetes.io/name': 'flights', 'app.kubernetes.io/component': 'serving' } },
  }
  const ports = [{ protocol: 'TCP', port: 8080 }]
  const among = {
    ingress: [{ from: expect.arrayContaining([own]), ports }],
    egress: expect.arrayContaining([{ to: [own], ports }]),
  }
  expect(policy).toMatchObject({ spec: among })
  const [, , , alone] = renderObjects(shared, { image })['serving.yaml'] as [Kind, Kind, Kind, Kind]
  expect(JSON.stringify((alone as { spec: Kind }).spec.ingress)).not.toContain(
    '"app.kubernetes.io/component":"serving"',
  )
})

test('the URL of an online store on a server comes from the same Secret, and its port may be reached', () => {
  const onServer = project(
    'flights',
    { late, api: deployment('api', { model: late }) },
    { online: { kind: 'redis', urlFrom: 'REDIS_URL' } },
  )
  const made = renderObjects(onServer, { image })
  const [deployed, , , policy] = made['serving.yaml'] as [Kind, Kind, Kind, Kind]
  expect(deployed).toMatchObject({
    spec: {
      // The records of runs are still in a file of its own
      strategy: { type: 'Recreate' },
      template: {
        spec: {
          containers: [
            { env: [{ name: 'REDIS_URL', valueFrom: { secretKeyRef: { name: 'flights-store', key: 'REDIS_URL' } } }] },
          ],
        },
      },
    },
  })
  expect(JSON.stringify(policy)).toContain('6379')
})

const busy = { image, replicas: 2, maxReplicas: 8, accessMode: 'ReadWriteMany' } as const

test('pods are made by CPU and a served metric, and applying it again leaves their number alone', () => {
  const made = renderObjects(shared, { ...busy, scaleMetric: 'http_requests_per_second=200' })
  const [deployed, , , policy, scaler] = made['serving.yaml'] as [Kind, Kind, Kind, Kind, Kind]
  expect(deployed.spec).not.toHaveProperty('replicas')
  expect(scaler).toMatchObject({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    spec: {
      scaleTargetRef: { kind: 'Deployment', name: (deployed.metadata as { name: string }).name },
      minReplicas: 2,
      maxReplicas: 8,
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { averageUtilization: 70 } } },
        {
          type: 'Pods',
          pods: { metric: { name: 'http_requests_per_second' }, target: { type: 'AverageValue', averageValue: '200' } },
        },
      ],
    },
  })
  // One pod of one is asked by nobody; of many that may come each other one may ask
  expect(JSON.stringify(policy)).toContain('"app.kubernetes.io/component":"serving"}}}]')
  const steady = renderObjects(shared, { ...busy, maxReplicas: 2 })['serving.yaml'] as Kind[]
  expect([steady.length, (steady[0] as { spec: Kind }).spec.replicas]).toEqual([4, 2])
})

test('a pod that speaks TLS is probed by it, and its Service names it', () => {
  const [deployed, service] = renderObjects(shared, { image, tlsSecret: 'flights-tls' })['serving.yaml'] as [Kind, Kind]
  const { containers, volumes: mounted } = (deployed.spec as { template: { spec: Pod } }).template.spec
  const [serve] = containers
  expect(serve?.args).toEqual(expect.arrayContaining(['--tls-cert', '/tls/tls.crt', '--tls-key', '/tls/tls.key']))
  for (const of of ['startupProbe', 'readinessProbe', 'livenessProbe'])
    expect(serve?.[of]).toMatchObject({ httpGet: { scheme: 'HTTPS', port: 'http' } })
  expect(serve?.volumeMounts).toContainEqual({ name: 'tls', mountPath: '/tls', readOnly: true })
  expect(mounted).toContainEqual({ name: 'tls', secret: { secretName: 'flights-tls' } })
  expect(service).toMatchObject({ spec: { ports: [{ name: 'https', port: 443, targetPort: 'http' }] } })
})

test('a Prometheus that rollouts ask is told of, with its token, and may be reached', () => {
  const asking = project(
    'flights',
    { late, api: deployment('api', { model: late }) },
    { prometheus: { urlFrom: 'PROM_URL', tokenFrom: 'PROM_TOKEN' } },
  )
  const [deployed, , , policy] = renderObjects(asking, { image })['serving.yaml'] as [Kind, Kind, Kind, Kind]
  const from = (key: string): Json => ({ name: key, valueFrom: { secretKeyRef: { name: 'flights-store', key } } })
  expect(deployed).toMatchObject({
    spec: {
      strategy: { type: 'Recreate' },
      template: { spec: { containers: [{ env: [from('PROM_URL'), from('PROM_TOKEN')] }] } },
    },
  })
  expect(JSON.stringify(policy)).toContain('9090')
})

test('the folder is a base of all of its objects, which run as an account of their own', () => {
  const { [baseFile]: base, ...rest } = rendered
  expect(base).toMatchObject([{ kind: 'Kustomization', resources: Object.keys(rest) }])
  expect(rest['account.yaml']).toMatchObject([{ kind: 'ServiceAccount', metadata: { name: 'flights' } }])
  for (const pod of pods) expect(pod.serviceAccountName).toBe('flights')
})

test('data is mounted where the sources are, read only, and each pod has online records of its own', () => {
  for (const pod of pods) {
    const [{ volumeMounts }] = pod.containers as unknown as [{ volumeMounts: Kind[] }]
    expect(volumeMounts).toContainEqual({ name: 'data', mountPath: '/app/data', subPath: 'data', readOnly: true })
    expect(pod.volumes).toContainEqual({
      name: 'data',
      persistentVolumeClaim: { claimName: 'flights-data', readOnly: true },
    })
    expect(pod.volumes).toContainEqual({ name: 'online', emptyDir: { sizeLimit: '4Gi' } })
  }
})

test('refuses what would lose data or run another image', () => {
  expect(() => renderObjects(sample, { image, replicas: 2 })).toThrow(expect.objectContaining({ code: 'MR3340' }))
  const shareless = { image, replicas: 2 }
  expect(() => renderObjects(shared, shareless)).toThrow(expect.objectContaining({ code: 'MR3340' }))
  expect(() => renderObjects(sample, { image, accessMode: 'ReadOnlyMany' as never })).toThrow(/no access mode/)
  const not = (of: typeof sample, options: object, reason: RegExp) =>
    expect(() => renderObjects(of, { image, ...options })).toThrow(
      expect.objectContaining({ code: 'MR3340', message: expect.stringMatching(reason) as string }),
    )
  not(sample, { maxReplicas: 2 }, /one SQLite file/)
  not(shared, { maxReplicas: 2 }, /volume of one node/)
  not(shared, { ...busy, maxReplicas: 1 }, /at most 1 replicas/)
  not(shared, { ...busy, maxReplicas: 2.5 }, /at most 2\.5 replicas/)
  not(shared, { ...busy, scaleMetric: 'requests' }, /no metric with its value/)
  not(shared, { ...busy, maxReplicas: 2, scaleMetric: 'a=1' }, /nothing is scaled/)
  not(shared, { ...busy, tlsSecret: 'tls' }, /no certificate names/)
  not(sample, { tlsSecret: 'T LS' }, /no name of a Secret/)
  const loud = project('flights', { late, api: deployment('api', { model: late }) }, { serve: { grpcPort: 9000 } })
  not(loud, { tlsSecret: 'tls' }, /grpcPort goes without TLS/)
  expect(() => renderObjects(sample, { image: 'a b' })).toThrow(expect.objectContaining({ code: 'MR3340' }))
})

test('the same project gives the same text', () => {
  expect(renderYaml(renderObjects(sample, { image }))).toEqual(renderYaml(rendered))
  expect(renderYaml(rendered)['serving.yaml']?.split('---\n')).toHaveLength(4)
})
