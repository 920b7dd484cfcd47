import { ulid } from '../../internal/ids.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { versionsSql, type DatasetRows } from '../log/dataset-rows.ts'
import { channelText, codeColumns, type Channel, type ViewPlan } from './channels.ts'

/**
 * Numbers the texts of a view's channels, in their order, so that features are made of numbers alone, joined or swept. Gives the plan with
 * the tables that say which text has which number; `own` takes the tables, for whoever drops them.
 */
export async function codedTexts(
  engine: DataEngine,
  plan: ViewPlan,
  rows: DatasetRows,
  own: string[],
): Promise<ViewPlan> {
  if (!plan.channels.some(one => one.isText)) return plan
  const { dialect } = engine
  const { code, text } = codeColumns
  const channels: Channel[] = []
  for (const channel of plan.channels) {
    if (!channel.isText) {
      channels.push(channel)
      continue
    }
    const codes = dialect.identifier(`texts_${ulid()}`)
    const order = channel.of?.type === 'int' ? dialect.cast(text, 'int') : text
    const different = `SELECT DISTINCT ${channelText(channel, dialect)} AS ${text} FROM (${versionsSql(rows)})`
    await engine.execute(
      `CREATE TABLE ${codes} AS SELECT ${text}, CAST(row_number() OVER (ORDER BY ${order}) - 1 AS DOUBLE) AS ${code} FROM (${different}) WHERE ${text} IS NOT NULL`,
    )
    own.push(codes)
    channels.push({ ...channel, codes })
  }
  return { ...plan, channels }
}

/** SQL of the text that a number stands for; null where it stands for none. */
export function decodedSql({ codes }: Channel, number: string): string {
  const { code, text } = codeColumns
  return `(SELECT ${text} FROM ${codes} WHERE ${code} = ${number})`
}
