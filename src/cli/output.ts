import type { Output } from './command.ts'

type Cell = string | number | undefined | null

// oxlint-disable-next-line no-control-regex
const escapes = /\u001b\[[0-9;]*m/g
const width = (text: string): number => [...text.replace(escapes, '')].length

function cellText(cell: Cell): string {
  if (cell === undefined || cell === null) return '-'
  return typeof cell === 'number' ? cell.toLocaleString('en-US', { maximumFractionDigits: 4 }) : cell
}

/** Columns side by side; those that hold only numbers stand to the right. */
export function tableLines(head: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const texts = rows.map(row => head.map((_, i) => cellText(row[i])))
  const right = head.map((_, i) => rows.length > 0 && rows.every(row => row[i] == null || typeof row[i] === 'number'))
  const widths = head.map((name, i) => Math.max(width(name), ...texts.map(row => width(row[i] as string))))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => {
        const space = ' '.repeat((widths[i] as number) - width(cell))
        return right[i] ? space + cell : cell + space
      })
      .join('  ')
      .trimEnd()
  return [line(head.map(name => name.toUpperCase())), ...texts.map(line)]
}

/** Results on stdout, remarks on stderr; with `--json` values on stdout and nothing else. */
export function createOutput(
  json: boolean,
  stdout: Pick<NodeJS.WriteStream, 'write'> = process.stdout,
  stderr: Pick<NodeJS.WriteStream, 'write'> = process.stderr,
): Output {
  const line = (text = ''): void => {
    if (!json) stdout.write(`${text}\n`)
  }
  const write = (value: unknown, indent?: number): void => {
    const text = JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? one.toString() : one), indent)
    if (json) stdout.write(`${text}\n`)
  }
  return {
    json,
    line,
    data: value => write(value, 2),
    entry: value => write(value),
    table(head, rows) {
      for (const one of tableLines(head, rows)) line(one)
    },
    warn(text) {
      stderr.write(`! ${text}\n`)
    },
    note(text) {
      if (!json) stderr.write(`${text}\n`)
    },
  }
}
