import { inferenceRuntimeContract } from '../../../testing/inference-runtime-contract.ts'
import { openWasm } from './open.ts'

inferenceRuntimeContract('onnxruntime-web', openWasm)
