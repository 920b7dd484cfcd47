import { describe, test } from 'vitest'
import { inferenceRuntimeContract } from '../../../testing/inference-runtime-contract.ts'
import { openWasm } from './open.ts'

describe('inference runtime onnxruntime-web', () => {
  for (const { name, run } of inferenceRuntimeContract(openWasm)) test(name, run)
})
