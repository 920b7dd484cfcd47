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
  readonly port: number
}

const probe = (path: string, more: Readonly<Record<string, number>>): Json => ({
  httpGet: { path, port: 'http' },
  timeoutSeconds: 2,
  ...more,
})

function deployment(options: ServingOptions, name: string, selector: Labels, labels: Labels): Json {
  const { image, port, replicas, resources, pod } = options
  const { mounts, volumes: mounted } = volumes(pod)
  // State on one node, or in one SQLite file, has one server at a time: the old one goes first. With PostgreSQL and a
  // claim of many nodes a new pod answers a golden row right before an old one goes.
  const alone = pod.accessMode === 'ReadWriteOnce' || pod.store === undefined
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels },
    spec: {
      replicas,
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
          ...affinity(pod),
          terminationGracePeriodSeconds: 45,
          containers: [
            {
              name: 'serve',
              image,
              args: ['up', '--host', '0.0.0.0', '--port', String(port), '--auth'],
              ...environmentOf(pod),
              ports: [{ name: 'http', containerPort: port }],
              startupProbe: probe('/startupz', { periodSeconds: 2, failureThreshold: 60 }),
              readinessProbe: probe('/readyz', { periodSeconds: 5, failureThreshold: 2 }),
              livenessProbe: probe('/livez', { periodSeconds: 10, failureThreshold: 3 }),
              resources: resourcesOf(resources),
              ...restrictedContainer,
              volumeMounts: mounts,
            },
          ],
          volumes: mounted,
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

/** Deployment, Service, PodDisruptionBudget and NetworkPolicy of the server. */
export function serving(options: ServingOptions): readonly Json[] {
  const { project, port } = options
  const name = objectName(project)
  const selector = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/component': 'serving' }
  const labels = { ...options.labels, ...selector }
  return [
    deployment(options, name, selector, labels),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, labels },
      spec: { type: 'ClusterIP', selector, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
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
              ...(options.replicas > 1 ? [{ podSelector: { matchLabels: selector } }] : []),
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
          ...(options.replicas > 1
            ? [{ to: [{ podSelector: { matchLabels: selector } }], ports: [{ protocol: 'TCP', port }] }]
            : []),
          // Where PostgreSQL stands is known to its Secret only
          ...databasePorts(options.pod).map(port => ({ ports: [{ protocol: 'TCP', port }] })),
        ],
      },
    },
  ]
}

/** Ports of the servers that the project keeps its state on. */
const databasePorts = ({ store, online }: PodSettings): number[] => [
  ...new Set([...(store ? [5432] : []), ...(online ? [online.port] : [])]),
]
