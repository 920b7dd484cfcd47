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

/** What Millrace writes: `.millrace`, kept in the claim, and temporary files, which die with the pod. */
export function volumes(claim: string): { readonly mounts: Json; readonly volumes: Json } {
  return {
    mounts: [
      { name: 'state', mountPath: '/app/.millrace' },
      { name: 'tmp', mountPath: '/tmp' },
    ],
    volumes: [
      { name: 'state', persistentVolumeClaim: { claimName: claim } },
      { name: 'tmp', emptyDir: { sizeLimit: '2Gi' } },
    ],
  }
}
