import { describe, test } from 'vitest'
import { runContract } from '../../../testing/contract.ts'
import { executorContract } from '../../../testing/executor-contract.ts'
import { processExecutor } from './executor.ts'

describe('executor of child processes', () => runContract(test, executorContract(processExecutor)))
