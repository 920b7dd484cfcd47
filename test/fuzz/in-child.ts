import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'vitest'

export interface Task {
  readonly name: string
  readonly file: string
  readonly kind: 'csv' | 'json' | 'parquet' | 'arrow'
  readonly columns: Readonly<Record<string, 'int' | 'float' | 'text' | 'bool' | 'timestamp'>>
  readonly options?: unknown
  /** Bytes of the engine. */
  readonly memory?: number
  /** Also give the rows themselves, or count another time without the file's metadata. */
  readonly rowsToo?: boolean
  readonly again?: boolean
}

export interface Outcome {
  readonly name: string
  readonly rows?: number
  readonly unreadable?: number
  readonly status?: string
  readonly checks?: Readonly<
    Record<string, readonly [status: string, evaluated: number, bad: number, value: unknown, error: string | null]>
  >
  readonly bytes?: number
  readonly kept?: readonly Readonly<Record<string, unknown>>[]
  readonly again?: Readonly<Record<string, number>>
  readonly error?: {
    readonly code?: string
    readonly exit?: number
    readonly hint?: string
    readonly message?: string
    readonly thrown?: string
  }
  readonly ms: number
  /** Megabytes of the process. */
  readonly rss: number
}

/**
 * Validates files in a process of their own: none may end it, whatever is in them. Each gives a report or a catalogued
 * error, within the bound for all of them.
 */
export async function inChild(
  root: string,
  tasks: readonly Task[],
  boundMs: number,
): Promise<ReadonlyMap<string, Outcome>> {
  const list = join(root, `tasks-${tasks.length}-${Math.round(performance.now())}.json`)
  writeFileSync(list, JSON.stringify({ root, tasks }))
  const child = spawn(process.execPath, [resolve('test/fuzz/validate-files.mjs'), list], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err = (err + text).slice(-4000)))
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, boundMs)
  const end = await new Promise<string>(done => child.once('close', (code, signal) => done(String(signal ?? code))))
  clearTimeout(timer)
  const lines = out
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Outcome & { begun?: boolean })
  const last = lines.at(-1)?.name
  expect([end, late, last, err], `ended at ${last}`).toEqual(['0', false, tasks.at(-1)?.name, ''])
  const found = new Map(lines.filter(line => line.begun !== true).map(line => [line.name, line]))
  for (const { name } of tasks) {
    const one = found.get(name) as Outcome
    if (!one.error) continue
    expect(one.error, name).not.toHaveProperty('thrown')
    expect(one.error.code, name).toMatch(/^MR\d{4}$/)
    expect([1, 3], name).toContain(one.error.exit)
    expect(one.error.hint, name).not.toBe('')
    expect(one.error.message, name).not.toMatch(/\p{Cc}/u)
  }
  return found
}
