import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { publishFile } from '../../internal/publish.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'

export const lockName = 'millrace.lock'

/** What git keeps of data and models: names to digests, nothing that differs between machines or runs of the same content. */
export interface Lock {
  readonly lock: 'millrace/1'
  readonly datasets: Readonly<Record<string, { readonly digest: string }>>
  readonly models: Readonly<
    Record<
      string,
      {
        readonly version: number
        readonly onnx: string
        readonly data: Readonly<Record<string, string>>
        readonly definition: string
      }
    >
  >
}

/** The lock as the store has it now: the champion (else the newest version) of every model and the data it was made from. */
export async function currentLock(store: MetadataStore, models: readonly string[]): Promise<Lock> {
  const datasets: Record<string, { digest: string }> = {}
  const locked: Record<string, Lock['models'][string]> = {}
  for (const model of [...models].sort()) {
    const champion = (await store.aliases(model)).champion
    const [newest] = await store.listModelVersions(model)
    const version = champion === undefined ? newest : await store.getModelVersion(model, champion)
    if (!version) continue
    const data: Record<string, string> = {}
    for (const [fact, digest] of Object.entries(version.facts).sort(([a], [b]) => (a < b ? -1 : 1)))
      if (fact.startsWith('data:')) {
        data[fact.slice(5)] = String(digest)
        datasets[fact.slice(5)] = { digest: String(digest) }
      }
    locked[model] = {
      version: version.version,
      onnx: version.digest,
      data,
      definition: String(version.facts.definition),
    }
  }
  return { lock: 'millrace/1', datasets, models: locked }
}

/** Writes `millrace.lock`; gives whether it changed. */
export async function writeLock(root: string, lock: Lock): Promise<boolean> {
  const text = `${JSON.stringify(lock, null, 2)}\n`
  const before = await readFile(join(root, lockName), 'utf8').catch(() => '')
  if (before === text) return false
  await publishFile(join(root, lockName), text)
  return true
}
