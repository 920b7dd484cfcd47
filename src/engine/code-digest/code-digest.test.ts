import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { codeDigest } from './code-digest.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-code-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const files = {
  'package.json': '{}',
  'steps.ts': `
    import { clean, unused } from './lib/clean.ts'
    import * as all from './lib/all.ts'
    import limits from './limits.json'
    import { readFile } from 'node:fs/promises'
    interface Row { a: number }
    const factor = 2
    export const train = async (context: unknown, depth: number = 6): Promise<Row> => {
      const text = await readFile('x')
      return { a: clean(depth) * factor + limits.max + text.length }
    }
    export async function other(x: string) { return all.list(unused(x)) }
    export const held = step('evaluate', { run: () => clean(1) })
    function step<T>(name: string, body: T): T { return body }
  `,
  'lib/clean.ts': `
    import { round } from './round.ts'
    export function clean(x: number) { return round(x) }
    export function unused(x: string) { return x.trim() }
  `,
  'lib/round.ts': `export const round = (x: number) => Math.round(x)`,
  'lib/all.ts': `export * from './round.ts'\nexport const list = (x: unknown) => [x]\nexport const more = 1`,
  'limits.json': '{"max": 3}',
}

function project(changes: Partial<Record<keyof typeof files, string | ((text: string) => string)>> = {}): string {
  const folder = mkdtempSync(join(root, 'p-'))
  mkdirSync(join(folder, 'lib'))
  for (const [name, text] of Object.entries(files)) {
    const change = changes[name as keyof typeof files]
    writeFileSync(join(folder, name), change === undefined ? text : typeof change === 'string' ? change : change(text))
  }
  return join(folder, 'steps.ts')
}

async function digest(entry: string, exportName = 'train'): Promise<string> {
  return (await codeDigest({ entry, exportName })).digest
}

const swap = (from: string, to: string) => (text: string) => {
  if (!text.includes(from)) throw new Error(`${from} is not there`)
  return text.replace(from, to)
}

describe('the digest of a step’s code changes with', () => {
  test.each([
    ['its body', { 'steps.ts': swap('* factor', '+ factor') }],
    ['the default of a parameter', { 'steps.ts': swap('depth: number = 6', 'depth: number = 7') }],
    ['a constant of its file', { 'steps.ts': swap('factor = 2', 'factor = 3') }],
    ['an imported helper', { 'lib/clean.ts': swap('round(x)', 'round(x + 1)') }],
    ['a helper of a helper', { 'lib/round.ts': swap('Math.round', 'Math.floor') }],
    ['a statement that acts on loading a helper', { 'lib/round.ts': (t: string) => `globalThis.x = 1\n${t}` }],
    ['imported JSON', { 'limits.json': '{"max": 4}' }],
    ['the package that a name comes from', { 'steps.ts': swap('node:fs/promises', 'node:fs') }],
  ])('%s', async (_, changes) => {
    expect(await digest(project(changes))).not.toBe(await digest(project()))
  })
})

describe('the digest of a step’s code does not change with', () => {
  test.each([
    ['comments', { 'steps.ts': swap('const factor', '/* why */ const factor // two\n') }],
    ['formatting', { 'steps.ts': (t: string) => t.replace(/\n\s+/g, '\n\n') }],
    ['quotes', { 'steps.ts': swap("readFile('x')", 'readFile("x")') }],
    ['types', { 'steps.ts': swap('interface Row { a: number }', 'interface Row { a: number; b?: string }') }],
    ['another step of the file', { 'steps.ts': swap('list(unused(x))', 'list(x)') }],
    ['an unused helper', { 'lib/clean.ts': swap('x.trim()', 'x') }],
    [
      'another import',
      {
        'steps.ts': (t: string) => `import { list as clean2 } from './lib/all.ts'\n${t.replace('all.list', 'clean2')}`,
      },
    ],
    ['the project’s folder', {}],
  ])('%s', async (_, changes) => {
    expect(await digest(project(changes))).toBe(await digest(project()))
  })
})

test('names the modules that count, by their paths in the project', async () => {
  const { modules } = await codeDigest({ entry: project(), exportName: 'train' })
  expect(Object.keys(modules).sort()).toEqual(['lib/clean.ts', 'lib/round.ts', 'limits.json', 'steps.ts'])
})

test('a namespace counts by the members that are used', async () => {
  const base = await digest(project(), 'other')
  expect(await digest(project({ 'lib/all.ts': swap('more = 1', 'more = 2') }), 'other')).toBe(base)
  expect(await digest(project({ 'lib/all.ts': swap('[x]', '[x, x]') }), 'other')).not.toBe(base)
})

test('a step is found by its call, and a step that cannot be found counts with its whole module', async () => {
  const entry = project()
  const found = await codeDigest({ entry, stepName: 'evaluate' })
  expect(found.modules['limits.json']).toBeUndefined()
  const whole = await codeDigest({ entry, stepName: 'absent' })
  expect(Object.keys(whole.modules)).toContain('lib/all.ts')
  const changed = project({ 'steps.ts': swap('list(unused(x))', 'list(x)') })
  expect((await codeDigest({ entry: changed, stepName: 'absent' })).digest).not.toBe(whole.digest)
})

test('code that cannot be parsed or found is named', async () => {
  const entry = project({ 'lib/round.ts': 'export const = ' })
  await expect(codeDigest({ entry, exportName: 'train' })).rejects.toMatchObject({ code: 'MR3047' })
  await expect(codeDigest({ entry: join(root, 'none.ts'), exportName: 'x' })).rejects.toMatchObject({ code: 'MR3047' })
})
