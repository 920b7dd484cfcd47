import { mkdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Json } from '../internal/canonical-json.ts'
import type { Clock } from '../ports/clock.ts'
import type { KeyService } from '../ports/key-service.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'
import { allAnchors, anchorsInFile, anchorsInStore, type AnchorPlace } from '../stages/protect/audit/anchor.ts'
import { openAudit } from '../stages/protect/audit/log.ts'
import { auditedKeys } from '../stages/protect/audited-keys.ts'
import { adapters } from './resolve.ts'

/** The key service of a project, every use of it in the audit log below the same folder. Close it: that signs the log. */
export interface Keyring {
  readonly keys: KeyService
  readonly auditFolder: string
  close(): Promise<void>
}

export interface KeyringServices {
  readonly store: MetadataStore
  readonly clock: Clock
}

const generationKind = 'keystore-generation'

/** A database that several machines share holds the anchors of each; the one below the folder those of the folder. */
const placeOf = (folder: string, { store }: KeyringServices): string =>
  store.name === 'sqlite' ? 'local' : `${hostname()}:${folder}`

export const auditFolderOf = (folder: string): string => join(folder, 'audit')
export const keystorePathOf = (folder: string): string => join(folder, 'keys', 'keystore.json')

/** The metadata store, and the file that MILLRACE_AUDIT_ANCHORS_FILE names. */
export function auditAnchors(folder: string, services: KeyringServices): AnchorPlace {
  const store = anchorsInStore(services, placeOf(folder, services))
  const file = process.env['MILLRACE_AUDIT_ANCHORS_FILE']
  return file ? allAnchors([store, anchorsInFile(file)]) : store
}

/** Forgets which change of the keystore was the last: the next use takes it as it is. */
export async function forgetGeneration(folder: string, services: KeyringServices): Promise<void> {
  await services.store.removeDocument(generationKind, placeOf(folder, services))
}

/** `folder` is the project's `.millrace`. The keystore is sealed by MILLRACE_KEY_PASSPHRASE or MILLRACE_KEY_PASSPHRASE_FILE. */
export async function openKeyring(folder: string, services: KeyringServices): Promise<Keyring> {
  const { store, clock } = services
  const auditFolder = auditFolderOf(folder)
  mkdirSync(join(folder, 'keys'), { recursive: true, mode: 0o700 })
  const { openLocalKeys } = await adapters.keys.local()
  const id = placeOf(folder, services)
  const local = await openLocalKeys({
    path: keystorePathOf(folder),
    clock,
    generations: {
      read: async () => {
        const found = await store.getDocument<Json>(generationKind, id)
        return found?.value as { gen: number; mac: string } | undefined
      },
      write: async generation => {
        await store.putDocument(generationKind, id, { ...generation }, clock.now())
      },
    },
  })
  const audit = await openAudit({
    folder: auditFolder,
    instance: 'local',
    clock,
    anchors: auditAnchors(folder, services),
  })
  return { keys: auditedKeys(local, audit), auditFolder, close: () => audit.close() }
}
