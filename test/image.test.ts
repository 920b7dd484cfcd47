import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { imageProject } from './support/image.ts'
import { inside } from './support/inside.ts'

const { root, build } = imageProject()
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

test('an image is the same to the byte until its content changes, and then only where it changed', async () => {
  const first = await build()
  expect(first.layers.map(layer => layer.name)).toEqual(['node', 'dependencies', 'millrace', 'project'])
  utimesSync(join(root, 'steps.mjs'), 1, 1)
  const second = await build({ out: join(root, '.millrace', 'image', 'again') })
  expect(second.digest).toBe(first.digest)
  expect(second.layers.every(layer => layer.reused)).toBe(true)

  writeFileSync(join(root, 'steps.mjs'), `${readFileSync(join(root, 'steps.mjs'), 'utf8')}\nexport const more = 1\n`)
  const changed = await build()
  const same = changed.layers.map((layer, index) => layer.digest === first.layers[index]?.digest)
  expect(same).toEqual([true, true, true, false])
  expect(changed.digest).not.toBe(first.digest)

  const later = await build({ created: new Date('2001-07-01T00:00:00Z') })
  expect(later.layers.slice(0, 3).map(layer => layer.digest)).toEqual(
    first.layers.slice(0, 3).map(layer => layer.digest),
  )
})

test('the image runs as nobody and holds code, not data or secrets', async () => {
  const { config, layers, dockerfile } = await build()
  expect(config.config).toMatchObject({
    User: '65532:65532',
    WorkingDir: '/app',
    Entrypoint: ['/usr/local/bin/node', '/app/node_modules/millrace/dist/cli/bin.js'],
  })
  const namesOf = (at: number): string[] => {
    const input = gunzipSync(readFileSync(layers.at(at)?.file ?? ''))
    return execFileSync('tar', ['-tf', '-'], { input, encoding: 'utf8' }).trim().split('\n')
  }
  expect(namesOf(-1)).toEqual(['app/', 'app/.millrace/', 'app/millrace.config.ts', 'app/steps.mjs'])
  // what the server reads beside its code
  const own = namesOf(-2)
  for (const path of ['migrations/sqlite/0001_init.sql', 'protocols/open-inference.proto'])
    expect(own).toContain(`app/node_modules/millrace/${path}`)
  expect(readFileSync(dockerfile, 'utf8')).toContain('USER 65532:65532')
})

test('another image can be the base: its layers stay as they are', async () => {
  const base = await build({ out: join(root, '.millrace', 'image', 'base') })
  const upon = await build({ base: base.folder, out: join(root, '.millrace', 'image', 'upon') })
  expect(upon.manifest.layers.slice(0, 4)).toEqual(base.manifest.layers)
  expect(upon.config.rootfs.diff_ids).toHaveLength(7)
  await expect(build({ base: 'registry.example.org/node:20' })).rejects.toMatchObject({ code: 'MR3311' })
  await expect(build({ node: 'base' })).rejects.toMatchObject({ code: 'MR3312' })
})

test('an image is written where it is told, as one file too, and is pushed in the clear where that is allowed', async () => {
  const { root: place } = imageProject()
  // what is compressed takes a while: the layers of this package are kept between runs
  const kept = resolve('.cache/image-layers')
  mkdirSync(join(place, '.millrace', 'image'), { recursive: true })
  mkdirSync(kept, { recursive: true })
  cpSync(kept, join(place, '.millrace', 'image', 'cache'), { recursive: true })
  const layout = join(place, 'laid')
  expect(await inside(place, ['image', 'build', '--out', 'laid', '--archive'])).toMatchObject({ code: 0 })
  cpSync(join(place, '.millrace', 'image', 'cache'), kept, { recursive: true })
  expect(readdirSync(layout)).toEqual(expect.arrayContaining(['blobs', 'index.json', 'oci-layout']))
  expect(existsSync(`${layout}.tar`)).toBe(true)
  expect(existsSync(join(place, '.millrace', 'image', 'oci'))).toBe(false)
  // without --archive there is no file
  rmSync(`${layout}.tar`)
  expect(await inside(place, ['image', 'build', '--out', 'laid'])).toMatchObject({ code: 0 })
  expect(existsSync(`${layout}.tar`)).toBe(false)
  // a registry without TLS hears of a push, and of a pull of the base, only with --insecure
  const asked: string[] = []
  const registry = createServer((request, response) => {
    asked.push(request.method ?? '')
    response.writeHead(404).end()
  })
  const port = await new Promise<number>(done =>
    registry.listen(0, '127.0.0.1', () => done((registry.address() as AddressInfo).port)),
  )
  try {
    const image = `127.0.0.1:${port}/orders`
    for (const words of [
      ['push', `${image}:1`, '--from', 'laid'],
      ['build', '--base', `${image}@sha256:${'0'.repeat(64)}`],
    ]) {
      asked.length = 0
      expect((await inside(place, ['image', ...words])).code, words[0]).not.toBe(0)
      expect(asked, words[0]).toEqual([])
      expect((await inside(place, ['image', ...words, '--insecure'])).code, words[0]).not.toBe(0)
      expect(asked.length, words[0]).toBeGreaterThan(0)
    }
  } finally {
    registry.close()
    rmSync(place, { recursive: true, force: true, maxRetries: 5 })
  }
})
