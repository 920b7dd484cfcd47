import { describe, test } from 'vitest'
import { inferenceRuntimeContract } from '../../../testing/inference-runtime-contract.ts'
import { openNative } from './open.ts'

describe('inference runtime onnxruntime-node', () => {
  for (const { name, run } of inferenceRuntimeContract(openNative)) test(name, run)
})
