import { existsSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { findRoot, loadProject } from '../../../config/load.ts'
import { fail } from '../../../errors/index.ts'
import { publishFile } from '../../../internal/publish.ts'
import { parseReference, readLayout } from '../../../stages/image/index.ts'
import type { AccessMode } from '../../../stages/kubernetes/pod.ts'
import { renderObjects, renderYaml } from '../../../stages/kubernetes/render.ts'
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
PodDisruptionBudget and NetworkPolicy. Every pod keeps the restricted Pod Security profile.
State and data lie on claims of their own; files of the sources are for you to copy to the data claim. A project with
metadata: { kind: 'postgres', urlFrom: 'NAME' } reads NAME from the Secret <project>-store, one with an online store
on a server its NAME too.

  millrace k8s render --out k8s && kubectl apply -f k8s`,
  options: [
    { flags: '--image <reference>', description: 'image of the project (default: the one built last, by digest)' },
    { flags: '--out <folder>', description: 'where to write', default: 'k8s' },
    { flags: '--replicas <count>', description: 'pods that serve', default: '1' },
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
      accessMode: String(options.accessMode ?? 'ReadWriteOnce') as AccessMode,
    })
    const texts = renderYaml(rendered)
    const folder = resolve(cwd, typeof options.out === 'string' ? options.out : 'k8s')
    for (const [file, text] of Object.entries(texts)) {
      if (options.print === true) {
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
