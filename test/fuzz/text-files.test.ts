import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { runs } from './edges.ts'
import { inChild, type Outcome, type Task } from './in-child.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-fuzz-text-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

let files = 0
function lay(kind: 'csv' | 'json', name: string, content: string | Buffer, more: Partial<Task> = {}): Task {
  const file = `${++files}.${kind}`
  writeFileSync(join(root, file), content)
  return { name, file, kind, columns: { x: 'int', y: 'text' }, rowsToo: true, ...more }
}

const utf16 = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le')
const bytes = (...parts: readonly (string | number)[]): Buffer =>
  Buffer.concat(parts.map(part => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part))))

type Wanted = readonly [rows: number, unreadable: number] | RegExp
const csvCases: readonly (readonly [name: string, content: string | Buffer, wanted: Wanted, more?: Partial<Task>])[] = [
  ['plain', 'x,y\n1,a\n2,b\n', [2, 0]],
  ['a byte order mark', '\ufeffx,y\n1,a\n', [1, 0]],
  ['UTF-16', utf16('x,y\n1,a😀\n2,b\n'), [2, 0], { options: { encoding: 'utf-16' } }],
  ['UTF-16 that is not declared, by its mark', utf16('x,y\n1,a\n2,b\n'), [2, 0]],
  [
    'half a character of UTF-16 at its end',
    Buffer.concat([utf16('x,y\n1,a\n'), Buffer.from([65])]),
    [1, 1],
    { options: { encoding: 'utf-16' } },
  ],
  ['Latin-1 in every cell', bytes('x,y\n1,', 0xe9, '\n2,a\n'), [1, 1]],
  ['lines of two encodings', bytes('x,y\n1,é\n2,', 0xe9, '\n3,b\n'), [2, 1]],
  ['another encoding in a column that is not declared', bytes('x,y,z\n1,a,', 0xe9, '\n2,b,c\n'), [1, 1]],
  ['CRLF, also within quotes', 'x,y\r\n1,"a\r\nb"\r\n2,"c\nd"\r\n', [2, 0]],
  ['CR alone', 'x,y\r1,a\r2,b\r', [2, 0]],
  ['line ends of three kinds', 'x,y\r\n1,a\n2,b\r3,c\r\n', [3, 0]],
  ['a quote that stays open', 'x,y\n1,"a\n2,b\n3,c\n', [2, 1]],
  ['a quote that stays open in the last line', 'x,y\n1,a\n2,b\n3,"c\n', [2, 1]],
  ['text after a closing quote', 'x,y\n1,a\n2,"b"c\n3,d\n4,e\n', [3, 1]],
  ['a quote within a cell', 'x,y\n1,a"b\n2,c\n', [2, 0]],
  ['a name twice', 'x,x\n1,2\n', /two columns are called 'x'/],
  ['names that differ in case', 'x,X\n1,2\n', /differ in case only/],
  ['a name that is empty', 'x,,y\n1,2,3\n', [1, 0]],
  ['a header alone', 'x,y\n', [0, 0]],
  ['a header without an end', 'x,y', [0, 0]],
  ['a quote open in the header', '"x,y\n1,a\n', /is never closed/],
  ['a NUL in a name', 'x,y\0\n1,a\n', /NUL byte/],
  ['NUL in cells', 'x,y\n1,a\0b\n2,\0\n', [2, 0]],
  ['line ends alone', '\n\n\n\n', /it is empty/],
  ['no byte', '', /it is empty/],
  ['empty lines between', 'x,y\n1,a\n\n2,b\n\n\n3,c\n', [3, 0]],
  ['rows of other lengths', 'x,y\n1,a\n2\n3,c,d\n4,e\n,\n', [3, 2]],
  ['a name of 5,000 characters', `x,y,${'n'.repeat(5000)}\n1,a,b\n`, [1, 0]],
  ['a line beyond what is read', `x,y\n1,${'z'.repeat(33 * 2 ** 20)}\n2,b\n`, [1, 1], { rowsToo: false }],
  ['a long cell', `x,y\n1,${'z'.repeat(8 * 2 ** 20)}\n2,b\n`, [2, 0], { rowsToo: false }],
  ['no quotes by declaration', 'x,y\n1,"a"\n', [1, 0], { options: { quote: '' } }],
  ['more broken lines than are told', `x,y\n${'1\n'.repeat(150_000)}2,b\n`, [1, 150_000]],
  ['noise', Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919 * (i >> 3)) & 255)), /NUL byte/],
]

