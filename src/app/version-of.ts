import { fail } from '../errors/index.ts'
import type { MetadataStore, ModelVersion } from '../ports/metadata-store.ts'

/**
 * Reads `lateness@3`, or `lateness` for its champion or else its newest version; without either the same of the model that was
 * registered last. Throws `notDefined`.
 */
export async function versionOf(store: MetadataStore, given: string | undefined): Promise<ModelVersion> {
  const [, name = '', number] = /^([^@]*)(?:@(.*))?$/s.exec(given ?? '') ?? []
  // Without a name the model that was registered last; a number alone says of none which it is
  const [newest] = name === '' && number === undefined ? await store.listModelVersions() : []
  const model = newest?.model ?? name
  const versions = await store.listModelVersions(model === '' ? undefined : model)
  const champion = model === '' ? undefined : (await store.aliases(model)).champion
  const found =
    number === undefined
      ? (versions.find(one => one.version === champion) ?? versions[0])
      : versions.find(one => one.model === model && String(one.version) === number)
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
