import type { Project } from '../../define/project.ts'
import { fail } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { yamlDocuments } from '../../internal/yaml.ts'
import { objectName, type AccessMode, type PodSettings, type Resources, type ToldServer } from './pod.ts'
import { serving } from './serving.ts'
import { trainingJob } from './training-job.ts'

export interface RenderOptions {
  /** The image of the project; by digest, so that what runs is what was tested. */
  readonly image: string
  /** Name of the claim that `.millrace` lies on. Default `<project>-state`. */
  readonly claim?: string
  /** How pods share that claim. Default `ReadWriteOnce`: all pods of the project on one node, one server at a time. */
  readonly accessMode?: AccessMode
  /** Pods that serve. Default 1: state on one machine has one writer; more need PostgreSQL and `ReadWriteMany`. */
  readonly replicas?: number
  /** Pods that serve when there is much to do, made by an autoscaler. Default as many as `replicas`: none. */
  readonly maxReplicas?: number
  /** A served metric by which pods are made besides their CPU, with how much of it one pod is for: `name=value`. */
  readonly scaleMetric?: string
  /** Secret of type `kubernetes.io/tls` by which the pod speaks TLS itself. Default: plain HTTP behind what ends TLS. */
  readonly tlsSecret?: string
  /** Default 8080. */
  readonly port?: number
  /** Most seconds of a training run. Default 14,400. */
  readonly deadline?: number
  readonly training?: Resources
  readonly serving?: Resources
}

/** The file by which a folder is a base for kustomize. */
export const baseFile = 'kustomization.yaml'

/** Files by name, each with one or more Kubernetes objects. */
export type Manifests = Readonly<Record<string, readonly Json[]>>

/** The objects of a project: a training Job for each model, and the server when something is deployed. */
export function renderObjects(project: Project, options: RenderOptions): Manifests {
  const { image, replicas = 1, port = 8080, deadline = 14_400, accessMode = 'ReadWriteOnce', tlsSecret } = options
  const { maxReplicas = replicas } = options
  const scaleMetric = options.scaleMetric === undefined ? undefined : metricOf(options.scaleMetric)
  checkServing(project, options)
  if (!/^[\w.:/@-]+$/.test(image)) refuse(`'${image}' is not an image`, 'Give --image registry/name@sha256:….')
  const name = objectName(project.name)
  const claim = options.claim ?? objectName(name, 'state')
  const labels = {
    'app.kubernetes.io/name': name,
    'app.kubernetes.io/managed-by': 'millrace',
    'millrace.dev/project': project.name,
  }
  const folders = dataFolders(project)
  const data = { claim: objectName(name, 'data'), folders }
  const pod: PodSettings = {
    claim,
    accessMode,
    data,
    selector: { 'app.kubernetes.io/name': name },
    servers: serversOf(project),
    secret: objectName(name, 'store'),
    account: name,
  }
  const common = { project: project.name, image, pod, labels }
  const jobs = [...project.models.keys()].map(model => [
    `${objectName('train', model)}.yaml`,
    [trainingJob({ ...common, model, deadline, resources: options.training ?? { cpu: '2', memory: '4Gi' } })],
  ])
  const storage = (of: string): Json => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: of, labels },
    spec: { accessModes: [accessMode], resources: { requests: { storage: '20Gi' } } },
  })
  const served = serving({
    ...common,
    replicas,
    maxReplicas,
    scaleMetric,
    tlsSecret,
    port,
    resources: options.serving ?? { cpu: '500m', memory: '1Gi' },
  })
  const account: Json = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, labels },
    automountServiceAccountToken: false,
  }
  const files = [
    ['account.yaml', [account]],
    ['state.yaml', [storage(claim), ...(folders.length > 0 ? [storage(data.claim)] : [])]],
    ...jobs,
    ...(project.deployments.size > 0 ? [['serving.yaml', served]] : []),
  ] as [string, readonly Json[]][]
  // What `kubectl apply -k` and overlays of one's own begin with
  const base: Json = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: files.map(([file]) => file),
  }
  return Object.fromEntries([...files, [baseFile, [base]]]) as Manifests
}

function refuse(reason: string, next: string): never {
  throw fail('manifestSetting', { reason, next })
}

