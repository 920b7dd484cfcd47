import { describe, test } from 'vitest'
import { runContract } from './contract.ts'
import { memoryOnlineStore } from './memory-online-store.ts'
import { onlineStoreContract } from './online-store-contract.ts'

describe('online store in memory', () => {
  const alone = 'it is the memory of one process'
  runContract(
    test,
    onlineStoreContract(
      async () => {
        const store = memoryOnlineStore()
        return { open: () => store, elsewhere: { module: '', export: '', argument: '' } }
      },
      {
        'several processes append to one record, and none loses what another wrote, nor one that is killed': alone,
      },
    ),
  )
})
