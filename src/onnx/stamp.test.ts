import fc from 'fast-check'
import { expect, test } from 'vitest'
import { graph } from './graph-builder.ts'
import { inspectModel } from './inspect.ts'
import { readModel } from './read-model.ts'
import { stampModel } from './stamp.ts'
import { writeModel } from './write-model.ts'

function plain(metadata: Readonly<Record<string, string>>): Uint8Array {
  const builder = graph('any')
  builder.input('features', 'float', ['N', 2])
  builder.node('Identity', ['features'], 'scores')
  builder.output('scores', 'float', ['N', 2])
  return writeModel(builder.build(), metadata, '1')
}

const entries = fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), fc.string({ maxLength: 8 }), { maxKeys: 4 })
const stamped = (of: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(of).map(([key, value]) => [`millrace.${key}`, value]))

test('a stamp adds to the metadata, replaces an earlier stamp, and leaves everything else as it was', () => {
  fc.assert(
    fc.property(entries, entries, entries, (foreign, before, after) => {
      const own = plain({ ...foreign, ...stamped(before) })
      const once = stampModel(own, stamped(after))
      expect(inspectModel(once).metadata).toEqual({ ...foreign, ...stamped(after) })
      expect(readModel(once).graph).toEqual(readModel(own).graph)
      expect(stampModel(once, stamped(after))).toEqual(once)
    }),
  )
})

test('what was never stamped stays byte for byte the beginning of what is', () => {
  const own = plain({ author: 'somebody' })
  const once = stampModel(own, { 'millrace.model': 'late' })
  expect(Buffer.from(once.subarray(0, own.length)).equals(own)).toBe(true)
})
