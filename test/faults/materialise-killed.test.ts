import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openLmdb } from '../../src/adapters/online/lmdb/store.ts'
import { millrace } from '../support/command.ts'

// Records of a view that are written part by part, by processes that are killed in the middle, again and again: what is there
// in the end is what one process that nobody killed wrote.

let root = ''
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-killed-'))
  mkdirSync(join(root, 'data'))
  const lines = Array.from(
    { length: 30_000 },
    (_, i) => `${new Date(Date.UTC(2026, 0, 1) + i * 60_000).toISOString()},${(i * 7919) % 6_007},${(i % 97) / 4}`,
  )
  writeFileSync(join(root, 'data', 'rides.csv'), `at,who,paid\n${lines.join('\n')}\n`)
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, entity, features, project, t } from 'millrace'
const rides = dataset('rides', {
  source: csv('data/*.csv'), columns: { at: t.timestamp('UTC'), who: t.int(), paid: t.float() }, eventTime: 'at',
})
const people = features('people', {
  entity: entity('person', { who: t.int() }), from: rides, compute: f => ({ rides: f.count('9d'), paid: f.sum('paid', '30d') }),
})
export default project('killed', { rides, people })
`,
  )
  const made = await millrace(root, ['data', 'snapshot'])
  if (made.code !== 0) throw new Error(made.said)
  cpSync(root, `${root}-whole`, { recursive: true })
}, 120_000)
afterAll(() => {
  for (const folder of [root, `${root}-whole`]) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

/** Writes until so many parts were told, and is killed then; without a number to its end. */
function write(folder: string, rows: number, parts = Infinity): Promise<{ code: number | string; said: string[] }> {
  const child = spawn(process.execPath, ['test/support/materialise-parts.mjs', folder, 'people', String(rows)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  const said = (): string[] =>
    text
      .trim()
      .split('\n')
      .filter(line => line !== '')
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more
    if (said().filter(line => line.startsWith('part')).length >= parts) child.kill('SIGKILL')
  })
  return new Promise(done => child.once('close', (code, signal) => done({ code: signal ?? code ?? -1, said: said() })))
}

async function records(folder: string, name: string): Promise<Record<string, string>> {
  const store = await openLmdb(join(folder, '.millrace', 'online'))
  try {
    const found: Record<string, string> = {}
    for await (const key of store.keys(name)) {
      const [record] = await store.getMany(name, [{ key }])
      if (record && record !== 'unchanged') found[key] = Buffer.from(record.bytes).toString('hex')
    }
    return found
  } finally {
    await store.close()
  }
}

test('a process that is killed again and again while it writes records ends with those of one that was not', async () => {
  const whole = await write(`${root}-whole`, 1_000_000)
  expect(whole).toEqual({ code: 0, said: [expect.stringMatching(/^records people@/) as string, 'entities 6007'] })
  const begun: string[] = []
  for (let i = 0; i < 4; i++) {
    const { code, said } = await write(root, 2_000, 2)
    expect(code, said.join('; ')).toBe('SIGKILL')
    begun.push(said[0] ?? '')
  }
  const { code, said } = await write(root, 2_000)
  expect([code, said.at(-1)]).toEqual([0, 'entities 6007'])
  // each went on where the one before was killed: no part twice, and none left out
  expect(begun[0]).toMatch(/^part 1 of 15 /)
  const places = [...begun.slice(1), said[0] ?? ''].map(line =>
    Number(/^goes on with part (\d+) of 15$/.exec(line)?.[1]),
  )
  expect(
    places.every((place, i) => place >= (places[i - 1] ?? 1) + 1),
    places.join(),
  ).toBe(true)
  const name = String(whole.said[0]).split(' ')[1] as string
  const found = await records(root, name)
  expect(Object.keys(found)).toHaveLength(6_007)
  expect(found).toEqual(await records(`${root}-whole`, name))
})
