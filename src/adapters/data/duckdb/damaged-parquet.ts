import { fail, type MillraceError } from '../../../errors/index.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { text } from './session.ts'
import { printable, whyNoParquet } from './unreadable-source.ts'

/** What a query says of the machine, of rights or of a file that is gone, and not of what stands in a file. */
const notOfContent =
  /^(out of memory|interrupt|fatal|connection)|no space left|disk full|offload data block|cannot open|no such file|no files found|permission|too many open/i

const lists = /\b(?:read_parquet|parquet_\w+)\(\[((?:'(?:[^']|'')*'(?:, )?)+)\]/g

/** The Parquet files that a statement reads. */
function parquetFilesOf(sql: string): string[] {
  const found = [...sql.matchAll(lists)].flatMap(([, list = '']) => [...list.matchAll(/'((?:[^']|'')*)'/g)])
  return [...new Set(found.map(([, path = '']) => path.replaceAll("''", "'")))]
}

const damage = 'it is damaged'

/** Whether an error tells of a file, and not of the source it is one of. */
export const tellsOfDamage = (error: MillraceError): boolean => String(error.details.reason).startsWith(damage)

/** The engine's words without its name for the kind of error and without the path, which is the machine's. */
function saidOf(message: string): string {
  const first = printable(message.split('\n')[0] as string).replace(/^[A-Z][\w ]* Error: /, '')
  return first
    .replace(/^Failed to read file "[^"]*": /, '')
    .replace(/ ?(?:in|from)? (?:Parquet )?file ["'][^"']*["']/, '')
    .slice(0, 200)
}

/**
 * The first file of a failed statement that cannot be read in itself, as an error with the name that `named` has for it. The
 * engine seldom says which file it was, nor whether it was the file at all: each is read alone, whole. Pages have a checksum
 * seldom: what is damaged there need not be noticed.
 */
export async function damagedParquet(
  sql: string,
  run: (sql: string) => Promise<unknown>,
  named: (path: string) => string,
): Promise<MillraceError | undefined> {
  for (const path of parquetFilesOf(sql)) {
    try {
      // the value of each cell: a count of them may come from the footer
      await run(`SELECT bit_xor(hash(COLUMNS(*))) FROM read_parquet([${text(path)}], hive_partitioning = false)`)
    } catch (error) {
      const message = messageOf(error)
      if (notOfContent.test(message)) return undefined
      const reason = whyNoParquet(path) ?? `${damage} (${saidOf(message)}): write or copy it again`
      return fail('sourceUnreadable', { source: named(path), reason }, error)
    }
  }
  return undefined
}
