import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { loadProject } from '../../config/load.ts'
import { adapters } from '../../config/resolve.ts'
import { resolved, settingsOf, urlIn } from '../../config/settings.ts'
import { checkDatabase } from '../../config/state-folder.ts'
import type { Workspace } from '../../config/workspace.ts'
import { fail, isMillraceError } from '../../errors/index.ts'
import { type LogVerdict, verifyLog } from '../../config/keyring.ts'
import { verifyAudit } from '../../stages/protect/audit/verify.ts'
import { gapBetween, readSegmentAt } from '../../stages/serve/journal.ts'
import { eventsFolder, readContestLog, readRolloutLog } from '../../stages/serve/rollout-log.ts'
import { counted } from '../words.ts'
import { type Finding, look } from './finding.ts'

const some = (names: readonly string[]): string =>
  `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`

async function database(folder: string, deep: boolean): Promise<string> {
  const path = join(folder, 'millrace.db')
  await checkDatabase(folder, path)
  if (!existsSync(path)) return 'none yet'
  const wrong = await (await adapters.metadata.sqlite()).checkSqlite(path, deep)
  if (wrong.length > 0) throw fail('storeCorrupt', { path, reason: wrong[0] ?? '' })
  return deep ? 'whole, indexes included' : 'whole'
}

async function online(folder: string): Promise<string> {
  const place = join(folder, 'online')
  const reason = await (await adapters.online.lmdb()).whyDamaged(place)
  if (reason !== undefined)
    throw new Error(`${join(place, 'data.mdb')} is damaged (${reason}): "millrace features materialise" makes it anew`)
  return existsSync(place) ? 'whole' : 'none yet'
}

/** The store that the settings name, held to what is relied on; where the project cannot be read, the files that may be there. */
async function lookAtOnline(root: string, folder: string): Promise<Finding> {
  const project = await loadProject(root).catch(() => undefined)
  const settings = project && settingsOf(project).online
  if (!project || !settings || settings.kind === 'lmdb') return look('online store', () => online(folder))
  const found = await look('online store', async () => {
    await (await resolved('online', { project, root, folder, note: () => undefined })).close()
    return `${settings.kind} answers`
  })
  if (settings.kind !== 'redis' || found.status !== 'ok') return found
  return look(
    'online store',
    async () => {
      const concern = await (await adapters.online.redis()).redisConcern(urlIn(settings.urlFrom, 'Redis URL'))
      if (concern !== undefined) throw new Error(concern)
      return found.found
    },
    'warn',
  )
}

async function keystore(folder: string): Promise<string> {
  const path = join(folder, 'keys', 'keystore.json')
  if (!existsSync(path)) return 'none yet'
  const sealed = await (await adapters.keys.local()).checkKeystore(path)
  return sealed ? 'can be read; without its passphrase nothing more is known' : 'whole'
}

/** The log held to its anchors; where the project or its database cannot be opened, to itself. */
async function audit(folder: string, open: () => Promise<Workspace>): Promise<readonly Finding[]> {
  const place = join(folder, 'audit')
  const workspace = await open().catch(() => undefined)
  let anchored: LogVerdict | undefined
  try {
    const log = await look('audit log', async () => {
      if (workspace !== undefined) anchored = await verifyLog(workspace)
      const { firstBad, ok, records } = anchored ?? (await verifyAudit(place))
      if (!ok) throw new Error(`record ${firstBad?.record} at ${firstBad?.place}: ${firstBad?.reason}`)
      if (records === 0 && !existsSync(place)) return 'none yet'
      const text = `${counted(records, 'record')}, as they were written`
      return anchored === undefined ? `${text}; its anchors could not be looked at` : `${text} and anchored`
    })
    const { untaken = 0, receiver } = anchored ?? {}
    if (receiver === undefined) return [log]
    const receiving = await look(
      'audit receiver',
      async () => {
        if (untaken > 0) throw new Error(`${receiver} has not taken the last ${counted(untaken, 'anchor')}`)
        return `${receiver} has every anchor`
      },
      'warn',
    )
    return [log, receiving]
  } finally {
    await workspace?.close()
  }
}

