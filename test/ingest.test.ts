import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { gzipSync } from 'node:zlib'
import { join, resolve } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { openWorkspace } from '../src/config/workspace.ts'
import { definitionDigest } from '../src/define/project.ts'
import type { Report } from '../src/define/report.ts'
import { ingest } from '../src/stages/ingest/ingest.ts'
import { IngestJournal } from '../src/stages/ingest/journal.ts'
import { millrace, startUp, type Server } from './support/command.ts'

const config = `import { csv, dataset, expect, project, t } from 'millrace'
const sales = dataset('sales', {
  source: csv('data/*.csv'),
  columns: { id: t.int(), shop: t.text(), amount: t.float() },
  expect: c => [
    expect.primaryKey([c.id], { id: 'key' }),
    c.amount.between(0, 1000, { id: 'amount', mostly: 0.9 }),
    expect.rowCount({ min: 3, id: 'enough' }),
  ],
})
export default project('shop', { sales })
`

const roots: string[] = []
let server: Server | undefined
afterEach(async () => {
  await server?.end()
  server = undefined
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

function shop(): string {
  const root = mkdtempSync(join(tmpdir(), 'millrace-ingest-'))
  roots.push(root)
  for (const folder of ['data', 'inbox', 'node_modules']) mkdirSync(join(root, folder))
  symlinkSync(resolve('.'), join(root, 'node_modules/millrace'))
  writeFileSync(join(root, 'millrace.config.ts'), config)
  return root
}

/** Rows from..to with a fair amount; those in `bad` with a negative one. */
function rows(from: number, to: number, bad: readonly number[] = []): string {
  const lines = Array.from({ length: to - from }, (_, i) => {
    const id = from + i
    return `${id},north,${bad.includes(id) ? -1 : id % 100}`
  })
  return `id,shop,amount\n${lines.join('\n')}\n`
}

const write = (root: string, name: string, text: string): string => {
  const path = join(root, name)
  writeFileSync(path, text)
  return path
}

interface Answer {
  readonly verdict: string
  readonly reason: string
  readonly place: string | null
  readonly again: boolean
  readonly rows: number
  readonly quarantined: number
}
const answers = (out: string): Answer[] => JSON.parse(out) as Answer[]

test('a file joins its dataset once it holds, by itself and with what is there', async () => {
  const root = shop()
  const inTo = async (...files: string[]) => {
    const said = await millrace(root, ['data', 'ingest', 'sales', ...files, '--json'])
    return { code: said.code, results: answers(said.out) }
  }
  const first = await inTo(write(root, 'january.csv', rows(0, 200)))
  expect(first).toMatchObject({ code: 0, results: [{ verdict: 'passed', place: 'data/january.csv', rows: 200 }] })
  // the same content under another name
  expect(await inTo(write(root, 'copy.csv', rows(0, 200)))).toMatchObject({ code: 0, results: [{ again: true }] })
  expect(readdirSync(join(root, 'data'))).toEqual(['january.csv'])
  // a tenth of its own rows is bad, though few of all would be
  const third = await inTo(write(root, 'february.csv', rows(200, 220, [201, 202, 203])))
  expect(third).toMatchObject({ code: 1, results: [{ verdict: 'refused', place: null, quarantined: 3 }] })
  // keys that the dataset has already: no look at the file alone could tell
  const fourth = await inTo(write(root, 'march.csv', rows(190, 320)))
  expect(fourth).toMatchObject({ code: 1, results: [{ verdict: 'refused', quarantined: 10 }] })
  // few enough to be set aside
  const fifth = await inTo(write(root, 'april.csv', rows(199, 400)))
  expect(fifth).toMatchObject({
    code: 0,
    results: [{ verdict: 'quarantined', quarantined: 1, place: 'data/april.csv' }],
  })
  // a key that is there twice already is no fault of a file with other keys
  const clean = await inTo(write(root, 'may.csv', rows(600, 620)))
  expect(clean).toMatchObject({ code: 0, results: [{ verdict: 'passed', quarantined: 0 }] })
  // what was taken in and is gone comes again
  rmSync(join(root, 'data/may.csv'))
  expect(await inTo(join(root, 'may.csv'))).toMatchObject({
    code: 0,
    results: [{ again: false, place: 'data/may.csv' }],
  })
  // the name is taken by other content
  const sixth = await inTo(write(root, 'january.csv', rows(500, 510)))
  expect(sixth.results[0]?.place).toMatch(/^data\/january-[0-9a-f]{8}\.csv$/)
  // refused content is judged anew by other expectations, or when asked to
  const late = write(root, 'late.csv', rows(900, 920, [901, 902, 903]))
  for (const again of [false, true]) expect(await inTo(late)).toMatchObject({ code: 1, results: [{ again }] })
  expect(await inTo(late, '--anew')).toMatchObject({ code: 1, results: [{ again: false }] })
  writeFileSync(join(root, 'millrace.config.ts'), config.replace('between(0, 1000', 'between(-9, 1000'))
  expect(await inTo(late)).toMatchObject({ code: 0, results: [{ again: false, verdict: 'passed' }] })
  // no table at all, and then one without its columns
  expect(await inTo(write(root, 'other.csv', 'a,b\n1,2\n'))).toMatchObject({
    code: 1,
    results: [{ verdict: 'refused' }],
  })
  expect(readdirSync(join(root, 'data')).sort()).toHaveLength(5)
})

test('a file without content is refused in the same words by the command and by the folder, as over HTTP', async () => {
  const root = shop()
  const refused = { verdict: 'refused', reason: 'file none.csv is refused: it is empty', place: null }
  const taken = await millrace(root, ['data', 'ingest', 'sales', write(root, 'none.csv', ''), '--json'])
  expect([taken.code, answers(taken.out)]).toMatchObject([1, [refused]])
  rmSync(join(root, '.millrace'), { recursive: true })
  write(root, 'inbox/none.csv', '')
  const watched = await millrace(root, ['validate', '--watch', 'inbox', '--once', '--settle', '100ms', '--json'])
  expect([watched.code, answers(watched.out)]).toMatchObject([1, [refused]])
  const other = await millrace(root, ['data', 'ingest', 'sales', write(root, 'head.csv', 'id,shop,amount\n'), '--json'])
  expect(answers(other.out)[0]?.reason).toBe('file head.csv is refused: it has no rows')
  const wrong = await millrace(root, [
    'data',
    'ingest',
    'sales',
    write(root, 'semi.csv', 'id;shop;amount\n1;a;2\n'),
    '--json',
  ])
  expect(answers(wrong.out)[0]?.reason).toMatch(/^file semi\.csv is refused: .*delimiter: ';'.* \(and \d+ more\)$/)
})

test('a folder is watched: what arrives is taken in, once for each content, also by a second process', async () => {
  const root = shop()
  write(root, 'inbox/a.csv', rows(0, 50))
  write(root, 'inbox/again.csv', rows(0, 50))
  write(root, 'inbox/bad.csv', rows(100, 150, [100, 101, 102, 103, 104, 105]))
  write(root, 'inbox/.half-written.csv', rows(300, 301))
  const watch = () => millrace(root, ['validate', '--watch', 'inbox', '--once'])
  const [one, two] = await Promise.all([watch(), watch()])
  expect(new Set([0, 1, one.code, two.code]), `${one.said}\n${two.said}`).toEqual(new Set([0, 1]))
  expect(one.code + two.code).toBeGreaterThan(0)
  expect(readdirSync(join(root, 'data'))).toHaveLength(1)
  expect(readdirSync(join(root, 'inbox'))).toEqual(['.half-written.csv', 'refused'])
  expect(readdirSync(join(root, 'inbox/refused'))).toEqual(['bad.csv'])
  const decisions = JSON.parse((await millrace(root, ['decisions', '--json'])).out) as readonly unknown[]
  expect(decisions).toHaveLength(2)
})

test('a watching process ends in order when it is told to', async () => {
  const root = shop()
  const child = spawn(process.execPath, [resolve('dist/cli/bin.js'), 'validate', '--watch', 'inbox'], { cwd: root })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const code = new Promise(done => child.once('exit', done))
  while (!said.includes('watching')) await new Promise(done => setTimeout(done, 20))
  child.kill('SIGTERM')
  expect(await code).toBe(0)
})

test('killed at any moment, it is finished by the next: one verdict, one decision, one file', async () => {
  const root = shop()
  const file = { path: write(root, 'inbox/a.csv', rows(0, 50)), name: 'a.csv' }
  const workspace = await openWorkspace(root)
  try {
    const sales = workspace.project.datasets.get('sales')
    if (!sales) throw new Error('no dataset')
    // the verdict is on record, and nothing else happened
    const journal = new IngestJournal(workspace, 'sales')
    const { digest } = await workspace.artifacts.putFile(file.path)
    const report: Report = {
      id: '01J00000000000000000000000',
      kind: 'validation',
      subject: 'sales',
      at: 1,
      status: 'pass',
      checks: [],
      evidence: {},
    }
    const decision = {
      id: '01J00000000000000000000001',
      kind: 'gate',
      subject: 'dataset sales',
      at: 1,
      verdict: 'passed',
      reason: 'it holds',
      rule: { name: 'validation gate' },
      inputs: {},
      evidence: [report.id],
      actor: 'system',
    } as const
    const result = {
      dataset: 'sales',
      digest,
      name: 'a.csv',
      verdict: 'passed',
      reason: 'it holds',
      definition: definitionDigest(sales),
      rows: 50,
      quarantined: 0,
      report: report.id,
      decision: decision.id,
      place: 'data/a.csv',
    } as const
    const entry = await journal.decide(result, report, decision)
    expect(await ingest(workspace, sales, file)).toEqual({ result, again: true })
    expect(existsSync(join(root, 'data/a.csv'))).toBe(true)
    // killed after its effects, before they were known
    await journal.decide(result, report, decision)
    await journal.tell(entry)
    expect(await ingest(workspace, sales, file)).toEqual({ result, again: true })
    expect(await workspace.store.listReports({})).toHaveLength(1)
    expect(await workspace.store.listDecisions({})).toHaveLength(1)
  } finally {
    await workspace.close()
  }
})

test('a process killed outright at some moment of it leaves nothing twice and nothing undone', async () => {
  const root = shop()
  const file = write(root, 'a.csv', rows(0, 2000))
  for (let ms = 350; ms <= 1100; ms += 75) {
    const child = spawn(process.execPath, [resolve('dist/cli/bin.js'), 'data', 'ingest', 'sales', file], { cwd: root })
    const ended = new Promise(done => child.once('exit', done))
    const timer = setTimeout(() => child.kill('SIGKILL'), ms)
    await ended
    clearTimeout(timer)
  }
  const last = await millrace(root, ['data', 'ingest', 'sales', file, '--json'])
  expect(last.code, last.said).toBe(0)
  expect(readdirSync(join(root, 'data')).filter(name => !name.startsWith('.'))).toEqual(['a.csv'])
  expect(JSON.parse((await millrace(root, ['decisions', '--json'])).out)).toHaveLength(1)
})

test('over HTTP', async () => {
  const root = shop()
  server = await startUp(root)
  const { url } = server
  const send = async (text: string, query = '', dataset = 'sales') => {
    const response = await fetch(`${url}/v1/datasets/${dataset}:ingest${query}`, { method: 'POST', body: text })
    return { status: response.status, body: (await response.json()) as Answer & { readonly code?: string } }
  }
  const [one, two] = await Promise.all([send(rows(0, 50), '?name=a.csv'), send(rows(0, 50), '?name=b.csv')])
  expect([one.status, two.status]).toEqual([200, 200])
  expect(one.body.again).toBe(!two.body.again)
  expect(readdirSync(join(root, 'data'))).toHaveLength(1)
  expect(await send(rows(100, 150, [100, 101, 102, 103, 104, 105]))).toMatchObject({
    status: 422,
    body: { verdict: 'refused', reason: expect.stringContaining('bad') as string },
  })
  expect(await send('', '?name=none.csv')).toMatchObject({
    status: 422,
    body: { verdict: 'refused', reason: 'file none.csv is refused: it is empty' },
  })
  const zipped = await fetch(`${url}/v1/datasets/sales:ingest`, {
    method: 'POST',
    body: gzipSync(rows(300, 310)),
    headers: { 'content-encoding': 'gzip' },
  })
  expect([zipped.status, await zipped.json()]).toMatchObject([415, { code: 'MR5029' }])
  expect(await send('x', '', 'unknown')).toMatchObject({ status: 404, body: { code: expect.any(String) as string } })
  expect(await send('x', '?nmae=a.csv')).toMatchObject({ status: 400, body: { code: expect.any(String) as string } })
})
