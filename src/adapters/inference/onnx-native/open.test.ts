import { inferenceRuntimeContract } from '../../../testing/inference-runtime-contract.ts'
import { openNative } from './open.ts'

inferenceRuntimeContract('onnxruntime-node', openNative)
