import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openNative } from '../src/adapters/inference/onnx-native/open.ts'
import { isMillraceError } from '../src/errors/index.ts'
import { graph, type GraphBuilder, verdictOf, verifyModel, writeModel } from '../src/onnx/index.ts'
import { wireWriter, type WireWriter } from '../src/onnx/wire-writer.ts'
import { inside as millrace } from './support/inside.ts'

// What a file can claim or do to whoever reads it: a clear word soon, in little memory, and nothing outside the folder is touched.

const root = mkdtempSync(join(tmpdir(), 'millrace-hostile-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const builtOf = (make: (builder: GraphBuilder) => void): Uint8Array => {
  const builder = graph('hostile')
  make(builder)
  return writeModel(builder.build(), {}, '', 'elsewhere')
}

/** A model with one constant, written by hand. */
function withTensor(write: (tensor: WireWriter) => void): Uint8Array {
  const model = wireWriter()
  model.int(1, 8)
  model.message(8, one => one.int(2, 17))
  model.message(7, inner => {
    inner.message(1, node => {
      node.text(1, 'x')
      node.text(1, 'w')
      node.text(2, 'scores')
      node.text(4, 'Add')
    })
    inner.text(2, 'g')
    inner.message(5, write)
    for (const [field, name] of [
      [11, 'x'],
      [12, 'scores'],
    ] as const) {
      inner.message(field, value => {
        value.text(1, name)
        value.message(2, type => {
          type.message(1, tensor => {
            tensor.int(1, 1)
            tensor.message(2, shape => {
              shape.message(1, size => size.text(2, 'N'))
              shape.message(1, size => size.int(1, 2))
            })
          })
        })
      })
    }
  })
  return model.finish()
}

const external =
  (location: string) =>
  (tensor: WireWriter): void => {
    tensor.packedInts(1, [2])
    tensor.int(2, 1)
    tensor.text(8, 'w')
    tensor.message(13, entry => {
      entry.text(1, 'location')
      entry.text(2, location)
    })
    tensor.int(14, 1)
  }

const sized =
  (dims: readonly number[]) =>
  (tensor: WireWriter): void => {
    tensor.packedInts(1, dims)
    tensor.int(2, 1)
    tensor.packedFloats(4, [1, 2])
    tensor.text(8, 'w')
  }

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]

/** Messages within messages: each level is one more graph. */
function nested(depth: number, path: readonly number[]): Uint8Array {
  let bytes: number[] = []
  for (let level = 0; level < depth; level++) {
    for (const field of path) bytes = [field * 8 + 2, ...varint(bytes.length), ...bytes]
  }
  return Uint8Array.from([7 * 8 + 2, ...varint(bytes.length), ...bytes])
}

const cases: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
  ...['../../../etc/passwd', '/etc/passwd', 'a/../../b', 'C:\\windows\\x', '..\\x', 'a\0b'].map(
    location =>
      [
        `weights at ${JSON.stringify(location)}`,
        () => withTensor(external(location)),
        /lies outside the folder of the model/,
      ] as const,
  ),
  ['weights in a file without a name', () => withTensor(external('')), /lies in a file that is not named/],
  [
    'weights in a file beside it',
    () => withTensor(external('weights.bin')),
    /"w" lies in another file: write the model as one file/,
  ],
  [
    'a constant of 2 GB that is not there',
    () => withTensor(sized([2 ** 29])),
    /holds 2 values where its shape says 536870912/,
  ],
  ['a constant beyond any number', () => withTensor(sized([2 ** 40, 2 ** 40])), /is said to have|holds 2 values/],
  ['a negative size', () => withTensor(sized([-2])), /has a negative dimension/],
  ['sizes that cancel each other out', () => withTensor(sized([-1, -2])), /has a negative dimension/],
  [
    'a field of 2 GB in a file of ten bytes',
    () => Uint8Array.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x07, 1, 2, 3]),
    /a field is longer than what holds it/,
  ],
  ['graphs in graphs', () => nested(2000, [6, 5, 1]), /nested deeper than/],
  [
    'types in types',
    () => nested(1, [4, 1, ...Array.from({ length: 2000 }, () => [4, 1]).flat(), 2, 11]),
    /nested deeper than|has no type|no name/,
  ],
  [
    'groups that never end',
    () => Uint8Array.from(Array.from({ length: 5000 }, () => 0x7b)),
    /unknown wire type|within a group/,
  ],
  [
    'a ring of nodes',
    () =>
      builtOf(b => {
        b.input('x', 'float', ['N', 2])
        b.node('Add', ['x', 'b'], 'a')
        b.node('Add', ['x', 'a'], 'b')
        b.output('b', 'float', ['N', 2])
      }),
    /uses "b" before anything defines it/,
  ],
  [
    'a tree that leads back to itself',
    () =>
      builtOf(b => {
        b.input('x', 'float', ['N', 2])
        b.node('ml.TreeEnsembleRegressor', ['x'], 'scores', {
          nodes_treeids: { ints: [0, 0, 0] },
          nodes_nodeids: { ints: [0, 1, 2] },
          nodes_featureids: { ints: [0, 0, 0] },
          nodes_modes: { strings: ['BRANCH_LEQ', 'BRANCH_LEQ', 'LEAF'] },
          nodes_values: { floats: [0, 0, 0] },
          nodes_truenodeids: { ints: [1, 1, 0] },
          nodes_falsenodeids: { ints: [2, 1, 0] },
          target_ids: { ints: [0] },
          target_nodeids: { ints: [2] },
          target_treeids: { ints: [0] },
          target_weights: { floats: [1] },
          n_targets: { int: 1 },
        })
        b.output('scores', 'float', ['N', 1])
      }),
    /is reached from itself/,
  ],
  [
    'endless inputs a row',
    () =>
      builtOf(
        b => (
          b.input('x', 'float', ['N', 2 ** 50]),
          b.node('Sigmoid', ['x'], 'scores'),
          b.output('scores', 'float', ['N', 2 ** 50])
        ),
      ),
    /takes 1125899906842624 values a row/,
  ],
  [
    'a fixed batch of a million million rows',
    () =>
      builtOf(b => {
        b.input('x', 'float', [2 ** 40, 2])
        b.node('Sigmoid', ['x'], 'scores')
        b.output('scores', 'float', [2 ** 40, 2])
      }),
    /takes 1099511627776 rows of 2 at once/,
  ],
]

describe('hostile models', () => {
  test.each(cases)('%s', (_, make, message) => {
    const bytes = make()
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed
    const { servable, reasons } = verdictOf(verifyModel(bytes))
    const grown = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - before
    expect(servable).toBe(false)
    expect(reasons.join('\n')).toMatch(message)
    expect(grown).toBeLessThan(200 * 2 ** 20)
  })

  test('the runtime refuses them with a catalogued error, and none ends the process', async () => {
    const runtime = await openNative()
    for (const [name, make] of cases) {
      try {
        await (await runtime.load(make())).close()
      } catch (error) {
        expect(isMillraceError(error), `${name}: ${String(error)}`).toBe(true)
      }
    }
  })

  test('the command line says so too', async () => {
    for (const [at, [, make, message]] of cases.entries()) {
      if (at % 4 !== 0) continue
      writeFileSync(join(root, `${at}.onnx`), make())
      const { said } = await millrace(root, ['onnx', 'verify', `${at}.onnx`])
      expect(said).toMatch(message)
      expect(said).not.toContain('This is a bug')
    }
  })
})
