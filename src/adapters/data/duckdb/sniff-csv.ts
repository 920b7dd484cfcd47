import { isMillraceError } from '../../../errors/index.ts'
import type { CsvOptions, Row } from '../../../ports/data-engine.ts'
import { firstRecord, head } from './csv-header.ts'
import { text, type Session } from './session.ts'

const delimiters = [',', ';', '\t', '|']
const maxLines = 500

function linesOf(start: string): readonly string[] {
  const lines = start.split(/\r?\n/).filter(line => line !== '')
  // the last one may be cut
  return lines.slice(0, Math.min(maxLines, Math.max(1, lines.length - 1)))
}

/** Whether its writer puts spaces before cells: in half of the lines or more a quoted cell stands behind one. */
export function skipsInitialSpace(start: string, delimiter: string): boolean {
  if (delimiter.startsWith(' ')) return false
  const some = linesOf(start)
  const spaced = some.filter(line => firstRecord(line, { delimiter }).some(cell => /^ +"/.test(cell)))
  return spaced.length > 0 && 2 * spaced.length >= some.length
}

/**
 * The delimiter that gives most lines as many cells as the first: lines with too many or too few are what is to be found, and
 * say nothing against it. A comma where the first line has none of them.
 */
export function delimiterOf(start: string): string {
  const some = linesOf(start)
  const rated = delimiters.map(delimiter => {
    const widths = some.map(line => firstRecord(line, { delimiter }).length)
    const [width = 1] = widths
    return { delimiter, width, alike: width === 1 ? 0 : widths.filter(one => one === width).length }
  })
  const best = rated.reduce((a, b) => (b.alike > a.alike || (b.alike === a.alike && b.width > a.width) ? b : a))
  return best.alike === 0 ? ',' : best.delimiter
}

/** What is unlike the defaults. */
function optionsOf({ quote, escape, header }: Row, delimiter: string): CsvOptions {
  const plain = (value: unknown) => (typeof value === 'string' && value !== '(empty)' ? value : '')
  const quoted = plain(quote) === '' ? '"' : plain(quote)
  const escaped = plain(escape) === '' ? quoted : plain(escape)
  return {
    ...(delimiter === ',' ? {} : { delimiter }),
    ...(quoted === '"' ? {} : { quote: quoted }),
    ...(escaped === quoted ? {} : { escape: escaped }),
    ...(header === false ? { header: false } : {}),
  }
}

/** The dialect of a CSV file: its delimiter by its lines, the rest as the engine finds it, else by default. */
export async function sniff(file: string, session: Session, given: CsvOptions = {}): Promise<CsvOptions> {
  const start = await head(file)
  const delimiter = given.delimiter ?? delimiterOf(start)
  const spaces = skipsInitialSpace(start, delimiter) ? { skipInitialSpace: true } : {}
  return { ...(await sniffRest(file, session, delimiter)), ...spaces, ...given }
}

async function sniffRest(file: string, session: Session, delimiter: string): Promise<CsvOptions> {
  try {
    const [found] = await session(
      `SELECT Quote AS quote, Escape AS escape, HasHeader AS header FROM sniff_csv(${text(file)}, delim = ${text(delimiter)}, compression = 'none', ignore_errors = true)`,
    )
    return optionsOf(found ?? {}, delimiter)
  } catch (error) {
    if (!isMillraceError(error)) throw error
    return optionsOf({}, delimiter)
  }
}
