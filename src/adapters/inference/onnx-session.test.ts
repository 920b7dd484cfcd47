import { expect, test } from 'vitest'
import { graph, writeModel } from '../../onnx/index.ts'
import { loadRuntime } from './onnx-session.ts'
import { openNative } from './onnx-native/open.ts'
import { openWasm } from './onnx-wasm/open.ts'

test('a package that is not installed gives its catalogued error with the name to install', async () => {
  const absent = 'onnxruntime-not-here'
  await expect(loadRuntime(absent, () => import(absent))).rejects.toMatchObject({
    code: 'MR4004',
    hint: expect.stringContaining(`npm install ${absent}`) as string,
  })
})

/** A model as other exporters write it: other names, a label and two columns of probabilities. */
function foreign(): Uint8Array {
  const builder = graph('foreign')
  builder.input('float_input', 'float', ['N', 2])
  builder.node('Softmax', ['float_input'], 'probabilities', { axis: { int: 1 } })
  builder.node('ArgMax', ['probabilities'], 'output_label', { axis: { int: 1 }, keepdims: { int: 0 } })
  builder.output('output_label', 'int64', ['N']).output('probabilities', 'float', ['N', 2])
  return writeModel(builder.build(), {}, '')
}

test.each([
  ['native', openNative],
  ['wasm', openWasm],
])("%s: another exporter's binary classifier gives the probability of the second class", async (_, open) => {
  const model = await (await open()).load(foreign())
  expect(model.outputs).toBe(1)
  const { scores } = await model.run({ rows: 2, features: Float32Array.from([0, 0, 0, Math.log(3)]) })
  expect(scores[0]).toBeCloseTo(0.5, 6)
  expect(scores[1]).toBeCloseTo(0.75, 6)
  await model.close()
})

test.each([
  ['native', openNative],
  ['wasm', openWasm],
])('%s: a fault that shows only when running is found when loading', async (_, open) => {
  const builder = graph('broken')
  builder.input('features', 'float', ['N', 2])
  builder.node('ml.Scaler', ['features'], 'scores', { offset: { floats: [1, 2, 3] }, scale: { floats: [1, 1, 1] } })
  builder.output('scores', 'float', ['N', 2])
  await expect((await open()).load(writeModel(builder.build(), {}, ''))).rejects.toMatchObject({ code: 'MR4006' })
})
