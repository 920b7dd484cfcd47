import { basename } from 'node:path'
import { fail, isMillraceError, type MillraceError } from '../../../errors/index.ts'
import type { Footer, Row } from '../../../ports/data-engine.ts'
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

/** Files whose footers are looked at together: of all at once they would be held. */
const filesAtOnce = 1000

async function wholeFooter(files: readonly string[], session: Session): Promise<Footer> {
  let rows = 0
  const columns = new Map<string, { nulls: number; values: number; stated: boolean }>()
  for (let from = 0; from < files.length; from += filesAtOnce)
    for (const one of await footersOf(files.slice(from, from + filesAtOnce), session)) {
      if (one.name === null) {
        if (one.stated !== one.n || one.short === true) throw contradiction(one)
        rows += Number(one.n)
        continue
      }
      const known = columns.get(String(one.name)) ?? { nulls: 0, values: 0, stated: true }
      known.nulls += Number(one.nulls ?? 0)
      known.values += Number(one.n)
      known.stated &&= one.nulls !== null
      columns.set(String(one.name), known)
    }
  // rows of a file that lacks a column are null there, and its footer does not count them
  const whole = [...columns].filter(([, { values, stated }]) => stated && values === rows)
  return { rows, nulls: new Map(whole.map(([name, { nulls }]) => [name, nulls])) }
}

/** A row a file, and one a column: its values, and its nulls where all row groups state them. */
function footersOf(files: readonly string[], session: Session): Promise<readonly Row[]> {
  const list = `[${files.map(text).join(', ')}]`
  return session(
    `WITH chunks AS MATERIALIZED (SELECT file_name, row_group_id, row_group_num_rows, path_in_schema, num_values, stats_null_count FROM parquet_metadata(${list})),
     groups AS (SELECT file_name, row_group_id, any_value(row_group_num_rows) AS n, bool_or(num_values < row_group_num_rows AND NOT contains(path_in_schema, ', ')) AS short FROM chunks GROUP BY ALL)
     SELECT NULL AS name, f.file_name AS file, f.num_rows::BIGINT AS stated, coalesce(g.n, 0)::BIGINT AS n, coalesce(g.short, false) AS short, NULL::BIGINT AS nulls FROM parquet_file_metadata(${list}) f LEFT JOIN (SELECT file_name, sum(n) AS n, bool_or(short) AS short FROM groups GROUP BY ALL) g USING (file_name)
     UNION ALL
     SELECT path_in_schema, NULL, NULL, sum(num_values)::BIGINT, NULL, CASE WHEN count(stats_null_count) = count(*) THEN sum(stats_null_count)::BIGINT END FROM chunks GROUP BY path_in_schema`,
  )
}

function contradiction({ file, stated, n, short }: Row): MillraceError {
  return fail('sourceUnreadable', {
    source: basename(String(file)),
    reason: `its footer contradicts itself: ${String(stated)} rows in all, ${String(n)} in its row groups${short === true ? ', a column with fewer' : ''}`,
  })
}
