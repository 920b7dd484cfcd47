import { describe, test } from 'vitest'
import { runContract } from '../../../testing/contract.ts'
import { inferenceRuntimeContract } from '../../../testing/inference-runtime-contract.ts'
import { openTrees } from './open.ts'

describe('inference runtime built-in', () => {
  runContract(test, inferenceRuntimeContract(openTrees))
})
