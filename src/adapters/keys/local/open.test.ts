import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { manualClock } from '../../../testing/manual-clock.ts'
import { openLocalKeys } from './open.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-keys-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))
let count = 0
const fresh = () => ({
  path: join(root, `${count++}`, 'keystore.json'),
  clock: manualClock(),
  passphrase: 'correct horse',
})
const context = { kind: 'model', oid: '01J', project: 'demo' }

test('a data key comes back in the same context, to whoever was granted it, also after the file is opened again', async () => {
  const options = fresh()
  const keys = await openLocalKeys(options)
  await keys.create('models', 'admin')
  const { plaintext, wrapped } = await keys.generateDataKey('models', context, 'admin')
  const again = await openLocalKeys(options)
  expect(await again.unwrap(wrapped, context, 'admin')).toEqual(plaintext)
  await expect(again.unwrap(wrapped, { ...context, oid: 'other' }, 'admin')).rejects.toMatchObject({ code: 'MR6020' })
  expect(statSync(options.path).mode & 0o777).toBe(0o600)
  expect(readFileSync(options.path, 'utf8')).not.toContain(Buffer.from(plaintext).toString('base64'))
})

test('without a grant everything is denied; a grant allows what it says until it is revoked', async () => {
  const keys = await openLocalKeys(fresh())
  await keys.create('models', 'admin')
  const denied = { code: 'MR6013' }
  await expect(keys.generateDataKey('models', context, 'trainer')).rejects.toMatchObject(denied)
  await expect(keys.grant('models', 'trainer', ['*'], 'trainer')).rejects.toMatchObject(denied)
  await keys.grant('models', 'trainer', ['kms:GenerateDataKey'], 'admin')
  const { wrapped } = await keys.generateDataKey('models', context, 'trainer')
  await expect(keys.unwrap(wrapped, context, 'trainer')).rejects.toMatchObject(denied)
  await expect(keys.rotate('models', 'trainer')).rejects.toMatchObject(denied)
  await keys.revoke('models', 'trainer', 'admin')
  await expect(keys.generateDataKey('models', context, 'trainer')).rejects.toMatchObject(denied)
  await expect(keys.unwrap({ ...wrapped, key: 'none' }, context, 'admin')).rejects.toMatchObject({ code: 'MR6012' })
  await expect(keys.create('models', 'other')).rejects.toMatchObject({ code: 'MR6014' })
})

test('an action that keys do not have is refused, and nothing of that grant is kept', async () => {
  const keys = await openLocalKeys(fresh())
  await keys.create('models', 'admin')
  for (const actions of [['kms:Foo'], ['kms:Decrypt', 'kms:decrypt'], [''], []])
    await expect(keys.grant('models', 'serving', actions, 'admin')).rejects.toMatchObject({
      code: 'MR6019',
      exit: 2,
      hint: expect.stringContaining('kms:GenerateDataKey, kms:Decrypt, kms:Rotate, kms:Grant, *') as string,
    })
  expect((await keys.list())[0]?.grants.map(grant => grant.principal)).toEqual(['admin'])
})

test('rotation is invisible to what was wrapped before', async () => {
  const keys = await openLocalKeys(fresh())
  await keys.create('models', 'admin')
  const before = await keys.generateDataKey('models', context, 'admin')
  const rotated = await keys.rotate('models', 'admin')
  expect(rotated.versions.map(v => v.state)).toEqual(['decrypt-only', 'enabled'])
  const after = await keys.generateDataKey('models', context, 'admin')
  expect([before.wrapped.version, after.wrapped.version]).toEqual(['1', '2'])
  expect(await keys.unwrap(before.wrapped, context, 'admin')).toEqual(before.plaintext)
  expect(await keys.unwrap(after.wrapped, context, 'admin')).toEqual(after.plaintext)
})

test('a wrong passphrase, none at all, and an altered file are told apart', async () => {
  const options = fresh()
  const keys = await openLocalKeys(options)
  await keys.create('models', 'admin')
  await expect(openLocalKeys({ ...options, passphrase: 'wrong' })).rejects.toMatchObject({ code: 'MR6010' })
  await expect(openLocalKeys({ path: options.path, clock: options.clock })).rejects.toMatchObject({ code: 'MR6010' })
  const text = readFileSync(options.path, 'utf8')
  writeFileSync(options.path, text.replace('"admin"', '"mallory"'))
  await expect(keys.list()).rejects.toMatchObject({ code: 'MR6011' })
  await expect(openLocalKeys(options)).rejects.toMatchObject({ code: 'MR6011' })
  writeFileSync(options.path, text.replace(/"cost":\[\d+/, '"cost":[999999999'))
  await expect(openLocalKeys(options)).rejects.toMatchObject({ code: 'MR6011' })
})

test('changes at the same time are all kept', async () => {
  const options = fresh()
  const [a, b] = [await openLocalKeys(options), await openLocalKeys(options)]
  await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 ? a : b).create(`key-${i}`, 'admin')))
  expect(await a.list()).toHaveLength(10)
})
