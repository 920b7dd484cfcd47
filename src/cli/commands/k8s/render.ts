import { existsSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { findRoot, loadProject } from '../../../config/load.ts'
import { fail } from '../../../errors/index.ts'
import { publishFile } from '../../../internal/publish.ts'
import { parseReference, readLayout } from '../../../stages/image/index.ts'
import type { AccessMode } from '../../../stages/kubernetes/pod.ts'
import { baseFile, renderObjects, renderYaml } from '../../../stages/kubernetes/render.ts'
import type { Command } from '../../command.ts'

/** The image that was built last, by digest, under the name that it was given. */
async function builtImage(root: string): Promise<string> {
  const folder = join(root, '.millrace', 'image', 'oci')
  const built = existsSync(join(folder, 'index.json')) ? await readLayout(folder) : undefined
  if (built?.reference === undefined)
    throw fail('manifestSetting', {
      reason: 'no image is named',
      next: 'Give --image registry/name@sha256:…, or build one with "millrace image build --tag registry/name:tag".',
    })
  const { registry, name } = parseReference(built.reference)
  return `${registry}/${name}@${built.digest}`
}

export const command: Command = {
  summary: 'write Kubernetes objects for training and serving',
  details: `Writes a training Job for each model and, where something is deployed, Deployment, Service,
PodDisruptionBudget, NetworkPolicy and, with --max-replicas, HorizontalPodAutoscaler. Every pod keeps the restricted Pod Security profile.
State and data lie on claims of their own; files of the sources are for you to copy to the data claim. A project with
metadata: { kind: 'postgres', urlFrom: 'NAME' } reads NAME from the Secret <project>-store, one with an online store
on a server or a Prometheus its NAME too. The folder is a kustomize base: what differs between clusters is an overlay's.

  millrace k8s render --out k8s && kubectl apply -k k8s`,
  options: [
    { flags: '--image <reference>', description: 'image of the project (default: the one built last, by digest)' },
    { flags: '--out <folder>', description: 'where to write', default: 'k8s' },
    { flags: '--replicas <count>', description: 'pods that serve', default: '1' },
    {
      flags: '--max-replicas <count>',
      description: 'pods that serve when there is much to do, by an autoscaler (default: as many as --replicas)',
    },
    {
      flags: '--scale-metric <name=value>',
      description:
        'a metric of the pods by which it scales besides CPU, and how much of it one pod is for (default: none)',
    },
    {
      flags: '--tls-secret <name>',
      description: 'Secret by which the pod speaks TLS itself (default: plain HTTP behind what ends TLS)',
    },
    {
      flags: '--access-mode <mode>',
      description: 'of the claims: ReadWriteOnce (one node, one server at a time) or ReadWriteMany',
      default: 'ReadWriteOnce',
    },
    { flags: '--print', description: 'print the objects and write nothing' },
  ],
  async run({ options, cwd, out }) {
    const root = findRoot(cwd)
    const image = typeof options.image === 'string' ? options.image : await builtImage(root)
    const rendered = renderObjects(await loadProject(root), {
      image,
      replicas: Number(options.replicas ?? 1),
      ...(options.maxReplicas === undefined ? {} : { maxReplicas: Number(options.maxReplicas) }),
      ...(typeof options.scaleMetric === 'string' ? { scaleMetric: options.scaleMetric } : {}),
      ...(typeof options.tlsSecret === 'string' ? { tlsSecret: options.tlsSecret } : {}),
      accessMode: String(options.accessMode ?? 'ReadWriteOnce') as AccessMode,
    })
    const texts = renderYaml(rendered)
    const folder = resolve(cwd, typeof options.out === 'string' ? options.out : 'k8s')
    for (const [file, text] of Object.entries(texts)) {
      if (options.print === true) {
        // No object of a cluster
        if (file === baseFile) continue
        out.line('---')
        for (const line of text.trimEnd().split('\n')) out.line(line)
      } else {
        await publishFile(join(folder, file), text)
        out.line(`Wrote ${relative(cwd, join(folder, file))}.`)
      }
    }
    out.data({ image, folder: options.print === true ? null : folder, objects: rendered })
    return 0
  },
}
