import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { fitLinear } from '../../../math/linear/index.ts'
import { fitScaler } from '../../../math/scaler/index.ts'
import { exportModel } from '../../../onnx/index.ts'

process.env['ORT_DISABLE_TELEMETRY'] = '1'
process.env['ORT_TELEMETRY_DISABLED'] = '1'
const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof import('onnxruntime-node')

const rows = 400
const x = Float32Array.from({ length: rows }, (_, i) => i / rows)
const labels = x.map((value, i) => (value + ((i * 7) % 10) / 20 > 0.7 ? 1 : 0))
const scaler = fitScaler(['standard'], [x])
const estimator = { kind: 'linear', model: fitLinear({ rows, columns: [x], labels }, { task: 'binary' }) } as const

/** Scores and labels as the file itself gives them. */
async function run(threshold: number | undefined): Promise<{ scores: Float32Array; labels: number[] }> {
  const bytes = exportModel({
    inputs: [{ name: 'x', kind: 'number' }],
    scaler,
    estimator,
    ...(threshold === undefined ? {} : { threshold }),
  })
  const session = await ort.InferenceSession.create(bytes)
  try {
    const { scores, label } = await session.run({ features: new ort.Tensor('float32', x, [rows, 1]) })
    return { scores: scores?.data as Float32Array, labels: Array.from(label?.data as BigInt64Array, Number) }
  } finally {
    await session.release()
  }
}

it('a file labels as the server does: at or above the declared threshold, to the last bit', async () => {
  const { scores } = await run(undefined)
  const some = scores[200] as number
  // what no float32 is, and what just is one
  for (const threshold of [undefined, 0, 0.1, 0.3, 1 / 3, 0.95, 1, some, some + 1e-9, some - 1e-9]) {
    const found = await run(threshold)
    expect(found.labels, String(threshold)).toEqual([...found.scores].map(score => Number(score >= (threshold ?? 0.5))))
  }
  const all = await run(0)
  expect(new Set(all.labels)).toEqual(new Set([1]))
  expect((await run(1)).labels.every(label => label === 0)).toBe(true)
})
