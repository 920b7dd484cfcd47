import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isMillraceError } from '../../../errors/index.ts'
import { sampleModel } from '../../../testing/inference-models.ts'
import { openTrees } from './open.ts'
import { times } from '../../../../test/fuzz/edges.ts'

test.each(['multiclass', 'mixed', 'logistic'] as const)('a damaged %s model is refused or answers', async name => {
  const { bytes } = await sampleModel(name)
  const runtime = await openTrees()
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const damaged = bytes.slice()
      damaged[at] = (damaged[at] ?? 0) ^ change
      try {
        const model = await runtime.load(damaged)
        const categories = Array.from({ length: model.categoryWidth }, () => 'AUS')
        const { scores } = await model.run({ rows: 1, features: new Float32Array(model.width), categories })
        expect(scores.length).toBe(model.outputs)
      } catch (error) {
        if (!isMillraceError(error)) throw error
      }
    }),
    { numRuns: 80 * times },
  )
})
