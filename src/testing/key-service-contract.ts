import assert from 'node:assert/strict'
import type { KeyService, WrappedKey } from '../ports/key-service.ts'
import { type ContractCase, type Skips, withSkips } from './contract.ts'

const context = { kind: 'model', oid: '01J', project: 'demo' }

const catalogued =
  (code: string) =>
  (error: { code?: string; message?: string }): boolean => {
    assert.equal(error.code, code, error.message)
    return true
  }
const denied = catalogued('MR6013')
const undecipherable = catalogued('MR6020')

/** Every way of writing the ciphertext wrong: a bit in each place, cut, grown, emptied, no base64 at all. */
function tampered(wrapped: WrappedKey): WrappedKey[] {
  const bytes = Buffer.from(wrapped.ciphertext, 'base64')
  const places = [...new Set(Array.from({ length: 16 }, (_, i) => Math.floor((i / 15) * (bytes.length - 1))))]
  const flipped = places.map(at => {
    const copy = Buffer.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ 0x01
    return copy.toString('base64')
  })
  const cut = [bytes.subarray(0, -1), bytes.subarray(1), bytes.subarray(0, 8), Buffer.concat([bytes, Buffer.alloc(1)])]
  return [...flipped, ...cut.map(one => one.toString('base64')), '', '%%%'].map(ciphertext => ({
    ...wrapped,
    ciphertext,
  }))
}

