import { existsSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import type { Project } from '../../define/project.ts'
import { fail } from '../../errors/index.ts'
import { digestFile } from '../../internal/digest.ts'
import { publishFile } from '../../internal/publish.ts'
import { parseReference } from './reference.ts'
import { openBase } from './base.ts'
import { dependencies } from './dependencies.ts'
import { dockerfile, dockerignore } from './dockerfile.ts'
import { architecture, type ImageConfig } from './formats.ts'
import { makeLayer, type Layer } from './layer.ts'
import { writeArchive, writeLayout, type StoredImage } from './layout.ts'
import { nodeRuntime } from './node-runtime.ts'
import { projectFiles } from './project-files.ts'
import type { RegistryOptions } from './registry.ts'

export interface BuildOptions {
  readonly project: Project
  /** Folder of the project file. */
  readonly root: string
  /** Folder of the OCI layout that is written. */
  readonly out: string
  /** Where layers are kept between builds. Default `.millrace/image/cache` below the root. */
  readonly cache?: string
  /** `scratch` (default), an OCI layout folder, or `registry/name@sha256:…`. */
  readonly base?: string
  /** `bundled`: this machine's Node.js goes in; `base`: the base has one. Default: `bundled` upon scratch. */
  readonly node?: 'bundled' | 'base'
  /** Name in the layout's index, such as `registry.example.org/flights:1`. */
  readonly tag?: string
  /** Time of the project's files and of the image. Default: `$SOURCE_DATE_EPOCH`, else 0. */
  readonly created?: Date
  readonly commit?: string
  /** Also `<out>.tar`, for `podman load`. Default false. */
  readonly archive?: boolean
  readonly registry?: RegistryOptions
}

export interface BuiltImage extends StoredImage {
  readonly layers: readonly Layer[]
  readonly archive: string | undefined
  readonly dockerfile: string
}

/**
 * Time of files that no commit touches. Were it the commit's, every commit would change every layer; were it 1970, some
 * tools would take it for missing.
 */
const installed = new Date('1980-01-01T00:00:00Z')

function creationTime({ created }: BuildOptions): Date {
  if (created) return created
  const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? 0)
  if (!Number.isSafeInteger(epoch) || epoch < 0)
    throw fail('imageInput', {
      reason: 'SOURCE_DATE_EPOCH is no number of seconds',
      next: 'Set it to seconds since 1970, or unset it.',
    })
  return new Date(epoch * 1000)
}

async function makeLayers(options: BuildOptions, bundled: boolean, cache: string, created: Date): Promise<Layer[]> {
  const { root, project } = options
  const { packages, own, native } = await dependencies(root)
  const outside = relative(root, resolve(options.out)).split(sep).join('/')
  const files = await projectFiles(root, project, outside.startsWith('..') ? [] : [outside, `${outside}.tar`])
  const parts = [
    ...(bundled ? [['node', await nodeRuntime(native), installed] as const] : []),
    ['dependencies', packages, installed] as const,
    ['millrace', own, installed] as const,
    ['project', files, created] as const,
  ]
  const layers: Layer[] = []
  for (const [name, entries, mtime] of parts) layers.push(await makeLayer(cache, name, entries, mtime))
  return layers
}

async function labelsOf({ project, root, commit }: BuildOptions, base: string): Promise<Record<string, string>> {
  const lock = join(root, 'package-lock.json')
  return {
    'org.opencontainers.image.title': project.name,
    'org.opencontainers.image.base.name': base,
    ...(commit ? { 'org.opencontainers.image.revision': commit } : {}),
    ...(existsSync(lock) ? { 'dev.millrace.lockfile': (await digestFile(lock)).digest } : {}),
  }
}

/**
 * Makes an OCI image without a daemon: base, Node.js, dependencies, Millrace, project, each a layer of its own, so that a
 * change of code changes the last only. The same inputs give the same bytes. Writes the layout folder, a Dockerfile
 * beside it, and, when asked, a tar archive.
 */
export async function buildImage(options: BuildOptions): Promise<BuiltImage> {
  const { root, out, project } = options
  // before minutes of work: a name that no registry takes
  if (options.tag !== undefined) parseReference(options.tag)
  const cache = options.cache ?? join(root, '.millrace', 'image', 'cache')
  const base = await openBase(options.base ?? 'scratch', cache, options.registry)
  const bundled = (options.node ?? (base.config === undefined ? 'bundled' : 'base')) === 'bundled'
  if (!bundled && base.config === undefined)
    throw fail('imageInput', {
      reason: 'an empty base has no Node.js',
      next: 'Give --node bundled, or a --base that has one.',
    })
  const created = creationTime(options)
  const layers = await makeLayers(options, bundled, cache, created)
  const time = created.toISOString().replace('.000Z', 'Z')
  const environment = (base.config?.config?.Env ?? []).filter(one => !/^(?:PATH|NODE_ENV)=/.test(one))
  const path = (base.config?.config?.Env ?? []).find(one => one.startsWith('PATH='))
  const config: ImageConfig = {
    architecture: base.config?.architecture ?? architecture(),
    os: 'linux',
    created: time,
    config: {
      User: '65532:65532',
      Env: [
        path ?? 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        'NODE_ENV=production',
        'ORT_DISABLE_TELEMETRY=1',
        ...environment,
      ],
      Entrypoint: [bundled ? '/usr/local/bin/node' : 'node', '/app/node_modules/millrace/dist/cli/bin.js'],
      Cmd: ['--help'],
      WorkingDir: '/app',
      StopSignal: 'SIGTERM',
      Labels: { ...base.config?.config?.Labels, ...(await labelsOf(options, base.name)) },
    },
    rootfs: {
      type: 'layers',
      diff_ids: [...(base.config?.rootfs.diff_ids ?? []), ...layers.map(layer => layer.diffId)],
    },
    history: [
      ...(base.config?.history ?? base.layers.map(() => ({ created_by: 'base' }))),
      ...layers.map(layer => ({ created: time, created_by: `millrace image build: ${layer.name}` })),
    ],
  }
  const own = layers.map(({ digest, size, mediaType, file }) => ({ descriptor: { digest, size, mediaType }, file }))
  const image = await writeLayout(out, config, [...base.layers, ...own], options.tag)
  const archive = options.archive ? `${out}.tar` : undefined
  if (archive) await writeArchive(image, archive)
  const file = join(resolve(out, '..'), 'Dockerfile')
  const node = process.versions.node.split('.')[0] ?? '20'
  await publishFile(file, dockerfile(node, existsSync(join(root, 'package-lock.json'))))
  const data = [...project.datasets.values()].map(dataset => dataset.source.path.replace(/^\.\//, ''))
  await publishFile(`${file}.dockerignore`, dockerignore(data.filter(one => !one.startsWith('/'))))
  return { ...image, layers, archive, dockerfile: file }
}
