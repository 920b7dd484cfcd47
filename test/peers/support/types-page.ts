/** What a cell is as each type; null of a null. */
export type Cell = Readonly<Record<string, string | boolean | null>> | null

export interface Case {
  readonly id: string
  readonly stored: string
  readonly cells: readonly Cell[]
  /** The source is to be refused, whatever is declared. */
  readonly refused?: boolean
  /** The heading that it stands under in the page. */
  readonly table?: string | null
}

export interface Reading {
  readonly refused?: string
  readonly crashed?: string
  readonly cells: readonly (
    | null
    | { readonly value: string | boolean }
    | { readonly unreadable: string }
    | { readonly both: readonly string[] }
  )[]
}

const types = ['int', 'float', 'text', 'bool', 'utc'] as const

/** How a column of a type is read as another one. */
function wordFor(results: readonly Reading[]): string {
  if (results.some(one => one.refused !== undefined)) return '–'
  const cells = results.flatMap(one => one.cells).filter(cell => cell !== null)
  const read = cells.filter(cell => 'value' in cell).length
  if (cells.length === 0 || read === cells.length) return 'yes'
  return read === 0 ? '–' : 'where it fits'
}

const intro = `# Types

What is read as what is declared. Written by \`test/peers/types.test.ts\` from what happened: files of pyarrow, pandas and polars and
tables of SQLite and PostgreSQL with ordinary values, edges and what lies beyond, each read as every type.

**A cell becomes exactly the value that was written, or it is unreadable**: null, counted by \`readable\` and shown with its file, row,
column and text. It depends on nothing but the cell and the type of its column in its own file: not on the rows around it, on statistics, on
which file came first, or on where the host is.

| | |
|---|---|
| yes | every value is read |
| where it fits | values that the declared type does not hold are unreadable |
| – | refused: \`schema\` fails and names the type, and the file where files differ |

- **int** is a whole number of 64 bits. uint64, decimals of scale 0 and bare \`numeric\` are read as far as they fit; as text they are keys, digit by digit.
- **float** is a double. A decimal or a number in a text is the double next to it. A whole number is read only as a double that is the same number, or that is written by the same digits: of two keys none becomes the other. What is too large for a double, or too small to be more than 0, is unreadable. NaN and infinite values are read, and are for \`finite\` to tell.
- **timestamp** is microseconds of UTC in the years 1 to 9999. Nanoseconds are cut to the microsecond that they are in, before 1970 too. In a text it is a date (\`2024-07-01\`, \`2024/7/1\`), or a date and a time as RFC 3339 writes them (\`2024-07-01T12:00:00.5\`, a blank for the \`T\`, seconds or not), or both in the basic form of ISO 8601 (\`20240701T120000.5\`), with \`Z\`, \`UTC\`, \`GMT\` or an offset of up to 15:59. Weeks and days of the year, dates without hyphens and nothing after them, hour 24, names of zones and words such as \`infinity\` are unreadable.
- **A time without a zone** needs one in the declaration, \`t.timestamp('Europe/Berlin')\`. An hour that the clocks of that zone showed twice (in autumn) or never (in spring) is unreadable: nobody knows which is meant. A time that has a zone or an offset is read by that, whatever is declared.
- **A column without any value** (null of Arrow and Parquet) is null as any type. A file without the column has null there.
- **Files** are each read by their own types. Columns that are called alike, or differ in case only, are refused, in one file or in several.
- **Keys of folders** (\`day=1/\`) are text that is read as what is declared, \`01\` as the number 1 too; \`__HIVE_DEFAULT_PARTITION__\` is null. A column of the file goes before a key of its name.
- **vector** (\`t.vector(512)\`, not in the tables) is a list of just so many finite numbers, each read as a float: lists of numbers of Parquet and Arrow, of fixed or any length, arrays of numbers of PostgreSQL, and in a text \`[1, 2.5]\` or \`{1,2.5}\`. Anything else is unreadable.
- **Quotes of CSV** count where a cell begins with them. After a space a quote is a character (\`1, "a"\` is \` "a"\`), and a line in which anything but the delimiter follows a quoted cell is unreadable. Where spaces before cells mean nothing, \`csv(…, { skipInitialSpace: true })\` leaves them out.
- **JSON lines**: a member is read as it is written, strings without their quotes; objects and lists are their JSON.
`

function section(
  heading: string,
  cases: readonly Case[],
  results: Readonly<Record<string, Record<string, Reading>>>,
): string {
  const rows = new Map<string, Case[]>()
  for (const one of cases) if (one.table === heading) rows.set(one.stored, [...(rows.get(one.stored) ?? []), one])
  const lines = [...rows].map(([stored, some]) => {
    const words = types.map(type => wordFor(some.map(one => results[one.id]?.[type] as Reading)))
    return `| ${stored} | ${words.join(' | ')} |`
  })
  return `\n## ${heading}\n\n| | int | float | text | bool | timestamp |\n|---|---|---|---|---|---|\n${lines.join('\n')}\n`
}

const headings = ['Parquet', 'Arrow', 'Files that differ', 'CSV, JSON lines', 'SQLite', 'PostgreSQL']

/** The page as it should be; with `known`, that page's sections of what could not be tried now. */
export function typesPage(
  cases: readonly Case[],
  results: Readonly<Record<string, Record<string, Reading>>>,
  known?: string,
): string {
  const sections = headings.map(heading => {
    if (cases.some(one => one.table === heading)) return section(heading, cases, results)
    const at = known?.indexOf(`\n## ${heading}\n`) ?? -1
    return at < 0 ? '' : (known as string).slice(at).replace(/(?<=\n)\n## (?!PostgreSQL)[\s\S]*$/, '')
  })
  return intro + sections.join('')
}
