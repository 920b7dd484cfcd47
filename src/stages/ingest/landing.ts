import { basename, extname, isAbsolute, join, relative, resolve } from 'node:path'
import type { Dataset } from '../../define/dataset.ts'
import { isTable } from '../../define/source.ts'
import { fail } from '../../errors/index.ts'
import type { Digest } from '../../internal/digest.ts'
import { publishCopy } from '../../internal/publish.ts'
import { matchesPath, type SourceFile } from '../validate/files.ts'

/**
 * Where a file of this name joins the dataset: in the folder of its glob. A name that the glob does not take, or that is
 * taken by other content, gets the start of the digest. Throws `datasetTakesNoFiles`.
 */
export function landingPlace(
  dataset: Dataset,
  root: string,
  name: string,
  digest: Digest,
  present: readonly SourceFile[],
): string {
  const { source } = dataset
  const path = isAbsolute(source.path) ? source.path : resolve(root, source.path)
  if (isTable(source) || !/[*?]/.test(path))
    throw fail('datasetTakesNoFiles', {
      dataset: dataset.name,
      source: source.path,
      reason: isTable(source) ? 'its source is a table' : 'its source is one file',
    })
  const fixed = path.split(/[*?]/)[0] as string
  const folder = fixed.slice(0, fixed.lastIndexOf('/'))
  // `2001/*.parquet`: the glob's own ending is what every file of it has
  const ending = /\.[^./*?]+$/.exec(path)?.[0] ?? extname(name)
  const short = digest.slice(7, 15)
  const plain = basename(name)
    .replaceAll(/[^\p{L}\p{N}._-]/gu, '_')
    .replace(/^\.+/, '')
  const stem = plain.slice(0, plain.length - extname(plain).length) || 'data'
  const taken = (file: string) => present.some(one => one.path === file && one.digest !== digest)
  const wanted = [`${plain}`, `${stem}-${short}${ending}`].map(one => join(folder, one))
  const place = wanted.find(file => matchesPath(path, file) && !taken(file))
  if (place === undefined)
    throw fail('datasetTakesNoFiles', {
      dataset: dataset.name,
      source: source.path,
      reason: `a file of ${relative(root, folder) || '.'} such as ${stem}-${short}${ending} would not be part of it`,
    })
  return place
}

/** Publishes the content at its place; a second time changes nothing. */
export async function land(root: string, place: string, from: string): Promise<void> {
  await publishCopy(resolve(root, place), from)
}
