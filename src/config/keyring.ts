import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import type { Project } from '../define/project.ts'
import { fail, systemReason } from '../errors/index.ts'
import type { Json } from '../internal/canonical-json.ts'
import { messageOf } from '../internal/message-of.ts'
import type { Clock } from '../ports/clock.ts'
import type { KeyService } from '../ports/key-service.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'
import {
  type AnchorRecord,
  type AnchorPlace,
  anchorsInStore,
  type KeystoreState,
} from '../stages/protect/audit/anchor.ts'
import { anchoredIn, anchorsInFile } from '../stages/protect/audit/anchor-file.ts'
import { anchorsInGit } from '../stages/protect/audit/anchor-git.ts'
import { anchorWebhook } from '../stages/protect/audit/anchor-webhook.ts'
import { type AnchorPlaces, heldAnchors } from '../stages/protect/audit/anchors.ts'
import { openAudit, setLogAside, withAuditLock } from '../stages/protect/audit/log.ts'
import { type AuditVerdict, keystorePlace, verifyAudit } from '../stages/protect/audit/verify.ts'
import { auditedKeys } from '../stages/protect/audited-keys.ts'
import { adapters } from './resolve.ts'

/** The key service of a project, every use of it in the audit log below the same folder. Close it: that signs the log. */
export interface Keyring {
  readonly keys: KeyService
  readonly auditFolder: string
  close(): Promise<void>
}

/** A project, as far as its keys and its audit log go. */
export interface KeyringServices {
  readonly project: Pick<Project, 'name' | 'settings'>
  readonly root: string
  /** The project's `.millrace`. */
  readonly folder: string
  readonly store: MetadataStore
  readonly clock: Clock
  /** Hears what a person should know although the work goes on. Default: a line on stderr. */
  readonly note?: (text: string) => void
}

const generationKind = 'keystore-generation'

export const auditFolderOf = (folder: string): string => join(folder, 'audit')
export const keystorePathOf = (folder: string): string => join(folder, 'keys', 'keystore.json')

/** A database that several machines share holds the anchors of each; the one below the folder those of the folder. */
const placeOf = ({ store, folder }: KeyringServices): string =>
  store.name === 'sqlite' ? 'local' : `${hostname()}:${folder}`

/** What the log is called in places that hold several: as it was first called, also if the project is called otherwise since. */
async function logOf(services: KeyringServices, inStore: AnchorPlace): Promise<string> {
  // one that cannot be read now may be read a moment later: the log would have two names
  const known = await inStore.read()
  const { project, store } = services
  return known?.current.log || (store.name === 'sqlite' ? project.name : `${project.name}@${placeOf(services)}`)
}

/** Every place that the project's settings name. */
async function anchorPlaces(services: KeyringServices): Promise<AnchorPlaces> {
  const { project, root, store, clock } = services
  const { file, git, webhook } = project.settings.audit?.anchors ?? {}
  const secret = process.env.MILLRACE_WEBHOOK_SECRET
  const note = services.note ?? ((text: string) => void process.stderr.write(`! ${text}\n`))
  const inStore = anchorsInStore({ store, clock }, placeOf(services))
  const log = await logOf(services, inStore)
  return {
    log,
    store: inStore,
    others: [
      ...(file === undefined ? [] : [anchorsInFile(resolve(root, file), log, file)]),
      ...(git === undefined
        ? []
        : [anchorsInGit({ ...git, repository: resolve(root, git.repository), shown: git.repository }, log)]),
    ],
    ...(webhook === undefined
      ? {}
      : { receiver: anchorWebhook({ url: webhook, log, store, clock, note, ...(secret ? { secret } : {}) }) }),
  }
}

/** The change of the keystore that its file says it is of, or why it says none. */
function keystoreState(folder: string): KeystoreState | string {
  const path = keystorePathOf(folder)
  if (!existsSync(path)) return 'it is gone'
  try {
    const { gen, mac } = JSON.parse(readFileSync(path, 'utf8')) as Partial<KeystoreState>
    return typeof gen === 'number' && typeof mac === 'string' ? { gen, mac } : 'it is no keystore'
  } catch (error) {
    return `it cannot be read (${systemReason(error) ?? 'it is no JSON'})`
  }
}

async function readGeneration(services: KeyringServices): Promise<KeystoreState | undefined> {
  return (await services.store.getDocument<Json>(generationKind, placeOf(services)))?.value as unknown as
    | KeystoreState
    | undefined
}

async function writeGeneration(services: KeyringServices, { gen, mac }: KeystoreState): Promise<void> {
  const known = await readGeneration(services)
  if (known?.gen === gen && known.mac === mac) return
  await services.store.putDocument(generationKind, placeOf(services), { gen, mac }, services.clock.now())
}

const openLog = (services: KeyringServices, places: AnchorPlaces): ReturnType<typeof openAudit> =>
  openAudit({
    folder: auditFolderOf(services.folder),
    instance: 'local',
    clock: services.clock,
    anchors: places,
    keystore: () => readGeneration(services),
  })

