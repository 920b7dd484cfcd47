import { chmod, mkdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Dataset } from '../../define/dataset.ts'
import { isMillraceError } from '../../errors/index.ts'
import { ulid } from '../../internal/ids.ts'
import { publishFile } from '../../internal/publish.ts'
import { protect } from '../protect/envelope.ts'
import type { StageServices } from '../services.ts'

/** Failing rows as they were kept. */
export interface KeptFailures {
  readonly file: string
  readonly rows: number
}

/**
 * Keeps failing rows below `.millrace/quarantine` under a name: as Parquet, or sealed under the dataset's key where it says
 * one.
 */
export async function keepFailures(
  services: StageServices,
  dataset: Dataset,
  bad: string,
  name: string = dataset.name,
): Promise<KeptFailures> {
  const engine = await services.validationEngine()
  const path = join(services.folder, 'quarantine', `${name}.parquet`)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const rows = await engine.writeParquet(bad, path)
  await chmod(path, 0o600)
  const { encryptWith } = dataset
  if (encryptWith === undefined) return { file: path, rows }
  const { artifacts, project } = services
  const bytes = await readFile(path)
  await rm(path)
  const envelope = await protect(
    { artifacts, keys: await services.keys(), principal: 'validate' },
    bytes,
    encryptWith,
    { project: project.name, kind: 'quarantine', oid: ulid() },
  )
  const file = join(services.folder, 'quarantine', `${name}.sealed.json`)
  await publishFile(file, JSON.stringify(envelope), 0o600)
  return { file, rows }
}

/** Failing rows that could not be kept; why, as a sentence that goes on. */
export interface UnkeptFailures {
  readonly unkept: string
}

/** Errors of keys, keystore and audit log. */
const ofKeys = /^MR60/

/**
 * The same for a verdict that stands without them: where the dataset's key cannot be used, they are kept nowhere, in clear
 * least of all, and the reason is given instead.
 */
export async function keepFailuresIfAllowed(
  services: StageServices,
  dataset: Dataset,
  bad: string,
  name?: string,
): Promise<KeptFailures | UnkeptFailures> {
  try {
    return await keepFailures(services, dataset, bad, name)
  } catch (error) {
    if (dataset.encryptWith === undefined || !isMillraceError(error) || !ofKeys.test(error.code)) throw error
    const because = error.message.replace(/\.?$/, '.')
    return { unkept: `${because} ${error.hint}`.replaceAll(`${services.root}/`, '') }
  }
}
