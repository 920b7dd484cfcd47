import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { csv, dataset, json, t } from '../../index.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { validate } from './validate.ts'

let engine: DataEngine
let root: string
beforeAll(async () => {
  engine = await openDuckdb()
  root = await mkdtemp(join(tmpdir(), 'millrace-lines-'))
  await writeFile(join(root, 'a.jsonl'), '{"n":1,"who":"Ada"}\n\n{"n":"x","who":"Bob"}\n{"n":3,"who":"Eve"\n')
})
afterAll(async () => {
  await engine.close()
  await rm(root, { recursive: true })
})

async function samples(personal: boolean) {
  const who = personal ? t.pii(t.text()) : t.text()
  const made = dataset('d', { source: json('a.jsonl'), columns: { n: t.nullable(t.int()), who }, quarantine: false })
  const { report, release } = await validate({ engine, root, clock: manualClock() }, made)
  await release()
  return (id: string) => report.checks.find(one => one.id === id)?.sample
}

it('an unreadable cell is shown with its file and line, a broken line with its beginning', async () => {
  const sample = await samples(false)
  expect(sample('n-readable')).toEqual([
    { millrace_row: 1, millrace_file: 'a.jsonl', millrace_line: 3, n: null, millrace_unreadable: 'n=x' },
  ])
  expect(sample('whole-lines')).toEqual([
    { line: 4, file: 'a.jsonl', reason: 'it is no JSON', text: '{"n":3,"who":"Eve"' },
  ])
})

it('a broken line of a dataset with personal columns is masked: which part is whose is not known', async () => {
  expect((await samples(true))('whole-lines')).toMatchObject([{ line: 4, text: '•••' }])
})

it('a sentence names no value of a personal column, and those of others', async () => {
  const sentence = async (personal: boolean): Promise<string> => {
    const who = personal ? t.pii(t.text()) : t.text()
    const made = dataset('d', {
      source: json('a.jsonl'),
      columns: { n: t.nullable(t.int()), who },
      quarantine: false,
      expect: c => [c.who.equalsSet(['Ada'], { id: 'only' })],
    })
    const { report, release } = await validate({ engine, root, clock: manualClock() }, made)
    await release()
    const only = report.checks.find(one => one.id === 'only')
    return JSON.stringify([only?.status, only?.message, only?.observed, only?.sample ?? null])
  }
  expect(await sentence(false)).toMatch(/^\["fail",".*Bob.*",\{.*Bob/)
  expect(await sentence(true)).toMatch(/^\["fail",".*•••/)
  expect(await sentence(true)).not.toContain('Bob')
})

it('few times are spread by what they are, not by a count of microseconds', async () => {
  await writeFile(join(root, 'times.csv'), 'at\n2026-01-02\n2026-01-02\n2026-01-03T04:05:06Z\n')
  const made = dataset('t', { source: csv('times.csv'), columns: { at: t.timestamp('UTC') } })
  const { distributions, release } = await validate({ engine, root, clock: manualClock() }, made)
  expect((await distributions())[0]?.bars).toEqual([
    { label: '2026-01-02T00:00:00Z', rows: 2 },
    { label: '2026-01-03T04:05:06Z', rows: 1 },
  ])
  await release()
})
