/** Entry of a step's own process: `node host.js <folder>`. */
import { executeStep } from './execute-step.ts'

process.exitCode = await executeStep(process.argv[2] ?? '')
// A handle that the step forgot to close must not keep the run waiting.
process.exit()
