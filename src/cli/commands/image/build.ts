import { join, relative, resolve } from 'node:path'
import { findRoot, loadProject } from '../../../config/load.ts'
import { git } from '../../../config/git.ts'
import { fail } from '../../../errors/index.ts'
import { buildImage } from '../../../stages/image/index.ts'
import type { Command } from '../../command.ts'

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

/** `$SOURCE_DATE_EPOCH` is read by the build; without it, the time of the commit that is built. */
async function commitTime(root: string): Promise<Date | undefined> {
  if (process.env.SOURCE_DATE_EPOCH !== undefined) return undefined
  const seconds = Number((await git(root, 'log', '-1', '--format=%ct'))?.trim())
  return seconds > 0 ? new Date(seconds * 1000) : undefined
}

export const command: Command = {
  summary: 'make a container image without a daemon',
  details: `Writes an OCI layout folder, a Dockerfile beside it, and with --archive a tar file for "podman load".
The same project, lockfile and commit give the same bytes.

  millrace image build --tag registry.example.org/flights:1
  millrace image build --base registry.example.org/node@sha256:… --tag registry.example.org/flights:1`,
  options: [
    {
      flags: '--base <image>',
      description: 'scratch, an OCI layout folder, or registry/name@sha256:…',
      default: 'scratch',
    },
    { flags: '--node <from>', description: "bundled: this machine's Node.js goes in; base: the base has one" },
    { flags: '--tag <name>', description: 'name of the image, kept in the layout' },
    { flags: '--out <folder>', description: 'where to write it (default: .millrace/image/oci)' },
    { flags: '--archive', description: 'also write <out>.tar' },
    { flags: '--insecure', description: 'pull the base over plain HTTP' },
  ],
  async run({ options, cwd, out }) {
    const root = findRoot(cwd)
    const { node } = options
    if (node !== undefined && node !== 'bundled' && node !== 'base')
      throw fail('imageInput', { reason: `--node is '${String(node)}'`, next: 'Give bundled or base.' })
    const [commit, created] = [(await git(root, 'rev-parse', 'HEAD'))?.trim(), await commitTime(root)]
    const base = typeof options.base === 'string' ? options.base : 'scratch'
    const image = await buildImage({
      project: await loadProject(root),
      root,
      out: typeof options.out === 'string' ? resolve(cwd, options.out) : join(root, '.millrace', 'image', 'oci'),
      base,
      archive: options.archive === true,
      registry: { insecure: options.insecure === true },
      ...(node ? { node } : {}),
      ...(typeof options.tag === 'string' ? { tag: options.tag } : {}),
      ...(created ? { created } : {}),
      ...(commit ? { commit } : {}),
    })
    const layers = image.layers.map(({ name, digest, diffId, size, reused }) => ({
      name,
      digest,
      diffId,
      size,
      reused,
    }))
    out.table(
      ['layer', 'size', 'digest', ''],
      layers.map(layer => [
        layer.name,
        megabytes(layer.size),
        layer.digest.slice(0, 19),
        layer.reused ? 'unchanged' : 'new',
      ]),
    )
    out.line(`${relative(cwd, image.folder) || '.'} holds the image ${image.digest}.`)
    if (image.archive) out.line(`${relative(cwd, image.archive)} holds it as one file.`)
    out.data({
      digest: image.digest,
      folder: image.folder,
      archive: image.archive ?? null,
      dockerfile: image.dockerfile,
      layers,
    })
    return 0
  },
}
