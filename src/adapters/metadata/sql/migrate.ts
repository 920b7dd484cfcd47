import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { fail } from '../../../errors/catalogue.ts'
import { digestBytes } from '../../../internal/digest.ts'

export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
  readonly checksum: string
}

export interface AppliedMigration {
  readonly version: number
  readonly checksum: string
}

/** The numbered SQL files of that database that this package carries, in order. */
export function migrationsOf(database: 'sqlite' | 'postgres'): readonly Migration[] {
  const folder = new URL(`../../../../migrations/${database}/`, import.meta.url)
  return readdirSync(fileURLToPath(folder))
    .filter(name => /^\d{4}_.*\.sql$/.test(name))
    .sort()
    .map(name => {
      const sql = readFileSync(new URL(name, folder), 'utf8')
      return { version: Number(name.slice(0, 4)), name, sql, checksum: digestBytes(sql) }
    })
}

export const migrationTable =
  'create table if not exists millrace_migrations (version integer primary key, checksum text not null)'

/** What is still to be applied. Refuses a store that a newer millrace wrote, and one whose migrations were altered. */
export function pendingMigrations(
  known: readonly Migration[],
  applied: readonly AppliedMigration[],
  path: string,
): readonly Migration[] {
  const newest = known.at(-1)?.version ?? 0
  const found = Math.max(0, ...applied.map(migration => migration.version))
  if (found > newest) throw fail('storeNewer', { path, found, known: newest })
  for (const { version, checksum } of applied) {
    const own = known.find(migration => migration.version === version)
    if (own !== undefined && own.checksum !== checksum) throw fail('migrationChanged', { path, name: own.name })
  }
  const done = new Set(applied.map(migration => migration.version))
  return known.filter(migration => !done.has(migration.version))
}
