import { fail } from '../errors/index.ts'
import type { MetadataStore, ModelVersion } from '../ports/metadata-store.ts'

/** Reads `lateness@3`, or `lateness` for its champion or else its newest version. Throws `notDefined`. */
export async function versionOf(store: MetadataStore, given: string | undefined): Promise<ModelVersion> {
  const [name = '', number] = (given ?? '').split('@')
  const versions = await store.listModelVersions(name === '' ? undefined : name)
  const champion = versions[0] ? (await store.aliases(name === '' ? versions[0].model : name)).champion : undefined
  const found =
    number === undefined
      ? (versions.find(one => one.version === champion) ?? versions[0])
      : versions.find(one => String(one.version) === number)
  if (!found)
    throw fail('notDefined', {
      kind: 'model version',
      name: given ?? '(none given)',
      known:
        versions
          .slice(0, 8)
          .map(one => `${one.model}@${one.version}`)
          .join(', ') || 'no versions',
    })
  return found
}
