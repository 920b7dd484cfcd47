import type { Project } from '../../define/project.ts'
import { fail } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { yamlDocuments } from '../../internal/yaml.ts'
import { objectName, type AccessMode, type PodSettings, type Resources } from './pod.ts'
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
  /** Default 8080. */
  readonly port?: number
  /** Most seconds of a training run. Default 14,400. */
  readonly deadline?: number
  readonly training?: Resources
  readonly serving?: Resources
}

/** Files by name, each with one or more Kubernetes objects. */
export type Rendered = Readonly<Record<string, readonly Json[]>>

/** The objects of a project: a training Job for each model, and the server when something is deployed. */
export function renderObjects(project: Project, options: RenderOptions): Rendered {
  const { image, replicas = 1, port = 8080, deadline = 14_400, accessMode = 'ReadWriteOnce' } = options
  if (!/^[\w.:/@-]+$/.test(image))
    throw fail('manifestSetting', {
      reason: `'${image}' is not an image`,
      next: 'Give --image registry/name@sha256:….',
    })
  if (!(Number.isInteger(replicas) && replicas >= 1))
    throw fail('manifestSetting', {
      reason: `${replicas} replicas cannot be`,
      next: 'Give --replicas as a whole number from 1.',
    })
  if (replicas > 1 && project.settings.metadata?.kind !== 'postgres')
    throw fail('manifestSetting', {
      reason: `${replicas} replicas would write one SQLite file`,
      next: "Set metadata: { kind: 'postgres', urlFrom: … } in the project, or serve with one replica.",
    })
  if (accessMode !== 'ReadWriteOnce' && accessMode !== 'ReadWriteMany')
    throw fail('manifestSetting', {
      reason: `'${String(accessMode)}' is no access mode that pods can share`,
      next: 'Give --access-mode ReadWriteOnce or ReadWriteMany.',
    })
  if (replicas > 1 && accessMode === 'ReadWriteOnce')
    throw fail('manifestSetting', {
      reason: `${replicas} replicas would share a volume of one node`,
      next: 'Give --access-mode ReadWriteMany with a storage class that has it, or serve with one replica.',
    })
  const name = objectName(project.name)
  const claim = options.claim ?? objectName(name, 'state')
  const labels = {
    'app.kubernetes.io/name': name,
    'app.kubernetes.io/managed-by': 'millrace',
    'millrace.dev/project': project.name,
  }
  const folders = dataFolders(project)
  const data = { claim: objectName(name, 'data'), folders }
  const { metadata, online } = project.settings
  const variable = metadata?.kind === 'postgres' ? metadata.urlFrom : undefined
  const pod: PodSettings = {
    claim,
    accessMode,
    data,
    selector: { 'app.kubernetes.io/name': name },
    ...(variable ? { store: { variable, secret: objectName(name, 'store') } } : {}),
    ...(online && online.kind !== 'lmdb'
      ? {
          online: {
            variable: online.urlFrom,
            secret: objectName(name, 'store'),
            port: online.kind === 'redis' ? 6379 : 5432,
          },
        }
      : {}),
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
  const served = serving({ ...common, replicas, port, resources: options.serving ?? { cpu: '500m', memory: '1Gi' } })
  return Object.fromEntries([
    ['state.yaml', [storage(claim), ...(folders.length > 0 ? [storage(data.claim)] : [])]],
    ...jobs,
    ...(project.deployments.size > 0 ? [['serving.yaml', served]] : []),
  ]) as Rendered
}

/** Top folders of the project in which its sources lie: images hold code, not data. */
function dataFolders(project: Project): readonly string[] {
  const paths = [...project.datasets.values()].map(dataset => dataset.source.path.replace(/^\.\//, ''))
  const inside = paths.filter(path => !path.startsWith('/') && !path.startsWith('..') && path.includes('/'))
  return [...new Set(inside.map(path => path.slice(0, path.indexOf('/'))))]
    .filter(folder => !/[*?[{]/.test(folder))
    .sort()
}

export function renderYaml(rendered: Rendered): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(rendered).map(([file, objects]) => [file, yamlDocuments(objects)]))
}
