import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../ports/clock.ts'
import type { KeyService } from '../ports/key-service.ts'
import { openAudit } from '../stages/protect/audit/log.ts'
import { auditedKeys } from '../stages/protect/audited-keys.ts'
import { adapters } from './resolve.ts'

/** The key service of a project, every use of it in the audit log below the same folder. Close it: that signs the log. */
export interface Keyring {
  readonly keys: KeyService
  readonly auditFolder: string
  close(): Promise<void>
}

/** `folder` is the project's `.millrace`. The keystore is sealed by MILLRACE_KEY_PASSPHRASE or MILLRACE_KEY_PASSPHRASE_FILE. */
export async function openKeyring(folder: string, clock: Clock): Promise<Keyring> {
  const auditFolder = join(folder, 'audit')
  mkdirSync(join(folder, 'keys'), { recursive: true, mode: 0o700 })
  const { openLocalKeys } = await adapters.keys.local()
  const local = await openLocalKeys({ path: join(folder, 'keys', 'keystore.json'), clock })
  const audit = await openAudit({ folder: auditFolder, instance: 'local', clock })
  return { keys: auditedKeys(local, audit), auditFolder, close: () => audit.close() }
}
