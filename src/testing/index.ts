/** Contract suites of the ports and the fakes that tests may use: `import { … } from 'millrace/testing'`. */
export { artifactStoreContract } from './artifact-store-contract.ts'
export type { ContractCase } from './contract.ts'
export { inferenceRuntimeContract } from './inference-runtime-contract.ts'
export { manualClock, type ManualClock } from './manual-clock.ts'
export { metadataStoreContract } from './metadata-store-contract.ts'
export { notifierContract } from './notifier-contract.ts'
