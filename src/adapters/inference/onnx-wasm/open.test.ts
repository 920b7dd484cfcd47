import { describe, test } from 'vitest'
import { runContract } from '../../../testing/contract.ts'
import { foreignModelContract } from '../../../testing/foreign-model-contract.ts'
import { inferenceRuntimeContract } from '../../../testing/inference-runtime-contract.ts'
import { openWasm } from './open.ts'

describe('inference runtime onnxruntime-web', () => {
  runContract(test, inferenceRuntimeContract(openWasm))
  runContract(test, foreignModelContract(openWasm))
})