/** What cannot serve in a cluster. */
function checkServing({ settings }: Project, options: RenderOptions): void {
  const { replicas = 1, maxReplicas = replicas, accessMode = 'ReadWriteOnce', tlsSecret, scaleMetric } = options
  const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1
  if (!isCount(replicas)) refuse(`${replicas} replicas cannot be`, 'Give --replicas as a whole number from 1.')
  if (!isCount(maxReplicas) || maxReplicas < replicas)
    refuse(`at most ${maxReplicas} replicas cannot be`, 'Give --max-replicas as a whole number from --replicas on.')
  if (scaleMetric !== undefined && maxReplicas === replicas)
    refuse('nothing is scaled', 'Give --max-replicas with --scale-metric.')
  if (maxReplicas > 1 && settings.metadata?.kind !== 'postgres')
    refuse(
      `${maxReplicas} replicas would write one SQLite file`,
      "Set metadata: { kind: 'postgres', urlFrom: … } in the project, or serve with one replica.",
    )
  if (accessMode !== 'ReadWriteOnce' && accessMode !== 'ReadWriteMany')
    refuse(
      `'${String(accessMode)}' is no access mode that pods can share`,
      'Give --access-mode ReadWriteOnce or ReadWriteMany.',
    )
  if (maxReplicas > 1 && accessMode === 'ReadWriteOnce')
    refuse(
      `${maxReplicas} replicas would share a volume of one node`,
      'Give --access-mode ReadWriteMany with a storage class that has it, or serve with one replica.',
    )
  if (tlsSecret === undefined) return
  if (objectName(tlsSecret) !== tlsSecret)
    refuse(`'${tlsSecret}' is no name of a Secret`, 'Give --tls-secret the name of a Secret of type kubernetes.io/tls.')
  if (maxReplicas > 1)
    refuse(
      'servers beside each other find each other by addresses, which no certificate names',
      'End TLS before the Service, at the ingress, gateway or mesh, or serve with one replica.',
    )
  const { grpcPort, workers = 1 } = settings.serve ?? {}
  if (grpcPort !== undefined || workers > 1)
    refuse(
      `the project's serve.${grpcPort === undefined ? 'workers' : 'grpcPort'} goes without TLS`,
      'End TLS before the Service, at the ingress, gateway or mesh.',
    )
}

/** `name=value`, the value a quantity of Kubernetes. */
function metricOf(said: string): { readonly name: string; readonly value: string } {
  const found = /^([a-zA-Z_:][\w:]*)=(\d+(?:\.\d+)?(?:m|k|M|G)?)$/.exec(said)
  if (!found)
    return refuse(
      `'${said}' is no metric with its value`,
      "Give --scale-metric as 'name=value', such as 'http_requests_per_second=200'.",
    )
  return { name: found[1] as string, value: found[2] as string }
}

/** The servers that a project's settings name. */
function serversOf({ settings: { metadata, online, prometheus } }: Project): ToldServer[] {
  const token = prometheus?.tokenFrom
  return [
    ...(metadata?.kind === 'postgres' ? [{ of: 'metadata' as const, variables: [metadata.urlFrom], port: 5432 }] : []),
    ...(online && online.kind !== 'lmdb'
      ? [{ of: 'online' as const, variables: [online.urlFrom], port: online.kind === 'redis' ? 6379 : 5432 }]
      : []),
    ...(prometheus
      ? [
          {
            of: 'prometheus' as const,
            variables: [prometheus.urlFrom, ...(token === undefined ? [] : [token])],
            port: 9090,
          },
        ]
      : []),
  ]
}

/** Top folders of the project in which its sources lie: images hold code, not data. */
function dataFolders(project: Project): readonly string[] {
  const paths = [...project.datasets.values()].map(dataset => dataset.source.path.replace(/^\.\//, ''))
  const inside = paths.filter(path => !path.startsWith('/') && !path.startsWith('..') && path.includes('/'))
  return [...new Set(inside.map(path => path.slice(0, path.indexOf('/'))))]
    .filter(folder => !/[*?[{]/.test(folder))
    .sort()
}

export function renderYaml(rendered: Manifests): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(rendered).map(([file, objects]) => [file, yamlDocuments(objects)]))
}
