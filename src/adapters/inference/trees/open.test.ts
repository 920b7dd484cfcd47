import { inferenceRuntimeContract } from '../../../testing/inference-runtime-contract.ts'
import { openTrees } from './open.ts'

inferenceRuntimeContract('millrace', openTrees)
