import { describe, test } from 'vitest'
import { runContract } from '../../../testing/contract.ts'
import { foreignModelContract } from '../../../testing/foreign-model-contract.ts'
import { inferenceRuntimeContract } from '../../../testing/inference-runtime-contract.ts'
import { openNative } from './open.ts'

describe('inference runtime onnxruntime-node', () => {
  runContract(test, inferenceRuntimeContract(openNative))
  runContract(test, foreignModelContract(openNative))
})
