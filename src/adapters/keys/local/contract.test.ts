import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { runContract } from '../../../testing/contract.ts'
import { keyServiceContract } from '../../../testing/key-service-contract.ts'
import { manualClock } from '../../../testing/manual-clock.ts'
import { openLocalKeys } from './open.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-key-contract-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

describe('key service local', () =>
  runContract(
    test,
    keyServiceContract(() =>
      openLocalKeys({
        path: join(mkdtempSync(join(root, 'k-')), 'keystore.json'),
        clock: manualClock(),
        passphrase: 'correct horse',
      }),
    ),
  ))
