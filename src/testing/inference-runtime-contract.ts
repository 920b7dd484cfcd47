import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exportModel, parity } from '../onnx/index.ts'
import type { InferenceRuntime, LoadedModel } from '../ports/inference-runtime.ts'
import { type SampleModel, sampleModel, sampleNames } from './inference-models.ts'

/** What every inference runtime must do. Call it in a test file with the adapter's factory. */
export function inferenceRuntimeContract(name: string, open: () => Promise<InferenceRuntime>): void {
  describe(`inference runtime ${name}`, () => {
    describe.each(sampleNames)('model %s', sampleName => {
      let sample: SampleModel
      let model: LoadedModel
      beforeAll(async () => {
        sample = await sampleModel(sampleName)
        model = await (await open()).load(sample.bytes)
      })
      afterAll(async () => {
        await model?.close()
      })

      test('tells its shapes', () => {
        expect(model.width * sample.rows).toBe(sample.features.length)
        expect(model.categoryWidth * sample.rows).toBe(sample.categories?.length ?? 0)
        expect(model.outputs * sample.rows).toBe(sample.scores.length)
      })

      test("gives the trainer's scores, missing values and unseen categories included", async () => {
        const { scores } = await model.run(sample)
        expect(scores.length).toBe(sample.scores.length)
        expect(largestDifference(scores, sample.scores)).toBeLessThanOrEqual(1e-6)
        expect(await parity(sample.task, sample.scores, model, sample)).toMatchObject({ status: 'pass', bad: 0 })
      })

      test.each([0, 1, 7, 64])('answers a batch of %i rows as it answers all', async rows => {
        const { scores } = await model.run(firstRows(sample, model, rows))
        expect(largestDifference(scores, sample.scores.subarray(0, rows * model.outputs))).toBeLessThanOrEqual(1e-6)
      })

      test('refuses batches of the wrong width', async () => {
        const one = firstRows(sample, model, 1)
        const wrong = [
          { ...one, features: new Float32Array(model.width + 1) },
          { ...one, rows: 2 },
          { ...one, categories: [...(one.categories ?? []), 'more'] },
        ]
        for (const batch of wrong) await expect(model.run(batch)).rejects.toMatchObject({ code: 'MR4005' })
        // And still answers.
        expect((await model.run(one)).scores.length).toBe(model.outputs)
      })
    })

    test('refuses what is no model, with a catalogued error', async () => {
      const runtime = await open()
      for (const bytes of [new Uint8Array(0), new TextEncoder().encode('not a model'), new Uint8Array(64).fill(255)]) {
        await expect(runtime.load(bytes)).rejects.toMatchObject({ code: expect.stringMatching(/^MR40/) as string })
      }
    })

    test('runs a model of texts alone', async () => {
      const bytes = exportModel({
        inputs: [{ name: 'colour', kind: 'text', categories: ['red', 'green'] }],
        scaler: { kind: 'none', features: [unscaled], approximateQuantiles: false },
        estimator: {
          kind: 'linear',
          model: { task: 'regression', coefficients: [2], intercept: 1, replacements: [9] },
        },
      })
      const model = await (await open()).load(bytes)
      const { scores } = await model.run({
        rows: 3,
        features: new Float32Array(0),
        categories: ['red', 'green', 'blue'],
      })
      expect([...scores]).toEqual([1, 3, 19])
      await model.close()
    })
  })
}

const unscaled = {
  count: 1,
  nullCount: 0,
  min: 0,
  max: 1,
  mean: 0,
  var: 1,
  median: 0,
  iqr: 1,
  constant: false,
  offset: 0,
  scale: 1,
} as const

function firstRows(sample: SampleModel, model: LoadedModel, rows: number) {
  return {
    rows,
    features: sample.features.slice(0, rows * model.width),
    ...(sample.categories ? { categories: sample.categories.slice(0, rows * model.categoryWidth) } : {}),
  }
}

/** Relative to the size of the score above 1. */
function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length)
  return a.reduce((top, value, at) => {
    const wanted = b[at] as number
    return Math.max(top, Math.abs(value - wanted) / Math.max(1, Math.abs(wanted)))
  }, 0)
}
