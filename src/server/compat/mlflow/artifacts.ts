import { extname } from 'node:path'
import { fail } from '../../../errors/index.ts'
import type { Json } from '../../../internal/canonical-json.ts'
import type { Digest } from '../../../internal/digest.ts'
import type { Call, RecordRoute, Method, Permission } from '../../route.ts'
import type { RecordServices } from '../../services.ts'
import { withUpload } from '../../upload.ts'
import { call } from './wire.ts'

/** Names of files point to bytes in the artifact store: one document a file, one kind a run. */
interface Pointer {
  readonly digest: Digest
  readonly size: number
}

const base = '/api/2.0/mlflow-artifacts/artifacts'
const media: Readonly<Record<string, string>> = {
  '.txt': 'text/plain',
  '.json': 'application/json',
  '.csv': 'text/csv',
  '.png': 'image/png',
  '.md': 'text/plain',
  '.yaml': 'text/plain',
}

/** Decodes as long as that gives something else: what stands before a bare `%` is not encoded once more. */
function* decodings(given: string): Iterable<string> {
  for (let path = given, depth = 0; depth < 10; depth++) {
    yield path
    try {
      const next = decodeURIComponent(path)
      if (next === path) return
      path = next
    } catch {
      return
    }
  }
}

/** The path as the router gave it, decoded once; refuses whatever could mean another folder, however often encoded. */
function cleanPath(path: string): string {
  for (const one of decodings(path)) {
    const bad = one.split('/').some(part => part === '..' || part === '.' || part === '')
    if (bad || /[#\\\0]|^[a-z]:/i.test(one) || one.length > 1000)
      throw fail('trackingInvalid', { reason: `Invalid path: ${path.slice(0, 100)}` })
  }
  return path
}

/** `<experiment>/<run>` is the first part of every path; files of one run are one kind of document. */
function place(path: string): { readonly kind: string; readonly id: string } {
  const [experiment = '', run = '', ...rest] = path.split('/')
  return { kind: `mlflow-artifact:${experiment}/${run}`, id: rest.join('/') }
}

async function put({ request, params, services }: Call): Promise<Response> {
  const { artifacts, clock, folder, store } = services.workspace
  const { kind, id } = place(cleanPath(params.path ?? ''))
  if (id === '') throw fail('trackingInvalid', { reason: 'Invalid path: it names no file of a run' })
  await withUpload(request, folder, async file => {
    const stored = await artifacts.putFile(file)
    await store.putDocument(kind, id, { digest: stored.digest, size: stored.size }, clock.now())
  })
  return Response.json({})
}

async function get({ params, services }: Call): Promise<Response> {
  const { artifacts, store } = services.workspace
  const path = cleanPath(params.path ?? '')
  const { kind, id } = place(path)
  const found = (await store.getDocument<Json>(kind, id))?.value as unknown as Pointer | undefined
  if (!found) throw fail('trackingUnknown', { kind: 'Artifact', name: path })
  const name = path.split('/').at(-1) ?? 'file'
  return new Response(new Uint8Array(await artifacts.get(found.digest)), {
    headers: {
      'content-type': media[extname(name).toLowerCase()] ?? 'application/octet-stream',
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(name)}`,
      'x-content-type-options': 'nosniff',
    },
  })
}

async function remove({ params, services }: Call): Promise<Response> {
  const { kind, id } = place(cleanPath(params.path ?? ''))
  await services.workspace.store.removeDocument(kind, id)
  return Response.json({})
}

interface Entry {
  readonly name: string
  readonly is_dir: boolean
  readonly file_size?: number
}

/** What lies directly below a folder; nothing for a file or a folder that does not exist. */
async function entries(services: RecordServices, path: string): Promise<readonly Entry[]> {
  const { kind, id } = place(path)
  const prefix = id === '' ? '' : `${id}/`
  const found = new Map<string, Entry>()
  for (const one of await services.workspace.store.listDocuments<Json>(kind)) {
    if (!one.id.startsWith(prefix)) continue
    const [name = '', ...deeper] = one.id.slice(prefix.length).split('/')
    const size = (one.value as unknown as Pointer).size
    found.set(name, deeper.length > 0 ? { name, is_dir: true } : { name, is_dir: false, file_size: size })
  }
  return [...found.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

async function list({ url, services }: Call): Promise<Response> {
  const given = url.searchParams.get('path') ?? ''
  const files = (await entries(services, cleanPath(given))).map(({ name, ...rest }) => ({ path: name, ...rest }))
  return Response.json(files.length > 0 ? { files } : {})
}

const artifact = (
  method: Method,
  path: string,
  permission: Permission,
  summary: string,
  respond: (call: Call) => Promise<Response>,
): RecordRoute => ({ method, path, permission, summary, tag: 'mlflow', errors: 'mlflow', respond })

export const artifactRoutes: readonly RecordRoute[] = [
  { ...artifact('PUT', `${base}/{path*}`, 'write', 'Stores a file', put), takesFile: true },
  artifact('GET', `${base}/{path*}`, 'read', 'Gets a file', get),
  artifact('DELETE', `${base}/{path*}`, 'write', 'Forgets a file', remove),
  artifact('GET', base, 'read', 'Lists a folder', list),
  ...call('GET', '/artifacts/list', 'read', 'Lists the files of a run', async (input, services) => {
    const id = input.optionalText('run_id') || input.text('run_uuid')
    const run = await services.workspace.store.getRun(id)
    if (run?.kind !== 'tracking') throw fail('trackingUnknown', { kind: 'Run with id=', name: id })
    const root = `${String(run.parameters.experiment ?? '0')}/${id}/artifacts`
    const below = input.optionalText('path') ?? ''
    const files = await entries(services, below === '' ? root : cleanPath(`${root}/${below}`))
    const paths = files.map(({ name, ...rest }) => ({ path: below === '' ? name : `${below}/${name}`, ...rest }))
    return { root_uri: `mlflow-artifacts:/${root}`, ...(paths.length > 0 ? { files: paths } : {}) }
  }),
]