const jsonCases: typeof csvCases = [
  ['plain', '{"x":1,"y":"a"}\n{"x":2,"y":"b"}\n', [2, 0]],
  [
    'lists 100,000 deep',
    `{"x":1,"y":${'['.repeat(100_000)}${']'.repeat(100_000)}}\n{"x":2,"y":"b"}\n`,
    [2, 0],
    { rowsToo: false },
  ],
  [
    'objects 100,000 deep',
    `{"x":1,"y":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}\n`,
    [1, 0],
    { rowsToo: false },
  ],
  ['lists that never close', `${'['.repeat(100_000)}\n{"x":1,"y":"a"}\n`, [1, 1]],
  ['a member twice', '{"x":1,"x":2,"y":"a"}\n{"x":3,"y":"b"}\n', [1, 1]],
  ['members that differ in case', '{"x":1,"X":2}\n', /differ in case only/],
  ['values of many types', '{"x":1,"y":"a"}\n{"x":"2","y":2}\n{"x":{},"y":[]}\n{"x":true,"y":null}\n', [4, 0]],
  [
    'numbers beyond any type',
    '{"x":123456789012345678901234567890,"y":"a"}\n{"x":1e400,"y":"b"}\n{"x":9223372036854775807}\n',
    [3, 0],
  ],
  ['a last line cut short', '{"x":1,"y":"a"}\n{"x":2,"y":"b', [1, 1]],
  ['blank lines', '{"x":1,"y":"a"}\n\n   \n{"x":2,"y":"b"}\n\n', [2, 0]],
  ['a byte order mark', '\ufeff{"x":1,"y":"a"}\n{"x":2,"y":"b"}\n', [2, 0]],
  ['one list of all', '[{"x":1,"y":"a"},{"x":2,"y":"b"}]\n', /one JSON list/],
  ['one list over lines', '[\n{"x":1,"y":"a"},\n{"x":2,"y":"b"}\n]\n', /one JSON list/],
  ['a list among lines', '[1]\n{"x":2,"y":"b"}\n', [1, 1]],
  ['two on a line', '{"x":1,"y":"a"}{"x":2,"y":"b"}\n{"x":3,"y":"c"}\n', [1, 1]],
  ['CRLF', '{"x":1,"y":"a"}\r\n{"x":2,"y":"b"}\r\n', [2, 0]],
  ['half a character', '{"x":1,"y":"\\ud800"}\n{"x":2,"y":"b"}\n', [1, 1]],
  ['another encoding', bytes('{"x":1,"y":"', 0xe9, '"}\n{"x":2,"y":"b"}\n'), [1, 1]],
  ['what is no object', '1\n"a"\nnull\n[]\n{"x":1,"y":"a"}\n', [1, 4]],
  ['line ends alone', '\n\n\n', [0, 0]],
  ['more broken lines than are told', `${'x\n'.repeat(5000)}{"x":1,"y":"a"}\n`, [1, 5000]],
  ['objects without members', '{}\n{}\n', [2, 0]],
  [
    'members with odd names',
    '{"x":1,"y":"a","":2,"q\\"u":3,"__proto__":4,"$":5,"a.b":6}\n',
    [1, 0],
    { columns: { x: 'int', 'a.b': 'int', 'q"u': 'int', $: 'int' } },
  ],
]

/** Nothing passes that was not read: good rows and unreadable lines are those that there are, or it is an error. */
function counted(name: string, one: Outcome, wanted: Wanted): void {
  if (wanted instanceof RegExp)
    expect([name, one.error?.code, one.error?.message]).toEqual([name, 'MR2002', expect.stringMatching(wanted)])
  else {
    expect([name, one.error, one.rows, one.unreadable]).toEqual([name, undefined, ...wanted])
    if (one.kept) expect([name, one.kept.length]).toEqual([name, wanted[0]])
    if (wanted[1] > 0) expect([name, one.checks?.['whole-lines']?.[0]]).toEqual([name, 'fail'])
  }
}

