import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { fail } from '../errors/index.ts'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
}

export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

interface Asset {
  readonly bytes: Buffer
  readonly zipped: Buffer
  readonly type: string
  readonly etag: string
  readonly immutable: boolean
}

/** Where the build puts the dashboard: beside the compiled server, for the sources too. */
export const dashboardFolder = fileURLToPath(new URL('../../dist/web/', import.meta.url))

function load(folder: string, below: string, into: Map<string, Asset>): void {
  for (const name of readdirSync(join(folder, below))) {
    const path = below === '' ? name : `${below}/${name}`
    if (statSync(join(folder, path)).isDirectory()) {
      load(folder, path, into)
      continue
    }
    const bytes = readFileSync(join(folder, path))
    into.set(`/${path}`, {
      bytes,
      zipped: gzipSync(bytes),
      type: types[extname(name)] ?? 'application/octet-stream',
      etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
      immutable: path.startsWith('assets/'),
    })
  }
}

/**
 * Answers GET requests with the dashboard's files, all held in memory; names that look like pages get the one page there
 * is, so that its addresses can be opened directly.
 */
export function dashboard(folder: string = dashboardFolder): (request: Request, path: string) => Response | undefined {
  let assets: Map<string, Asset> | undefined
  const files = (): Map<string, Asset> => {
    if (assets && assets.size > 0) return assets
    assets = new Map()
    if (existsSync(folder)) load(folder, '', assets)
    return assets
  }
  return (request, path) => {
    const isPage = !path.includes('.')
    const asset = files().get(isPage ? '/index.html' : path)
    if (!asset) {
      if (isPage && path === '/') throw fail('dashboardMissing')
      return undefined
    }
    const headers = {
      ...securityHeaders,
      'content-type': asset.type,
      etag: asset.etag,
      vary: 'accept-encoding',
      'cache-control': asset.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    }
    if (request.headers.get('if-none-match') === asset.etag) return new Response(null, { status: 304, headers })
    const zip = /\bgzip\b/.test(request.headers.get('accept-encoding') ?? '')
    const body = zip ? asset.zipped : asset.bytes
    return new Response(new Uint8Array(body), {
      headers: { ...headers, ...(zip ? { 'content-encoding': 'gzip' } : {}), 'content-length': String(body.length) },
    })
  }
}