function linesOf(
  { path, text }: { readonly path: string; readonly text: string },
  log: string,
): readonly AnchorRecord[] {
  let found: readonly AnchorRecord[]
  try {
    found = anchoredIn(text, log, path)
  } catch (error) {
    throw fail('anchorsUnreadable', { path, reason: messageOf(error) }, error)
  }
  if (found.length === 0) throw fail('anchorsUnreadable', { path, reason: `it holds no anchor of the log ${log}` })
  return found
}

export interface LogVerdict extends AuditVerdict {
  /** Some place knows of a log. */
  readonly anchored: boolean
  /** Anchors that the receiver has not taken. */
  readonly untaken: number
  readonly receiver?: string
}

/** What the audit log is worth, held to every place of its anchors and, where given, to the lines that a receiver kept. */
export async function verifyLog(
  services: KeyringServices,
  kept?: { readonly path: string; readonly text: string },
): Promise<LogVerdict> {
  const { folder } = services
  const places = await anchorPlaces(services)
  const auditFolder = auditFolderOf(folder)
  const look = async (): Promise<LogVerdict> => {
    const held = await heldAnchors(places)
    const verdict = await verifyAudit(auditFolder, {
      held,
      keystore: keystoreState(folder),
      ...(kept ? { kept: { place: kept.path, anchors: linesOf(kept, places.log) } } : {}),
    })
    const signed = held.store.anchored?.current.checkpoints ?? 0
    return {
      ...verdict,
      anchored: [held.store, ...held.others].some(one => one.anchored !== undefined),
      untaken: places.receiver === undefined ? 0 : Math.max(0, signed - (await places.receiver.taken())),
      ...(places.receiver ? { receiver: places.receiver.name } : {}),
    }
  }
  const found = await look()
  // Somebody may write at this moment; what is wrong while nobody can is wrong
  return found.ok || !existsSync(auditFolder) ? found : withAuditLock(auditFolder, look).catch(() => found)
}

/**
 * Writes down, signed and anchored everywhere, that somebody answers for what is lost of the audit log or of its anchors. A log
 * that is not whole in itself is set aside beside its folder, and a new one begins. Throws `auditWhole` where nothing is lost.
 */
export async function acceptLog(
  services: KeyringServices,
  { by, because }: { readonly by: string; readonly because: string },
): Promise<{ readonly setAside?: string }> {
  const verdict = await verifyLog(services)
  if (verdict.ok) throw fail('auditWhole')
  // another decision: who takes an older keystore has its grants to look at
  if (verdict.firstBad?.place === keystorePlace)
    throw fail('keystoreOld', { path: keystorePathOf(services.folder), reason: verdict.firstBad.reason })
  const folder = auditFolderOf(services.folder)
  const setAside = (await verifyAudit(folder)).ok ? undefined : await setLogAside(folder)
  const log = await openLog(services, await anchorPlaces(services))
  try {
    const found = verdict.firstBad && `${verdict.firstBad.place}: ${verdict.firstBad.reason}`
    await log.accept({ by, because, ...(found ? { found } : {}), ...(setAside ? { setAside } : {}) })
  } finally {
    await log.close()
  }
  return setAside === undefined ? {} : { setAside }
}

/**
 * Takes the keystore as it is (a new one where there is none) for the newest: a record of the audit log, and from then on
 * what every place of its anchors says. Throws where it cannot be opened.
 */
export async function acceptKeystore(services: KeyringServices, principal: string): Promise<void> {
  const { folder, clock } = services
  const path = keystorePathOf(folder)
  mkdirSync(join(folder, 'keys'), { recursive: true, mode: 0o700 })
  const { openLocalKeys } = await adapters.keys.local()
  await openLocalKeys({ path, clock })
  const state = keystoreState(folder)
  if (typeof state === 'string') throw fail('keystoreCorrupt', { path, reason: state })
  await writeGeneration(services, state)
  const log = await openLog(services, await anchorPlaces(services))
  try {
    await log.append({
      actor: { sub: principal, kind: 'principal' },
      act: 'keys.accept',
      res: 'keystore',
      ctx: { gen: state.gen },
      effect: 'allow',
    })
    await log.checkpoint()
  } finally {
    await log.close()
  }
}

/** The keystore is sealed by MILLRACE_KEY_PASSPHRASE or MILLRACE_KEY_PASSPHRASE_FILE. */
export async function openKeyring(services: KeyringServices): Promise<Keyring> {
  const { folder, clock } = services
  const auditFolder = auditFolderOf(folder)
  mkdirSync(join(folder, 'keys'), { recursive: true, mode: 0o700 })
  const { openLocalKeys } = await adapters.keys.local()
  const places = await anchorPlaces(services)
  const local = await openLocalKeys({
    path: keystorePathOf(folder),
    clock,
    generations: {
      async read() {
        const { store, others } = await heldAnchors(places)
        const known = await readGeneration(services)
        return [
          ...(known ? [{ place: store.place, ...known }] : []),
          ...others.flatMap(({ place, anchored }) => {
            const state = anchored?.current.keystore
            return state ? [{ place, ...state }] : []
          }),
        ]
      },
      write: state => writeGeneration(services, state),
    },
  })
  const audit = await openLog(services, places)
  return { keys: auditedKeys(local, audit), auditFolder, close: () => audit.close() }
}
