import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { typesPage, type Case, type Cell, type Reading } from './support/types-page.ts'

const python = 'test/interop/.venv-types/bin/python'
const server = process.env['MILLRACE_TEST_POSTGRES']
const page = 'docs/reference/types.md'
if (!existsSync(python)) console.warn('SKIPPED: pyarrow, pandas, polars; run scripts/interop-venv.sh types first')
if (server === undefined) console.warn('SKIPPED: MILLRACE_TEST_POSTGRES is not set: its types are not read')

const zones = ['UTC', 'America/New_York', 'Asia/Kolkata']

/** Two floats as they are written by two languages. */
const asNumber = (text: unknown): number =>
  Number(
    String(text)
      .replace(/^(-?)inf(inity)?$/i, '$1Infinity')
      .replace(/^nan$/i, 'NaN'),
  )

/** What is wrong with what a cell became; undefined where it is what was written, or was refused with its text. */
function faultOf(type: string, wanted: Cell, got: Reading['cells'][number]): string | undefined {
  const key = type === 'none' ? 'utc' : type
  if (wanted === null) return got === null ? undefined : `null became ${JSON.stringify(got)}`
  // an empty text is no number, and nothing else either
  if (got === null) return wanted.text === '' && type !== 'text' ? undefined : 'a value became null'
  if ('both' in got) return `read and unreadable at once: ${got.both.join(' and ')}`
  if ('unreadable' in got) return got.unreadable === '' ? 'unreadable without its text' : undefined
  const is = wanted[key]
  // a real and a BLOB of SQLite have no way of writing that somebody chose
  if (is === null) return undefined
  if (is === undefined) return `${JSON.stringify(wanted)} was read as ${String(got.value)}`
  const same = key === 'float' ? Object.is(asNumber(is), asNumber(got.value)) : String(is) === String(got.value)
  return same ? undefined : `${String(is)} became ${String(got.value)}`
}

describe.skipIf(!existsSync(python))('every type that others write, read as every type that can be declared', () => {
  let folder: string
  let cases: Case[]
  const results = new Map<string, Record<string, Record<string, Reading>>>()
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-types-'))
    execFileSync(python, ['test/interop/write_types.py', folder, ...(server === undefined ? [] : [server])])
    cases = JSON.parse(await readFile(join(folder, 'cases.json'), 'utf8')) as Case[]
    const readIn = async (zone: string) => {
      const { stdout } = await promisify(execFile)(process.execPath, ['test/peers/support/read-types.mjs', folder], {
        env: { ...process.env, TZ: zone },
        maxBuffer: 2 ** 28,
      })
      results.set(zone, JSON.parse(stdout) as Record<string, Record<string, Reading>>)
    }
    await Promise.all(zones.map(readIn))
  })
  afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))

  test('a cell is what was written, or is refused with its text', () => {
    expect(cases.length).toBeGreaterThan(350)
    const faults: string[] = []
    for (const one of cases)
      for (const [type, result] of Object.entries(results.get('UTC')?.[one.id] ?? {})) {
        const where = `${one.id} as ${type}`
        if (result.crashed !== undefined) faults.push(`${where}: ${result.crashed.slice(0, 300)}`)
        else if (result.refused === undefined && one.refused) faults.push(`${where}: is not refused`)
        else if (result.refused === undefined && result.cells.length !== one.cells.length)
          faults.push(`${where}: ${result.cells.length} rows of ${one.cells.length}`)
        else if (result.refused === undefined)
          for (const [i, cell] of result.cells.entries()) {
            const fault = faultOf(type, one.cells[i] as Cell, cell)
            if (fault !== undefined) faults.push(`${where}, row ${i}: ${fault}`)
          }
      }
    expect(faults).toEqual([])
  })

  test('wherever the host is', () => {
    for (const zone of zones) expect(results.get(zone), zone).toEqual(results.get('UTC'))
  })

  test('as the reference says', async () => {
    const told = await readFile(page, 'utf8').catch(() => '')
    const made = typesPage(cases, results.get('UTC') ?? {}, server === undefined ? told : undefined)
    if (process.env['MILLRACE_WRITE_TYPES'] !== undefined) await writeFile(page, made)
    else expect(made, `is stale: MILLRACE_WRITE_TYPES=1 with this test writes ${page}`).toBe(told)
  })
})
