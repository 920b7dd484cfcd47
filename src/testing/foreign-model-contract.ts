import assert from 'node:assert/strict'
import { defaultBinding, graph, readModel, type RowInput, signatureOf, writeModel } from '../onnx/index.ts'
import type { InferenceRuntime } from '../ports/inference-runtime.ts'
import type { ContractCase } from './contract.ts'
import { batchOfRows, type ForeignModel, foreignModels, foreignRows } from './foreign-models.ts'

/** What a runtime that takes any ONNX must do: models in the forms of other exporters, each through its binding. */
export function foreignModelContract(open: () => Promise<InferenceRuntime>): readonly ContractCase[] {
  return [
    ...foreignModels.map(model => ({ name: model.name, run: () => scoresAsTheRuleSays(open, model) })),
    ...refusals(open),
  ]
}

async function scoresAsTheRuleSays(open: () => Promise<InferenceRuntime>, foreign: ForeignModel): Promise<void> {
  const binding = defaultBinding(signatureOf(readModel(foreign.bytes)), foreign.request)
  // A binding is kept as JSON
  const model = await (await open()).load(foreign.bytes, JSON.parse(JSON.stringify(binding)) as typeof binding)
  try {
    for (const wide of model.wide ? [true, false] : [false]) {
      // 1 and 10 rows fit no fixed batch of 4, 8 do
      for (const count of [0, 1, 8, 10]) {
        const rows = foreignRows(foreign, count)
        const { scores } = await model.run(batchOfRows(foreign, rows, wide))
        const wanted = rows.flatMap(row => foreign.score(row))
        assert.equal(scores.length, wanted.length)
        assert.equal(scores.length, model.outputs * count)
        wanted.forEach((score, at) => {
          assert.ok(Math.abs((scores[at] as number) - score) <= 1e-5, `score ${at}: ${scores[at]} instead of ${score}`)
        })
      }
    }
  } finally {
    await model.close()
  }
}

const ints: readonly RowInput[] = [
  { name: 'a', type: 'int' },
  { name: 'b', type: 'bool' },
]

function refusals(open: () => Promise<InferenceRuntime>): ContractCase[] {
  return [
    {
      name: 'a missing or broken integer is refused with its input and row, and the next batch is answered',
      async run() {
        const builder = graph('whole')
        const parts = [builder.input('a', 'int64', ['N', 1]), builder.input('b', 'bool', ['N', 1])].map(name =>
          builder.node('Cast', [name], `${name}_double`, { to: { int: 11 } }),
        )
        builder.node('Sum', parts, 'sum')
        builder.output('sum', 'double', ['N', 1])
        const bytes = writeModel(builder.build(), {}, '', 'elsewhere')
        const binding = defaultBinding(signatureOf(readModel(bytes)), { inputs: ints, task: 'regression' })
        const model = await (await open()).load(bytes, binding)
        assert.equal(model.wide, true)
        const large = 2 ** 24 + 1
        const run = (features: readonly number[]) => model.run({ rows: 2, features: Float64Array.from(features) })
        for (const [features, message] of [
          [[1, 0, Number.NaN, 1], /Input 'a' is missing in row 2: the model takes a whole number/],
          [[1.5, 0, 2, 1], /Input 'a' is 1.5 in row 1/],
          [[1, 0, 2, Number.NaN], /Input 'b' is missing in row 2: the model takes true or false/],
          [[1, 2, 2, 1], /Input 'b' is 2 in row 1/],
          [[Number.POSITIVE_INFINITY, 0, 2, 1], /Input 'a' is Infinity in row 1/],
        ] as const) {
          await assert.rejects(run(features), { code: 'MR4011', message })
        }
        assert.deepEqual([...(await run([large, 1, 3, 0])).scores], [Math.fround(large + 1), 3])
        await model.close()
      },
    },
    {
      name: 'logits are not served as probabilities',
      async run() {
        const builder = graph('logits')
        const x = builder.input('X', 'float', ['N', 2])
        builder.node('Gemm', [x, builder.constant('w', 'float', [2, 3], [1, 2, 3, -1, -2, -3])], 'out')
        builder.output('out', 'float', ['N', 3])
        const bytes = writeModel(builder.build(), {}, '', 'elsewhere')
        const inputs: readonly RowInput[] = ['a', 'b'].map(name => ({ name, type: 'float' }))
        const request = { inputs, task: 'multiclass', classes: ['x', 'y', 'z'] } as const
        const binding = defaultBinding(signatureOf(readModel(bytes)), request)
        await assert.rejects((await open()).load(bytes, binding), { code: 'MR4012', message: /margins/ })
      },
    },
    {
      name: 'an output of another width than it declares is refused',
      async run() {
        const builder = graph('wide')
        const x = builder.input('X', 'float', ['N', 2])
        builder.node('Softmax', [x], 'out', { axis: { int: 1 } })
        builder.output('out', 'float', undefined)
        const bytes = writeModel(builder.build(), {}, '', 'elsewhere')
        const inputs: readonly RowInput[] = ['a', 'b'].map(name => ({ name, type: 'float' }))
        const binding = defaultBinding(signatureOf(readModel(bytes)), { inputs, task: 'binary' })
        await assert.rejects((await open()).load(bytes, binding), {
          code: 'MR4012',
          message: /"out" gives 2 values a row for 1 rows, 1 a row were expected/,
        })
      },
    },
  ]
}
