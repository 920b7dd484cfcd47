import type { Json } from '../../internal/canonical-json.ts'

/** CPU and memory in Kubernetes' notation. */
export interface Resources {
  readonly cpu: string
  readonly memory: string
  /** Most CPU; none by default: throttling costs latency, and a limit on memory is what protects the node. */
  readonly cpuLimit?: string
}

export type Labels = Readonly<Record<string, string>>

/** A name that Kubernetes takes: lower case, digits, `-`, at most 63. */
export function objectName(...parts: readonly string[]): string {
  const name = parts
    .join('-')
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
  return name.slice(0, 63).replace(/^-+|-+$/g, '')
}

/** Pod settings of the restricted profile, and beyond it: no token of the cluster, no service variables. */
export const restrictedPod = {
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 65532,
    runAsGroup: 65532,
    fsGroup: 65532,
    seccompProfile: { type: 'RuntimeDefault' },
  },
} as const

/** Container settings of the restricted profile, and a root file system that nobody writes. */
export const restrictedContainer = {
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  },
} as const

export function resourcesOf({ cpu, memory, cpuLimit }: Resources): Json {
  return { requests: { cpu, memory }, limits: { ...(cpuLimit ? { cpu: cpuLimit } : {}), memory } }
}

/** How pods may share a claim. `ReadWriteOnce` is one node, not one pod; `ReadWriteMany` is what several nodes need. */
export type AccessMode = 'ReadWriteOnce' | 'ReadWriteMany'

/** A server that pods are told of by environment variables. */
export interface ToldServer {
  readonly of: 'metadata' | 'online' | 'prometheus'
  readonly variables: readonly string[]
  /** That such servers listen on. */
  readonly port: number
}

/** What every pod of a project has in common: where its state lies, its data, and the store that it is told of. */
export interface PodSettings {
  /** Claim of `.millrace`. */
  readonly claim: string
  readonly accessMode: AccessMode
  /** Claim of the sources' files, and the folders of the project in which they lie. */
  readonly data: { readonly claim: string; readonly folders: readonly string[] }
  /** The servers that the project is told of. */
  readonly servers: readonly ToldServer[]
  /** Secret that holds what is told of them. */
  readonly secret: string
  /** The ServiceAccount that its pods run as. */
  readonly account: string
  /** The project's own label, by which its pods find each other. */
  readonly selector: Labels
}

/**
 * What Millrace writes: `.millrace`, kept in the claim, and temporary files, which die with the pod. Online records are
 * each pod's own, made anew when it starts: LMDB's locks mean nothing between pods. The sources' files are only read.
 */
export function volumes({ claim, data }: PodSettings): { readonly mounts: readonly Json[]; readonly volumes: Json } {
  const folders = data.folders.map(folder => ({
    name: 'data',
    mountPath: `/app/${folder}`,
    subPath: folder,
    readOnly: true,
  }))
  return {
    mounts: [
      { name: 'state', mountPath: '/app/.millrace' },
      { name: 'online', mountPath: '/app/.millrace/online' },
      { name: 'tmp', mountPath: '/tmp' },
      ...folders,
    ],
    volumes: [
      { name: 'state', persistentVolumeClaim: { claimName: claim } },
      { name: 'online', emptyDir: { sizeLimit: '4Gi' } },
      { name: 'tmp', emptyDir: { sizeLimit: '2Gi' } },
      ...(folders.length > 0
        ? [{ name: 'data', persistentVolumeClaim: { claimName: data.claim, readOnly: true } }]
        : []),
    ],
  }
}

/**
 * A claim of one node brings its pods together: whichever comes first chooses the node (a pod that matches its own term
 * may), the others follow. Without it a training pod on another node would wait for the volume for ever.
 */
export function affinity({ accessMode, selector }: PodSettings): Readonly<Record<string, Json>> {
  if (accessMode === 'ReadWriteMany') return {}
  const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: selector } }
  return { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } }
}

export function environmentOf({ servers, secret }: PodSettings): Readonly<Record<string, Json>> {
  // One variable may hold the URL of several
  const variables = new Set(servers.flatMap(one => one.variables))
  if (variables.size === 0) return {}
  return {
    env: [...variables].map(name => ({ name, valueFrom: { secretKeyRef: { name: secret, key: name } } })),
  }
}
