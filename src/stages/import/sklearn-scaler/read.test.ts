import { zipSync } from 'fflate'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isMillraceError } from '../../../errors/index.ts'
import { graph, writeModel } from '../../../onnx/index.ts'
import { readSklearnScaler } from './read.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** An .npy file of that element type and content. */
function npy(descr: string, shape: string, body: Uint8Array): Uint8Array {
  const header = text(`{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }\n`)
  const start = Uint8Array.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8])
  return Uint8Array.from([...start, ...header, ...body])
}
const doubles = (...values: number[]): Uint8Array =>
  npy('<f8', `(${values.length},)`, new Uint8Array(Float64Array.from(values).buffer))

const npz = zipSync({ 'mean_.npy': doubles(1, -2), 'scale_.npy': doubles(4, 0.5) })
const json = text(JSON.stringify({ mean_: [1, -2], scale_: [4, 0.5], feature_names_in_: ['a', 'b'] }))

function onnx(): Uint8Array {
  const builder = graph('scale')
  builder.input('X', 'double', ['N', 2])
  const mean = builder.constant('mean', 'double', [2], [1, -2])
  const scale = builder.constant('scale', 'double', [2], [4, 0.5])
  builder.node('Div', [builder.node('Sub', ['X', mean], 'centred'), scale], 'scaled')
  builder.output('scaled', 'double', ['N', 2])
  return writeModel(builder.build(), {}, '')
}

test.each([
  ['npz', npz],
  ['json', json],
  ['onnx', onnx()],
] as const)('%s', (form, bytes) => {
  const read = readSklearnScaler(bytes, 'scaler')
  expect(read.form).toBe(form)
  expect(read.scaler.features.map(({ offset, scale }) => [offset, scale])).toEqual([
    [1, 4],
    [-2, 0.5],
  ])
})

test.each([
  ['protocol 4', Uint8Array.from([0x80, 4, 0x95, 0x2e]), 'x.bin', 'MR1200', /begins with protocol 4/],
  ['joblib by its name', Uint8Array.from([0x78, 0x9c]), 'x.joblib', 'MR1200', /named x.joblib/],
  ['a pickle inside an archive', zipSync({ 'a/data.pkl': text('x') }), 'x.pt', 'MR1200', /holds a\/data.pkl/],
  [
    'objects in an array',
    zipSync({ 'mean_.npy': npy('|O', '(1,)', text('x')) }),
    'x.npz',
    'MR1201',
    /mean_: it holds Python objects/,
  ],
  ['too few values', zipSync({ 'mean_.npy': npy('<f8', '(9,)', text('x')) }), 'x.npz', 'MR1201', /fewer values/],
  ['an archive of something else', zipSync({ 'a.txt': text('x') }), 'x.zip', 'MR1202', /neither schema.json/],
  ['a lone array', doubles(1), 'x.npy', 'MR1202', /one array/],
  ['JSON of something else', text('{"a":1}'), 'x.json', 'MR1201', /none of mean_/],
  ['a pipeline', text('{"class":"Pipeline"}'), 'x.json', 'MR1201', /holds a Pipeline/],
  ['unequal lengths', text('{"mean_":[1],"scale_":[1,2]}'), 'x.json', 'MR1201', /for 1 features/],
  ['no number', text('{"mean_":[1,null],"scale_":[1,2]}'), 'x.json', 'MR1201', /mean_ of feature 1 is null/],
  ['a scale of 0', text('{"mean_":[1],"scale_":[0]}'), 'x.json', 'MR1201', /scale of x0 is 0/],
  [
    'our own form without figures',
    text('{"version":1,"features":[{"name":"a"}]}'),
    'x.json',
    'MR1201',
    /feature 0 has no/,
  ],
  ['cut JSON', text('{"mean_":[1'), 'x.json', 'MR1201', /no JSON/],
  ['nothing', new Uint8Array(0), 'x.onnx', 'MR4001', /empty/],
] as const)('refuses %s', (_, bytes, file, code, said) => {
  try {
    readSklearnScaler(bytes, file)
  } catch (error) {
    expect((error as { code: string }).code).toBe(code)
    expect((error as Error).message).toMatch(said)
    return
  }
  expect.fail('it was read')
})

test('a graph that does more than scale is no scaler, by its operator', () => {
  const builder = graph('more')
  builder.input('X', 'float', ['N', 1])
  builder.node('Sigmoid', ['X'], 'y')
  builder.output('y', 'float', ['N', 1])
  expect(() => readSklearnScaler(writeModel(builder.build(), {}, ''), 'x.onnx')).toThrow(
    'x.onnx is no scaler: operator Sigmoid does more than scale.',
  )
})

test('damaged files give a catalogued error or a scaler of finite figures', () => {
  const whole = [npz, json, onnx(), zipSync({ 'schema.json': text('{"content":{"content":{}}}') })]
  fc.assert(
    fc.property(fc.constantFrom(...whole), fc.array(fc.tuple(fc.nat(), fc.nat(255))), fc.nat(), (file, flips, cut) => {
      const bytes = file.slice(0, cut % 3 === 0 ? cut % file.length : file.length)
      for (const [at, value] of flips) if (bytes.length > 0) bytes[at % bytes.length] = value
      try {
        const { scaler } = readSklearnScaler(bytes, 'x')
        for (const { offset, scale } of scaler.features)
          expect(Number.isFinite(offset) && Number.isFinite(scale) && scale !== 0).toBe(true)
      } catch (error) {
        if (!isMillraceError(error)) throw error
      }
    }),
    { numRuns: 500 },
  )
})
