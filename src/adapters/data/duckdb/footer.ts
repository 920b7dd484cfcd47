import { basename } from 'node:path'
import { fail, isMillraceError } from '../../../errors/index.ts'
import type { Footer } from '../../../ports/data-engine.ts'
import { text, type Session } from './session.ts'

/**
 * What the footers of Parquet files state. A footer has no checksum, and its number of rows stands there twice: where the
 * two differ, or a column has fewer values than its row group has rows, some rows would be counted and never read.
 */
export async function readFooter(files: readonly string[], session: Session): Promise<Footer | undefined> {
  try {
    return await wholeFooter(files, session)
  } catch (error) {
    // statistics that the engine has no values for say nothing against the rows
    if (isMillraceError(error) && /out of range|could not convert/i.test(error.message)) return undefined
    throw error
  }
}

async function wholeFooter(files: readonly string[], session: Session): Promise<Footer> {
  const list = `[${files.map(text).join(', ')}]`
  const groups = `SELECT file_name, row_group_id, any_value(row_group_num_rows) AS n, bool_or(num_values < row_group_num_rows AND NOT contains(path_in_schema, ', ')) AS short FROM parquet_metadata(${list}) GROUP BY ALL`
  const counted = await session(
    `SELECT f.file_name AS file, f.num_rows::BIGINT AS stated, coalesce(g.n, 0)::BIGINT AS n, coalesce(g.short, false) AS short FROM parquet_file_metadata(${list}) f LEFT JOIN (SELECT file_name, sum(n) AS n, bool_or(short) AS short FROM (${groups}) GROUP BY ALL) g USING (file_name)`,
  )
  for (const { file, stated, n, short } of counted)
    if (stated !== n || short === true)
      throw fail('sourceUnreadable', {
        source: basename(String(file)),
        reason: `its footer contradicts itself: ${String(stated)} rows in all, ${String(n)} in its row groups${short === true ? ', a column with fewer' : ''}`,
      })
  const rows = counted.reduce((sum, { n }) => sum + Number(n), 0)
  // rows of a file that lacks a column are null there, and its footer does not count them
  const columns = await session(
    `SELECT path_in_schema AS name, sum(stats_null_count)::BIGINT AS nulls FROM parquet_metadata(${list}) GROUP BY 1 HAVING count(stats_null_count) = count(*) AND sum(num_values) = ${rows}`,
  )
  return {
    rows,
    nulls: new Map(columns.map(row => [String(row.name), Number(row.nulls)])),
  }
}
