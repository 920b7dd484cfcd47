import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { digestBytes } from '../../internal/digest.ts'
import { credentialsFor } from './credentials.ts'
import { parseReference } from './reference.ts'
import { Repository } from './registry.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-registry-'))
const seen: string[] = []
let answer: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void = () => undefined
const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    seen.push(`${request.method} ${request.url}`)
    answer(request, response, Buffer.concat(parts))
  })
})
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
const registry = `127.0.0.1:${(server.address() as AddressInfo).port}`
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})
afterEach(() => void seen.splice(0))

const reference = parseReference(`${registry}/team/flights:1`)
const open = (credentials?: { username: string; password: string }) =>
  new Repository(reference, { insecure: true, backoffMs: 1, credentials: async () => credentials })
const blob = Buffer.from('some bytes')
const file = join(folder, 'blob')
writeFileSync(file, blob)

test('reads references, and refuses what could go to another place than meant', () => {
  const digest = digestBytes('x')
  expect(parseReference(`localhost:5000/a/b-c:v1@${digest}`)).toEqual({
    registry: 'localhost:5000',
    name: 'a/b-c',
    tag: 'v1',
    digest,
  })
  expect(parseReference('ghcr.io/a')).toEqual({ registry: 'ghcr.io', name: 'a' })
  for (const bad of [
    '',
    'flights',
    'team/flights',
    'x.org/',
    'x.org/A',
    'x.org/a:b c',
    'x.org/../a',
    'x.org/a@sha256:1',
    'u:p@x.org/a',
  ])
    expect(() => parseReference(bad), bad).toThrow(expect.objectContaining({ code: 'MR3310' }))
})

test('uploads to a relative location, and keeps what the location asks for', async () => {
  answer = (request, response, body) => {
    if (request.method === 'POST')
      return response.writeHead(202, { location: '/v2/team/flights/blobs/uploads/7?state=a%2Bb' }).end()
    response.writeHead(body.equals(blob) ? 201 : 400).end()
  }
  await open().putBlob(digestBytes(blob), blob.length, file)
  expect(seen[1]).toBe(`PUT /v2/team/flights/blobs/uploads/7?state=a%2Bb&digest=sha256%3A${digestBytes(blob).slice(7)}`)
})

test('asks the token service that the registry names, with the credentials, once', async () => {
  answer = (request, response) => {
    if (request.url?.startsWith('/token')) {
      const known = request.headers.authorization === `Basic ${Buffer.from('me:secret').toString('base64')}`
      return response.writeHead(known ? 200 : 401).end(JSON.stringify({ token: 't0ken' }))
    }
    if (request.headers.authorization === 'Bearer t0ken') return response.writeHead(200).end()
    const realm = `Bearer realm="http://${registry}/token",service="reg",scope="repository:team/flights:pull,push"`
    response.writeHead(401, { 'www-authenticate': realm }).end()
  }
  const repository = open({ username: 'me', password: 'secret' })
  expect(await repository.hasBlob(digestBytes(blob))).toBe(true)
  expect(await repository.hasBlob(digestBytes('other'))).toBe(true)
  expect(seen.filter(line => line.includes('/token'))).toEqual([
    'GET /token?service=reg&scope=repository%3Ateam%2Fflights%3Apull%2Cpush',
  ])
  await expect(open().hasBlob(digestBytes(blob))).rejects.toMatchObject({ code: 'MR3322' })
})

test('tries again while the registry is overloaded, and not when it refuses', async () => {
  let calls = 0
  answer = (_request, response) => void response.writeHead(++calls < 3 ? 503 : 404).end()
  expect(await open().hasBlob(digestBytes(blob))).toBe(false)
  expect(calls).toBe(3)
  answer = (_request, response) => {
    calls++
    response.writeHead(500).end('{"errors":[{"code":"UNKNOWN","message":"boom"}]}')
  }
  calls = 0
  await expect(open().getManifest('1')).rejects.toMatchObject({
    code: 'MR3321',
    message: expect.stringContaining('UNKNOWN: boom'),
  })
  expect(calls).toBe(1)
})

test('leaves nothing of a blob that is not what was asked for', async () => {
  answer = (_request, response) => void response.writeHead(200).end('other bytes')
  const target = join(folder, 'pulled')
  await expect(open().getBlob(digestBytes(blob), target)).rejects.toMatchObject({ code: 'MR3323' })
  expect(() => readFileSync(target)).toThrow('ENOENT')
})

test('says when nobody is there', async () => {
  const nobody = new Repository(parseReference('127.0.0.1:1/a'), { insecure: true })
  await expect(nobody.hasBlob(digestBytes(blob))).rejects.toMatchObject({ code: 'MR3320' })
})

test('takes credentials from the docker config of the environment', async () => {
  const before = process.env.DOCKER_CONFIG
  process.env.DOCKER_CONFIG = folder
  try {
    expect(await credentialsFor('x.org')).toBeUndefined()
    const auth = Buffer.from('me:se:cret').toString('base64')
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { 'x.org': { auth } } }))
    expect(await credentialsFor('x.org')).toEqual({ username: 'me', password: 'se:cret' })
    expect(await credentialsFor('y.org')).toBeUndefined()
  } finally {
    if (before === undefined) delete process.env.DOCKER_CONFIG
    else process.env.DOCKER_CONFIG = before
  }
})