/** What every key service must do. `open` gives a fresh one without keys. */
export function keyServiceContract(open: () => Promise<KeyService>, skips?: Skips): readonly ContractCase[] {
  const given = (name: string, look: (keys: KeyService) => Promise<void>): ContractCase => ({
    name,
    run: async () => look(await open()),
  })
  const cases = [
    given('a data key is 256 fresh bits, wrapped under the named key, and comes back to the bit', async keys => {
      await keys.create('models', 'admin')
      const made = await Promise.all(Array.from({ length: 20 }, () => keys.generateDataKey('models', context, 'admin')))
      assert.equal(new Set(made.map(one => Buffer.from(one.plaintext).toString('hex'))).size, 20)
      assert.equal(new Set(made.map(one => one.wrapped.ciphertext)).size, 20)
      for (const { plaintext, wrapped } of made) {
        assert.equal(plaintext.length, 32)
        assert.equal(wrapped.key, 'models')
        assert.equal(wrapped.service, keys.name)
        assert.ok(
          !Buffer.from(wrapped.ciphertext, 'base64').includes(Buffer.from(plaintext)),
          'the key stands in its own envelope',
        )
        assert.deepEqual(await keys.unwrap(wrapped, context, 'admin'), plaintext)
      }
    }),

    given(
      'a wrapped key opens only in the context that it was made in, in whatever order that is written',
      async keys => {
        await keys.create('models', 'admin')
        const { plaintext, wrapped } = await keys.generateDataKey('models', context, 'admin')
        const turned = { project: 'demo', oid: '01J', kind: 'model' }
        assert.deepEqual(await keys.unwrap(wrapped, turned, 'admin'), plaintext)
        const { oid: _left, ...less } = context
        for (const other of [{ ...context, oid: '01K' }, { ...context, more: 'x' }, less, {}])
          await assert.rejects(keys.unwrap(wrapped, other, 'admin'), undecipherable, JSON.stringify(other))
      },
    ),

    given('a ciphertext that was altered anywhere is refused, and always with the same words', async keys => {
      await keys.create('models', 'admin')
      const { wrapped } = await keys.generateDataKey('models', context, 'admin')
      const said = new Set<string>()
      for (const other of tampered(wrapped))
        await assert.rejects(keys.unwrap(other, context, 'admin'), (error: Error) => {
          said.add(error.message)
          return undecipherable(error)
        })
      assert.equal(said.size, 1, [...said].join(' | '))
    }),

    given('a data key of one key does not open under another, nor under a version that never was', async keys => {
      await keys.create('models', 'admin')
      await keys.create('data', 'admin')
      const { wrapped } = await keys.generateDataKey('models', context, 'admin')
      await assert.rejects(keys.unwrap({ ...wrapped, key: 'data' }, context, 'admin'), undecipherable)
      for (const version of ['2', '0', '-1', '', 'one'])
        await assert.rejects(keys.unwrap({ ...wrapped, version }, context, 'admin'), undecipherable)
    }),

    given(
      'rotation makes a new primary version; what was wrapped before still opens, nothing new is wrapped with it',
      async keys => {
        await keys.create('models', 'admin')
        const before = await keys.generateDataKey('models', context, 'admin')
        const rotated = await keys.rotate('models', 'admin')
        assert.equal(rotated.primaryVersion, 2)
        assert.deepEqual(
          rotated.versions.map(one => [one.version, one.state]),
          [
            [1, 'decrypt-only'],
            [2, 'enabled'],
          ],
        )
        const after = await keys.generateDataKey('models', context, 'admin')
        assert.deepEqual([before.wrapped.version, after.wrapped.version], ['1', '2'])
        for (const { plaintext, wrapped } of [before, after])
          assert.deepEqual(await keys.unwrap(wrapped, context, 'admin'), plaintext)
        // The two versions are different keys, not one with two names
        await assert.rejects(keys.unwrap({ ...before.wrapped, version: '2' }, context, 'admin'), undecipherable)
        await assert.rejects(keys.unwrap({ ...after.wrapped, version: '1' }, context, 'admin'), undecipherable)
      },
    ),

    given('without a grant everything is denied; a grant allows what it says and nothing else', async keys => {
      await keys.create('models', 'admin')
      const own = await keys.generateDataKey('models', context, 'admin')
      const all = [
        () => keys.generateDataKey('models', context, 'trainer'),
        () => keys.unwrap(own.wrapped, context, 'trainer'),
        () => keys.rotate('models', 'trainer'),
        () => keys.grant('models', 'trainer', ['*'], 'trainer'),
        () => keys.revoke('models', 'admin', 'trainer'),
      ]
      for (const one of all) await assert.rejects(one(), denied)
      await keys.grant('models', 'trainer', ['kms:GenerateDataKey'], 'admin')
      const { wrapped } = await keys.generateDataKey('models', context, 'trainer')
      await assert.rejects(keys.unwrap(wrapped, context, 'trainer'), denied)
      await assert.rejects(keys.rotate('models', 'trainer'), denied)
      await assert.rejects(keys.grant('models', 'trainer', ['*'], 'trainer'), denied)
      // A second grant adds to the first
      await keys.grant('models', 'trainer', ['kms:Decrypt'], 'admin')
      assert.equal((await keys.unwrap(wrapped, context, 'trainer')).length, 32)
      assert.equal((await keys.generateDataKey('models', context, 'trainer')).plaintext.length, 32)
    }),

    given('a revoked grant is gone at once, for old envelopes too; others keep theirs', async keys => {
      await keys.create('models', 'admin')
      await keys.grant('models', 'trainer', ['*'], 'admin')
      await keys.grant('models', 'server', ['kms:Decrypt'], 'admin')
      const { plaintext, wrapped } = await keys.generateDataKey('models', context, 'trainer')
      const after = await keys.revoke('models', 'trainer', 'admin')
      assert.deepEqual(after.grants.map(one => one.principal).sort(), ['admin', 'server'])
      await assert.rejects(keys.unwrap(wrapped, context, 'trainer'), denied)
      await assert.rejects(keys.generateDataKey('models', context, 'trainer'), denied)
      assert.deepEqual(await keys.unwrap(wrapped, context, 'server'), plaintext)
      await keys.revoke('models', 'nobody', 'admin')
    }),

    given('the list tells keys, versions and grants, and no secret', async keys => {
      await keys.create('models', 'admin')
      await keys.create('data', 'steward')
      await keys.rotate('models', 'admin')
      const listed = await keys.list()
      assert.deepEqual(
        listed
          .map(one => [one.name, one.primaryVersion, one.versions.length, one.grants[0]?.principal] as const)
          .sort(([a], [b]) => (a < b ? -1 : 1)),
        [
          ['data', 1, 1, 'steward'],
          ['models', 2, 2, 'admin'],
        ],
      )
      const { plaintext } = await keys.generateDataKey('models', context, 'admin')
      assert.ok(!JSON.stringify(listed).includes(Buffer.from(plaintext).toString('base64')))
      for (const key of listed)
        for (const version of key.versions)
          assert.deepEqual(Object.keys(version).sort(), ['created', 'state', 'version'])
    }),

    given('a key that is not there, or is there already, is said in words', async keys => {
      await assert.rejects(keys.generateDataKey('none', context, 'admin'), catalogued('MR6012'))
      await assert.rejects(keys.rotate('none', 'admin'), catalogued('MR6012'))
      await keys.create('models', 'admin')
      await assert.rejects(keys.create('models', 'other'), catalogued('MR6014'))
      await assert.rejects(keys.generateDataKey('models', context, 'other'), denied)
    }),

    given('changes at the same time are all kept', async keys => {
      await Promise.all(Array.from({ length: 6 }, (_, i) => keys.create(`key-${i}`, 'admin')))
      await Promise.all(Array.from({ length: 6 }, (_, i) => keys.grant('key-0', `user-${i}`, ['kms:Decrypt'], 'admin')))
      const listed = await keys.list()
      assert.equal(listed.length, 6)
      assert.equal(listed.find(one => one.name === 'key-0')?.grants.length, 7)
    }),
  ]
  return withSkips(cases, skips)
}
