import { fail } from './catalogue.ts'
import { isMillraceError, type MillraceError } from './millrace-error.ts'

/*
 * The one place that knows what the operating system, SQLite, LMDB and DuckDB say when a disk, a folder or a permission is
 * to blame. Adapters give it the path that they know of; the skins (command line, HTTP, steps) ask it about whatever else
 * comes up, so that no such error is ever taken for a mistake of Millrace's own.
 */

type Kind = 'full' | 'denied' | 'unusable' | 'files' | 'busy' | 'damaged' | 'gone'

const words: Readonly<Record<string, readonly [Kind, string]>> = {
  ENOSPC: ['full', 'there is no space left'],
  EDQUOT: ['full', 'the quota is used up'],
  EFBIG: ['full', 'the largest allowed size of a file is reached'],
  EROFS: ['denied', 'the file system is read-only'],
  EACCES: ['denied', 'permission is denied'],
  EPERM: ['denied', 'permission is denied'],
  EISDIR: ['unusable', 'it is a folder'],
  ENOTDIR: ['unusable', 'a part of its path is a file'],
  EEXIST: ['unusable', 'something else is in its place'],
  ENOTEMPTY: ['unusable', 'a folder that is not empty is in its place'],
  ELOOP: ['unusable', 'its links lead in a circle'],
  ENAMETOOLONG: ['unusable', 'its name is too long'],
  EIO: ['unusable', 'the device failed'],
  EBUSY: ['unusable', 'it is in use'],
  ETXTBSY: ['unusable', 'it is in use'],
  ESTALE: ['unusable', 'the file server has lost it'],
  ENXIO: ['unusable', 'it is no file'],
  ENODEV: ['unusable', 'its device is gone'],
  EMFILE: ['files', 'this process may open no more files'],
  ENFILE: ['files', 'this machine can open no more files'],
  ENOENT: ['gone', 'it does not exist'],
}

/** Primary result codes of SQLite; an extended code has more in its higher bytes. */
const sqlite: Readonly<Record<number, Kind>> = {
  3: 'denied',
  5: 'busy',
  6: 'busy',
  8: 'denied',
  10: 'unusable',
  11: 'damaged',
  13: 'full',
  14: 'unusable',
  26: 'damaged',
}

/** Errors raised while rows are read carry no code, only SQLite's own text for it. */
const sqliteTexts: readonly (readonly [RegExp, number])[] = [
  [/database( table)? is locked/, 5],
  [/readonly database/, 8],
  [/disk I\/O error/, 10],
  [/malformed/, 11],
  [/is full/, 13],
  [/unable to open/, 14],
  [/not a database/, 26],
]

/** Engines that report the operating system's word in a text of their own. */
const texts: readonly (readonly [RegExp, Kind])[] = [
  [/No space left on device|MDB_MAP_FULL|Disk quota exceeded/, 'full'],
  [/Read-only file system|Permission denied/, 'denied'],
  [/Too many open files/, 'files'],
  [/MDB_(CORRUPTED|INVALID|PAGE_NOTFOUND|VERSION_MISMATCH)/, 'damaged'],
]

/** SQLite's primary result code; 1 for an error of it that says no more. */
export function sqliteCode(error: unknown): number | undefined {
  const { errcode, code, message } = error as { errcode?: unknown; code?: unknown; message?: string }
  if (typeof errcode === 'number') return errcode & 0xff
  if (code !== 'ERR_SQLITE_ERROR') return undefined
  return sqliteTexts.find(([text]) => text.test(message ?? ''))?.[1] ?? 1
}

function kindOf(error: Error): readonly [Kind, string] | undefined {
  const { code } = error as NodeJS.ErrnoException
  const [first = ''] = error.message.split('\n')
  if (typeof code === 'string' && Object.hasOwn(words, code)) return words[code]
  const result = sqliteCode(error)
  const kind = result === undefined ? texts.find(([text]) => text.test(first))?.[1] : sqlite[result]
  return kind && [kind, first]
}

export interface SystemPlace {
  /** What was read or written, where the error does not say it. */
  readonly path?: string
  /** Bytes that were to be written. */
  readonly needed?: number
  /** How long a lock was waited for. */
  readonly seconds?: number
}

/** Why the operating system does not let a file be used, in words; undefined for anything else. */
export function systemReason(error: unknown): string | undefined {
  return error instanceof Error ? kindOf(error)?.[1] : undefined
}

function catalogued(error: Error, place: SystemPlace): MillraceError | undefined {
  const [kind, reason] = kindOf(error) ?? []
  if (kind === undefined || reason === undefined) return undefined
  const { path: own } = error as NodeJS.ErrnoException
  // Nobody means a file that is not there, unless somebody took it away below our feet
  if (kind === 'gone' && !(place.path ?? own ?? '').includes('.millrace')) return undefined
  const path = place.path ?? own ?? "a file of the project's state"
  switch (kind) {
    case 'full':
      return place.needed === undefined
        ? fail('noSpaceLeft', { path, reason }, error)
        : fail('diskFull', { path, needed: place.needed }, error)
    case 'denied':
      return fail('storeReadOnly', { path, reason }, error)
    case 'files':
      return fail('tooManyFiles', { path, reason }, error)
    case 'busy':
      return fail('storeLocked', { path, seconds: place.seconds ?? 5 }, error)
    case 'damaged':
      return fail('storeCorrupt', { path, reason }, error)
    default:
      return fail('placeUnusable', { path, reason }, error)
  }
}

/**
 * The catalogued error of what a disk, a folder or a permission is to blame for; undefined for anything else. Looks
 * through what an error was wrapped into, too.
 */
export function systemError(error: unknown, place: SystemPlace = {}): MillraceError | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (isMillraceError(at)) return at
    const known = catalogued(at, place)
    if (known) return known
  }
  return undefined
}
