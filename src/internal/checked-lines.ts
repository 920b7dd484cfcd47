import { crc32 } from 'node:zlib'

/** One line of an append-only file, led by the checksum of the rest: a line that a crash cut short is told from a whole one. */
export function checkedLine(value: unknown, replacer?: (key: string, value: unknown) => unknown): string {
  const body = JSON.stringify(value, replacer)
  return `${crc32(body).toString(16).padStart(8, '0')} ${body}\n`
}

/** Undefined where the line (without its end) is not as it was written. */
export function checkedValue<T>(line: string): T | undefined {
  const body = line.slice(9)
  return line.length > 9 && line.slice(0, 8) === crc32(body).toString(16).padStart(8, '0')
    ? (JSON.parse(body) as T)
    : undefined
}

export interface CheckedLines<T> {
  readonly values: readonly T[]
  /** Lines between others that are not as they were written. */
  readonly damaged: number
  /** The whole lines. */
  readonly text: string
  /** What stands after the last whole line, if that is no whole line: what a crash leaves, and no damage. */
  readonly torn: boolean
}

/** The whole lines of a file. A last line that was cut was never acknowledged; one that only lacks its end counts. */
export function readCheckedLines<T>(content: string): CheckedLines<T> {
  const lines = content.split('\n')
  const rest = lines.pop() ?? ''
  const whole = lines.flatMap(line => {
    const value = checkedValue<T>(line)
    return value === undefined ? [] : [{ line, value }]
  })
  const last = rest === '' ? undefined : checkedValue<T>(rest)
  return {
    values: [...whole.map(one => one.value), ...(last === undefined ? [] : [last])],
    damaged: lines.length - whole.length,
    text: whole.map(one => `${one.line}\n`).join(''),
    torn: rest !== '',
  }
}