async function journals(folder: string): Promise<string> {
  const place = join(folder, 'serving')
  const names = (await readdir(place, { recursive: true }).catch(() => []))
    .filter(name => name.endsWith('.jsonl') && basename(dirname(name)) !== eventsFolder)
    .sort()
  const bad: string[] = []
  const gaps: string[] = []
  let before: { readonly folder: string; readonly number: number; readonly until: number } | undefined
  for (const name of names) {
    const { damaged, frames } = await readSegmentAt(join(place, name))
    if (damaged > 0) bad.push(`${join(place, name)} (${counted(damaged, 'line')})`)
    const [folder, number] = [dirname(name), Number(basename(name, '.jsonl'))]
    const gap = before?.folder === folder ? gapBetween(before, { number, from: frames[0]?.at }) : undefined
    if (gap) gaps.push(`${join(place, folder)} lacks ${gap.missing}, what was kept from ${gap.from} to ${gap.until}`)
    before = { folder, number, until: frames.reduce((last, one) => Math.max(last, one.at), before?.until ?? 0) }
  }
  const told = [
    ...(bad.length > 0 ? [`damaged: ${some(bad)}; the next "millrace up" sets that aside`] : []),
    ...(gaps.length > 0 ? [some(gaps)] : []),
  ]
  if (told.length > 0) throw new Error(told.join('; '))
  return counted(names.length, 'segment')
}

/** The events of rollouts, from which `rollout replay` makes their decisions again. */
async function rolloutLogs(folder: string): Promise<string> {
  const place = join(folder, 'serving')
  const deployments = await readdir(place).catch(() => [])
  const folders = deployments.map(name => join(place, name))
  const kept = await Promise.all([...folders.map(readRolloutLog), ...folders.map(readContestLog)])
  const damaged = kept.flatMap(one => one.damaged)
  if (damaged.length > 0)
    throw new Error(
      `damaged: ${some(damaged.map(one => `${one.path} (${counted(one.lines, 'line')})`))}; "millrace rollout replay" leaves out what they held`,
    )
  return counted(
    kept.reduce((sum, one) => sum + one.entries.length, 0),
    'event',
  )
}

/** Reads all that the store holds in structured columns against its checksums. */
async function storedValues({ store }: Workspace): Promise<string> {
  const damaged = await store.damage()
  if (damaged.length > 0) throw new Error(damaged.join('; '))
  return 'as they were written'
}

/** Reads every artifact against its digest; the store sets aside what does not match. */
async function artifacts({ artifacts: store, store: records }: Workspace): Promise<string> {
  let read = 0
  const bad: string[] = []
  for await (const { digest } of store.list()) {
    read++
    await store.localPath(digest).catch((error: unknown) => {
      if (!isMillraceError(error)) throw error
      bad.push(digest)
    })
  }
  const gone: string[] = []
  for (const version of await records.listModelVersions())
    if (!(await store.has(version.digest))) gone.push(`${version.model}@${version.version}`)
  if (bad.length > 0 || gone.length > 0)
    throw new Error(
      [
        bad.length > 0 ? `${bad.length} of ${read} do not match their digest and were set aside: ${some(bad)}` : '',
        gone.length > 0 ? `the model file of ${some(gone)} is gone` : '',
      ]
        .filter(part => part !== '')
        .join('; '),
    )
  return `${counted(read, 'artifact')}, each as its digest says`
}

/** What lies below the project's `.millrace`: each kind of file by itself, so that one that is damaged hides no other. */
export async function lookAtState(
  root: string,
  open: () => Promise<Workspace>,
  { deep, sqlite }: { readonly deep: boolean; readonly sqlite: boolean },
): Promise<readonly Finding[]> {
  const folder = join(root, '.millrace')
  const found = [
    ...(sqlite ? [await look('database', () => database(folder, deep))] : []),
    await lookAtOnline(root, folder),
    await look('keystore', () => keystore(folder)),
    ...(await audit(folder, open)),
    await look('serving journals', () => journals(folder)),
    await look('rollout events', () => rolloutLogs(folder)),
  ]
  const within = async (work: (workspace: Workspace) => Promise<string>): Promise<string> => {
    const workspace = await open()
    try {
      return await work(workspace)
    } finally {
      await workspace.close()
    }
  }
  if (deep)
    found.push(
      await look('stored values', () => within(storedValues)),
      await look('artifacts', () => within(artifacts)),
    )
  // After those that set something aside
  const setAside = await look(
    'set aside',
    async () => {
      const kept = await readdir(join(folder, 'set-aside')).catch(() => [])
      const quarantined = await readdir(join(folder, 'artifacts', 'quarantine')).catch(() => [])
      if (kept.length + quarantined.length === 0) return 'nothing'
      throw new Error(
        `${counted(kept.length + quarantined.length, 'damaged file')} kept below ${relative(root, folder)}: delete them when nobody wants to look at them`,
      )
    },
    'warn',
  )
  return [...found, setAside]
}
