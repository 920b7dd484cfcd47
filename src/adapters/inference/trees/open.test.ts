import { describe, test } from 'vitest'
import { inferenceRuntimeContract } from '../../../testing/inference-runtime-contract.ts'
import { openTrees } from './open.ts'

describe('inference runtime built-in', () => {
  for (const { name, run } of inferenceRuntimeContract(openTrees)) test(name, run)
})
