import type { Dataset } from '../../define/dataset.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { digestJson, type Digest } from '../../internal/digest.ts'
import type { ArtifactRef, MetadataStore } from '../../ports/metadata-store.ts'
import type { ArtifactStore } from '../../ports/artifact-store.ts'
import type { Clock } from '../../ports/clock.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import type { Repair } from './repairs.ts'

/** Repaired rows that were let in again. They hold while the files that they came from are a source of the dataset. */
export interface Readmission {
  /** Parquet with the dataset's columns, the file's content and the place in it; sealed where the dataset says a key. */
  readonly rows: ArtifactRef
  readonly count: number
  /** Contents of the files that the rows came from. */
  readonly contents: readonly Digest[]
  /** The same with their names then, and how many rows of each are repaired by this and by earlier ones. */
  readonly files?: readonly { readonly content: Digest; readonly name: string; readonly rows: number }[]
  /** The quarantine that they were in. */
  readonly quarantine: Digest
  /** Digest of the dataset's columns: rows of other columns are of no use to it. */
  readonly columns: Digest
  readonly decision: string
}

const kind = 'readmissions'

export const columnsDigest = ({ columns }: Dataset): Digest => digestJson(columns as unknown as Json)

interface ReadmissionList {
  readonly revision: number
  readonly all: readonly Readmission[]
}

export async function storedReadmissions(store: MetadataStore, dataset: string): Promise<ReadmissionList> {
  const found = await store.getDocument<Json>(kind, dataset)
  return { revision: found?.revision ?? 0, all: (found?.value ?? []) as unknown as readonly Readmission[] }
}

/** Readmissions that fit the dataset as it is declared now, oldest first. */
export async function readmissionsOf(store: MetadataStore, dataset: Dataset): Promise<readonly Readmission[]> {
  const columns = columnsDigest(dataset)
  return (await storedReadmissions(store, dataset.name)).all.filter(one => one.columns === columns)
}

/** Adds one; false when another was added meanwhile. */
export async function addReadmission(
  { store, clock }: { readonly store: MetadataStore; readonly clock: Clock },
  dataset: string,
  { revision, all }: ReadmissionList,
  added: Readmission,
): Promise<boolean> {
  const value = [...all, added] as unknown as Json
  return (await store.putDocument(kind, dataset, value, clock.now(), revision)) !== undefined
}

/** Readmissions as validation takes them. */
export function repairsFrom(
  services: {
    readonly root: string
    readonly artifacts: Pick<ArtifactStore, 'localPath'>
    engine(): Promise<DataEngine>
  },
  readmissions: readonly Readmission[],
): readonly Repair[] {
  return readmissions.map(({ rows: { digest }, contents }) => ({
    digest,
    contents,
    rows: async () =>
      (await services.engine()).scan(
        { kind: 'parquet', path: await services.artifacts.localPath(digest) },
        services.root,
      ),
  }))
}
