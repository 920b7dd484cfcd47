import assert from 'node:assert/strict'
import { isMillraceError } from '../errors/index.ts'
import { exportModel, parity } from '../onnx/index.ts'
import type { InferenceBatch, InferenceRuntime, LoadedModel } from '../ports/inference-runtime.ts'
import type { ContractCase } from './contract.ts'
import { type SampleModel, type SampleName, sampleModel, sampleNames } from './inference-models.ts'

/** What every inference runtime must do: a few cases for each kind of model that Millrace exports. */
export function inferenceRuntimeContract(open: () => Promise<InferenceRuntime>): readonly ContractCase[] {
  return [...sampleNames.flatMap(name => casesOf(name, open)), ...otherCases(open)]
}

function casesOf(sampleName: SampleName, open: () => Promise<InferenceRuntime>): ContractCase[] {
  const use = async (look: (model: LoadedModel, sample: SampleModel) => Promise<void>): Promise<void> => {
    const sample = await sampleModel(sampleName)
    const model = await (await open()).load(sample.bytes)
    try {
      await look(model, sample)
    } finally {
      await model.close()
    }
  }
  return [
    {
      name: `${sampleName}: tells its shapes`,
      run: () =>
        use(async (model, sample) => {
          assert.equal(model.width * sample.rows, sample.features.length)
          assert.equal(model.categoryWidth * sample.rows, sample.categories?.length ?? 0)
          assert.equal(model.outputs * sample.rows, sample.scores.length)
        }),
    },
    {
      name: `${sampleName}: gives the trainer's scores, missing values and unseen categories included`,
      run: () =>
        use(async (model, sample) => {
          const { scores } = await model.run(sample)
          assertNear(scores, sample.scores)
          const check = await parity(sample.task, sample.scores, model, sample)
          assert.equal(check.status, 'pass', check.message)
        }),
    },
    {
      name: `${sampleName}: answers a few rows as it answers all`,
      run: () =>
        use(async (model, sample) => {
          for (const rows of [0, 1, 7, 64]) {
            const { scores } = await model.run(firstRows(sample, model, rows))
            assertNear(scores, sample.scores.subarray(0, rows * model.outputs))
          }
        }),
    },
    {
      name: `${sampleName}: refuses batches of the wrong width, and still answers`,
      run: () =>
        use(async (model, sample) => {
          const one = firstRows(sample, model, 1)
          const wrong = [
            { ...one, features: new Float32Array(model.width + 1) },
            { ...one, rows: 2 },
            { ...one, categories: [...(one.categories ?? []), 'more'] },
          ]
          for (const batch of wrong) await assert.rejects(model.run(batch), { code: 'MR4005' })
          assert.equal((await model.run(one)).scores.length, model.outputs)
        }),
    },
  ]
}

function otherCases(open: () => Promise<InferenceRuntime>): ContractCase[] {
  return [
    {
      name: 'what is no model is refused with a catalogued error',
      async run() {
        const runtime = await open()
        for (const bytes of [
          new Uint8Array(0),
          new TextEncoder().encode('not a model'),
          new Uint8Array(64).fill(255),
        ]) {
          await assert.rejects(runtime.load(bytes), isMillraceError)
        }
      },
    },
    {
      name: 'a model of texts alone runs',
      async run() {
        const bytes = exportModel({
          inputs: [{ name: 'colour', kind: 'text', categories: ['red', 'green'] }],
          scaler: { kind: 'none', features: [unscaled], approximateQuantiles: false },
          estimator: {
            kind: 'linear',
            model: {
              task: 'regression',
              coefficients: [[0]],
              intercepts: [1],
              replacements: [0],
              effects: [{ feature: 0, values: [[0], [2], [18], [5]] }],
            },
          },
        })
        const model = await (await open()).load(bytes)
        const categories = ['red', 'green', 'blue', '']
        const { scores } = await model.run({ rows: 4, features: new Float32Array(0), categories })
        assert.deepEqual([...scores], [1, 3, 19, 6])
        await model.close()
      },
    },
  ]
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

function firstRows(sample: SampleModel, model: LoadedModel, rows: number): InferenceBatch {
  return {
    rows,
    features: sample.features.slice(0, rows * model.width),
    ...(sample.categories ? { categories: sample.categories.slice(0, rows * model.categoryWidth) } : {}),
  }
}

/** Within 1e-6, relative to the size of the score above 1. */
function assertNear(actual: Float32Array, wanted: Float32Array): void {
  assert.equal(actual.length, wanted.length)
  wanted.forEach((score, at) => {
    const difference = Math.abs((actual[at] as number) - score) / Math.max(1, Math.abs(score))
    assert.ok(difference <= 1e-6, `score ${at} is ${actual[at]} instead of ${score}`)
  })
}
