import type { Json } from '../../internal/canonical-json.ts'
import {
  affinity,
  environmentOf,
  objectName,
  resourcesOf,
  restrictedContainer,
  restrictedPod,
  volumes,
  type Labels,
  type PodSettings,
  type Resources,
} from './pod.ts'

export interface ServingOptions {
  readonly project: string
  readonly image: string
  readonly pod: PodSettings
  readonly labels: Labels
  readonly resources: Resources
  readonly replicas: number
  /** Pods when there is much to do; as many as `replicas` where nothing scales. */
  readonly maxReplicas: number
  /** A served metric by which pods are made, besides their CPU, and how much of it one pod is for. */
  readonly scaleMetric: { readonly name: string; readonly value: string } | undefined
  /** Secret of type `kubernetes.io/tls`, by which pods speak TLS. */
  readonly tlsSecret: string | undefined
  readonly port: number
}

const probe = (path: string, tls: boolean, more: Readonly<Record<string, number>>): Json => ({
  httpGet: { path, port: 'http', ...(tls ? { scheme: 'HTTPS' } : {}) },
  timeoutSeconds: 2,
  ...more,
})

const tlsFolder = '/tls'

function deployment(options: ServingOptions, name: string, selector: Labels, labels: Labels): Json {
  const { image, port, replicas, maxReplicas, resources, pod, tlsSecret } = options
  const tls = tlsSecret !== undefined
  const { mounts, volumes: mounted } = volumes(pod)
  // State on one node, or in one SQLite file, has one server at a time: the old one goes first. With PostgreSQL and a
  // claim of many nodes a new pod answers a golden row right before an old one goes.
  const alone = pod.accessMode === 'ReadWriteOnce' || !pod.servers.some(one => one.of === 'metadata')
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels },
    spec: {
      // Where the autoscaler says how many, applying this again must not say otherwise
      ...(maxReplicas > replicas ? {} : { replicas }),
      revisionHistoryLimit: 5,
      progressDeadlineSeconds: 300,
      minReadySeconds: 5,
      strategy: alone
        ? { type: 'Recreate' }
        : { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      selector: { matchLabels: selector },
      template: {
        metadata: { labels },
        spec: {
          ...restrictedPod,
          serviceAccountName: pod.account,
          ...affinity(pod),
          terminationGracePeriodSeconds: 45,
          containers: [
            {
              name: 'serve',
              image,
              args: [
                'up',
                '--host',
                '0.0.0.0',
                '--port',
                String(port),
                '--auth',
                ...(tls ? ['--tls-cert', `${tlsFolder}/tls.crt`, '--tls-key', `${tlsFolder}/tls.key`] : []),
              ],
              ...environmentOf(pod),
              ports: [{ name: 'http', containerPort: port }],
              startupProbe: probe('/startupz', tls, { periodSeconds: 2, failureThreshold: 60 }),
              readinessProbe: probe('/readyz', tls, { periodSeconds: 5, failureThreshold: 2 }),
              livenessProbe: probe('/livez', tls, { periodSeconds: 10, failureThreshold: 3 }),
              resources: resourcesOf(resources),
              ...restrictedContainer,
              volumeMounts: [...mounts, ...(tls ? [{ name: 'tls', mountPath: tlsFolder, readOnly: true }] : [])],
            },
          ],
          volumes: [...(mounted as Json[]), ...(tls ? [{ name: 'tls', secret: { secretName: tlsSecret } }] : [])],
          ...(pod.accessMode === 'ReadWriteMany'
            ? {
                topologySpreadConstraints: [
                  {
                    maxSkew: 1,
                    topologyKey: 'kubernetes.io/hostname',
                    whenUnsatisfiable: 'ScheduleAnyway',
                    labelSelector: { matchLabels: selector },
                  },
                ],
              }
            : {}),
        },
      },
    },
  }
}

/** More pods while they are busy, by their CPU and a served metric; fewer again after a while. */
function autoscaler({ replicas, maxReplicas, scaleMetric }: ServingOptions, name: string, labels: Labels): Json {
  const byCpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } }
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name, labels },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas: replicas,
      maxReplicas,
      metrics: [
        byCpu,
        ...(scaleMetric
          ? [
              {
                type: 'Pods',
                pods: {
                  metric: { name: scaleMetric.name },
                  target: { type: 'AverageValue', averageValue: scaleMetric.value },
                },
              },
            ]
          : []),
      ],
      // A pod that has just started is busy with starting
      behavior: { scaleDown: { stabilizationWindowSeconds: 300 } },
    },
  }
}

/** Deployment, Service, PodDisruptionBudget, NetworkPolicy and, where pods come and go, HorizontalPodAutoscaler of the server. */
export function serving(options: ServingOptions): readonly Json[] {
  const { project, port, tlsSecret, replicas, maxReplicas } = options
  const several = maxReplicas > 1
  const name = objectName(project)
  const selector = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/component': 'serving' }
  const labels = { ...options.labels, ...selector }
  return [
    deployment(options, name, selector, labels),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, labels },
      spec: {
        type: 'ClusterIP',
        selector,
        ports: [
          tlsSecret === undefined
            ? { name: 'http', port: 80, targetPort: 'http' }
            : { name: 'https', port: 443, targetPort: 'http' },
        ],
      },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name, labels },
      spec: { maxUnavailable: 1, selector: { matchLabels: selector } },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name, labels },
      spec: {
        podSelector: { matchLabels: selector },
        policyTypes: ['Ingress', 'Egress'],
        // Callers carry a label; other namespaces, a gateway's for example, are let in by a policy of theirs.
        ingress: [
          {
            from: [
              { podSelector: { matchLabels: { 'millrace.dev/client': 'true' } } },
              // Those that follow ask the one that leads
              ...(several ? [{ podSelector: { matchLabels: selector } }] : []),
            ],
            ports: [{ protocol: 'TCP', port }],
          },
        ],
        egress: [
          {
            to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }],
            ports: [
              { protocol: 'UDP', port: 53 },
              { protocol: 'TCP', port: 53 },
            ],
          },
          ...(several
            ? [{ to: [{ podSelector: { matchLabels: selector } }], ports: [{ protocol: 'TCP', port }] }]
            : []),
          // Where a server stands is known to the Secret only
          ...[...new Set(options.pod.servers.map(one => one.port))].map(port => ({
            ports: [{ protocol: 'TCP', port }],
          })),
        ],
      },
    },
    ...(maxReplicas > replicas ? [autoscaler(options, name, labels)] : []),
  ]
}
