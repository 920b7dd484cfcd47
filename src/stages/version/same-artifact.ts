import type { ModelVersion } from '../../ports/metadata-store.ts'

/**
 * For each version the first one of its model that is the same file, where that is another one: training from the same
 * data by the same definition gives the same bytes.
 */
export function sameArtifacts(versions: readonly ModelVersion[]): ReadonlyMap<ModelVersion, number | null> {
  const first = new Map<string, number>()
  for (const { model, digest, version } of versions) {
    const key = `${model} ${digest}`
    first.set(key, Math.min(version, first.get(key) ?? version))
  }
  return new Map(
    versions.map(one => {
      const same = first.get(`${one.model} ${one.digest}`) as number
      return [one, same === one.version ? null : same]
    }),
  )
}
