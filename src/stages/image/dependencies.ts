import { existsSync, readFileSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fail } from '../../errors/index.ts'
import { entriesBelow, type Entry } from './entry.ts'

interface Manifest {
  readonly name?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** Folder of this package, in a checkout or installed. */
export const ownPackage = fileURLToPath(new URL('../../../', import.meta.url)).replace(/[/\\]$/, '')

function manifestOf(folder: string): Manifest | undefined {
  const file = join(folder, 'package.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Manifest) : undefined
}

/** As Node.js looks for packages: in `node_modules` here, then in each folder above. */
function find(name: string, from: string): string | undefined {
  for (let at = from; ; at = dirname(at)) {
    const folder = join(at, 'node_modules', name)
    if (existsSync(join(folder, 'package.json'))) return folder
    if (dirname(at) === at) return undefined
  }
}

/** Folders of the packages that are needed at run time, as they are named on disk. */
function closure(roots: readonly string[], without: string): ReadonlySet<string> {
  const found = new Set<string>()
  const open = [...roots]
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    const manifest = manifestOf(folder)
    const optional = { ...manifest?.peerDependencies, ...manifest?.optionalDependencies }
    for (const name of Object.keys({ ...manifest?.dependencies, ...optional })) {
      if (name === without) continue
      const at = find(name, folder)
      if (at === undefined && !(name in optional))
        throw fail('imageInput', {
          reason: `the package ${name}, which ${manifest?.name ?? folder} needs, is not installed`,
          next: 'Run "npm ci" and build again.',
        })
      if (at !== undefined && !found.has(at)) {
        found.add(at)
        open.push(at)
      }
    }
  }
  return found
}

const platforms = ['linux', 'darwin', 'win32', 'android', 'freebsd']
const cpus = ['x64', 'arm64', 'ia32', 'arm', 's390x', 'ppc64']

/** Prebuilt binaries for other systems, which some packages carry for all of them. */
function foreign(path: string): boolean {
  const match = /(?:^|\/)(?:prebuilds|bin\/napi-v\d+)\/([a-z0-9]+)(?:[-/]([a-z0-9]+))?/.exec(path)
  if (match === null) return false
  const [, platform = '', cpu = ''] = match
  if (platforms.includes(platform) && platform !== 'linux') return true
  return cpus.includes(cpu) && cpu !== process.arch
}

function wanted(path: string): boolean {
  if (path.split('/').includes('node_modules')) return false
  return !foreign(path) && !/\.(?:map|[cm]?ts|md|markdown)$/.test(path)
}

/** Files of one package without those nested in its own `node_modules`: each of them is a package of its own. */
function packageFiles(folder: string, path: string): Promise<Entry[]> {
  return entriesBelow(folder, path, wanted)
}

export interface Dependencies {
  /** Third-party packages. */
  readonly packages: readonly Entry[]
  /** Millrace itself. */
  readonly own: readonly Entry[]
  /** Native modules among them, on this machine. */
  readonly native: readonly string[]
}

/** `node_modules/a/node_modules/b` of wherever that lies. */
function placeOf(folder: string): string {
  const parts = folder.split(sep)
  return parts.slice(parts.indexOf('node_modules')).join('/')
}

/**
 * Production packages of a project and of Millrace, placed as they are installed. Millrace from a checkout, which the
 * project does not install, brings its packages below its own folder.
 */
export async function dependencies(root: string): Promise<Dependencies> {
  const own = await realpath(find('millrace', root) ?? ownPackage)
  const prefix = own.split(sep).includes('node_modules') ? 'app' : 'app/node_modules/millrace'
  const packages: Entry[] = []
  for (const folder of closure([own], ''))
    packages.push(...(await packageFiles(folder, `${prefix}/${placeOf(folder)}`)))
  for (const folder of closure([root], 'millrace'))
    packages.push(...(await packageFiles(folder, `app/${placeOf(folder)}`)))
  const keep = (path: string): boolean =>
    /^(?:package\.json|LICENSE|dist|migrations|protocols)(?:\/|$)/.test(path) && !/\.(?:map|ts)$/.test(path)
  return {
    packages,
    own: await entriesBelow(own, 'app/node_modules/millrace', keep),
    native: packages.flatMap(entry =>
      entry.kind === 'copy' && entry.path.endsWith('.node') && !entry.path.includes('musl') ? [entry.from] : [],
    ),
  }
}