test.each([
  ['CSV', 'csv', csvCases],
  ['JSON lines', 'json', jsonCases],
] as const)('%s in whatever state is counted line by line, or refused by its name', async (_, kind, cases) => {
  const found = await inChild(
    root,
    cases.map(([name, content, , more]) => lay(kind, name, content, more)),
    100_000,
  )
  for (const [name, , wanted] of cases) counted(name, found.get(name) as Outcome, wanted)
})

describe('what is made at random', () => {
  const cell = fc.constantFrom(
    '1',
    '-7',
    '',
    'a',
    ' b ',
    '"q"',
    '"a,b"',
    '"two\nlines"',
    '""',
    '"it ""is"""',
    'é',
    '😀',
    'a"b',
    '"open"x',
    "'",
    '\\',
    '#',
    'null',
  )
  // of a line with two of these the engine makes a row besides the broken line that it tells of
  const line = fc
    .array(cell, { minLength: 1, maxLength: 4 })
    .map(cells => cells.map((one, i) => (one === '"open"x' && cells.indexOf(one) < i ? 'a' : one)))

  /**
   * A line is a row when it has as many cells as there are names, but for empty ones after them, and nothing stands after
   * a closing quote.
   */
  const isRow = (cells: readonly string[]): boolean =>
    cells.length >= 2 && cells.slice(2).every(one => one === '') && !cells.includes('"open"x')
  /** The engine passes over lines without a character. */
  const isBlank = (cells: readonly string[]): boolean => cells.length === 1 && cells[0] === ''

  test('CSV has the rows and the broken lines that it was made of', async () => {
    const { numRuns, seed } = runs(60)
    const made = fc.sample(fc.tuple(fc.array(line, { maxLength: 12 }), fc.constantFrom('\n', '\r\n'), fc.boolean()), {
      numRuns,
      seed,
    })
    const tasks = made.map(([lines, end, ends], n) =>
      lay('csv', `csv ${n}`, ['x,y', ...lines.map(cells => cells.join(','))].join(end) + (ends ? end : '')),
    )
    const found = await inChild(root, tasks, 100_000)
    made.forEach(([lines, end], n) => {
      const one = found.get(`csv ${n}`) as Outcome
      if (one.error?.code === 'MR2002') return
      const some = lines.filter(cells => !isBlank(cells))
      const good = some.filter(isRow)
      const what = `seed ${seed}, file ${n}: ${JSON.stringify({ lines, end })}`
      expect([what, one.rows, one.unreadable]).toEqual([what, good.length, some.length - good.length])
      const plain = (text: string) => (text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text)
      expect([what, one.kept?.map(row => row['y'] ?? '')]).toEqual([what, good.map(cells => plain(cells[1] as string))])
    })
    // refusals are the exception
    expect([...found.values()].filter(one => one.error).length).toBeLessThan(0.2 * made.length)
  })

  test('JSON lines have the rows and the broken lines that they were made of', async () => {
    const { numRuns, seed } = runs(80)
    const object = fc.json({ maxDepth: 3 }).map(y => `{"x":1,"y":${y}}`)
    const broken = fc.constantFrom(
      '{',
      '{"x":1',
      '[1]',
      '"x"',
      '1',
      'null',
      '{"x":1}}',
      'x',
      '{"x":1,"x":2}',
      '{"x":"\\ud800"}',
    )
    const made = fc.sample(
      fc.array(
        fc.oneof(
          object.map(text => [text, true] as const),
          broken.map(text => [text, false] as const),
        ),
        { minLength: 1, maxLength: 8 },
      ),
      { numRuns, seed },
    )
    const tasks = made.map((lines, n) => lay('json', `json ${n}`, `${lines.map(([text]) => text).join('\n')}\n`))
    const found = await inChild(root, tasks, 100_000)
    made.forEach((lines, n) => {
      const one = found.get(`json ${n}`) as Outcome
      const good = lines.filter(([, isGood]) => isGood).length
      const what = `seed ${seed}, file ${n}: ${JSON.stringify(lines)}`
      expect([what, one.error, one.rows, one.unreadable]).toEqual([what, undefined, good, lines.length - good])
    })
  })
})
