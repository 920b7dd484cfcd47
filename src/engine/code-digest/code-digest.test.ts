import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { codeDigest } from './code-digest.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-code-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

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

/** Of the project as it is: where it lies does not count, so once is enough. */
let base: Promise<string> | undefined
const unchanged = (): Promise<string> => (base ??= digest(project()))

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
    expect(await digest(project(changes))).not.toBe(await unchanged())
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
    expect(await digest(project(changes))).toBe(await unchanged())
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

// Each way to write it: `USED` stands in what the step uses, `UNUSED` in what it does not.
const forms: Readonly<Record<string, { entry: string; lib?: string; file?: string }>> = {
  'a default export': {
    entry: `import used from './lib'; export const step1 = () => used()`,
    lib: `export default () => USED`,
  },
  'a default export of a class': {
    entry: `import Used from './lib'; export const step1 = () => new Used()`,
    lib: `export default class { x = USED }`,
  },
  'a class that extends another': {
    entry: `import { B } from './lib'; export const step1 = () => new B()`,
    lib: `class A { x = USED }\nexport class B extends A {}\nexport class C { x = UNUSED }`,
  },
  'exports under another name': {
    entry: `import { b as c, d } from './lib'; export const step1 = () => c`,
    lib: `const a = USED; const z = UNUSED; export { a as b, z as d }`,
  },
  'what is exported from elsewhere': {
    entry: `import { b, c } from './lib'; export const step1 = () => b`,
    lib: `export { a as b, c } from './more'`,
    file: `export const a = USED; export const c = UNUSED`,
  },
  'all of another module': {
    entry: `import { a } from './lib'; export const step1 = () => a`,
    lib: `export * from './more'`,
    file: `export const a = USED; export const c = UNUSED`,
  },
  'a namespace': {
    entry: `import * as lib from './lib'; export const step1 = () => lib.a`,
    lib: `export const a = USED; export const c = UNUSED`,
  },
  'a namespace under a name of its own': {
    entry: `import { more } from './lib'; export const step1 = () => more.a`,
    lib: `export * as more from './more'`,
    file: `export const a = USED`,
  },
  'a namespace as a whole': {
    entry: `import * as lib from './lib'; export const step1 = (x: string) => (lib as never)[x]`,
    lib: `export const a = 1; export const c = USED`,
  },
  'a module that is loaded where it is needed': {
    entry: `export const step1 = async () => (await import('./lib')).a`,
    lib: `export const a = USED`,
  },
  'names taken apart': {
    entry: `import { x, b, r } from './lib'; export const step1 = () => [x, b]`,
    lib: `const make = () => ({ a: USED, b: [1, 2], c: 3 }); export const { a: x = 4, b: [, b], ...r } = make()`,
  },
  'a function that is declared': {
    entry: `import { f } from './lib'; export const step1 = () => f()`,
    lib: `export function f() { return g() }\nfunction g() { return USED }\nfunction h() { return UNUSED }`,
  },
  'a value that is changed after its declaration': {
    entry: `import { list } from './lib'; export const step1 = () => list`,
    lib: `export const list: number[] = []\nlist.push(USED)`,
  },
  'what a module does when it is loaded': {
    entry: `import { a } from './lib'; export const step1 = () => a`,
    lib: `export const a = 1\nif (a > 0) { globalThis.b = USED }\nconst c = UNUSED`,
  },
  'a module that is imported for what it does': {
    entry: `import './lib'\nexport const step1 = () => 1`,
    lib: `globalThis.b = USED`,
  },
  'an enum': {
    entry: `import { E } from './lib'; export const step1 = () => E.a`,
    lib: `export enum E { a = USED }`,
  },
  'great whole numbers and patterns': {
    entry: `import { a } from './lib'; export const step1 = () => a`,
    lib: `export const a = [USEDn, /xUSED/u, \`t\${1}USED\`]; export const b = [UNUSEDn]`,
  },
  'helpers that use each other': {
    entry: `import { even } from './lib'; export const step1 = () => even(4)`,
    lib: `export const even = (n: number): boolean => n === 0 || odd(n - 1)\nconst odd = (n: number): boolean => n !== USED && even(n - 1)`,
  },
  'a step in a list of others': {
    entry: `import { step } from 'millrace'; import { a, b } from './lib'
      export default { one: step('step1', { run: () => a }) }
      export const other = step('step2', { run: () => b })`,
    lib: `export const a = USED; export const b = UNUSED`,
  },
  'a step whose call came from a namespace': {
    entry: `import * as millrace from 'millrace'; import { a, b } from './lib'
      const one = millrace.step('step1', { run: () => a })
      const other = millrace.step('step2', { run: () => b })
      const not = b.steps('step1')`,
    lib: `export const a = USED; export const b = UNUSED`,
  },
  'members whose names are computed': {
    entry: `import { a, b } from './lib'; const key = 'USED'; export const step1 = (x: never) => x[key]; export const step2 = a[b]`,
    lib: `export const a = UNUSED; export const b = 'x'`,
  },
}

describe('the code of a step is what it uses, however it is written', () => {
  // one folder a form: what did not change is not read again, as between two runs
  const writer = (form: { entry: string; lib?: string; file?: string }) => {
    const folder = mkdtempSync(join(root, 'f-'))
    writeFileSync(join(folder, 'package.json'), '{}')
    return async (used: number, unused: number) => {
      const text = (of: string) => of.replaceAll('UNUSED', String(unused)).replaceAll('USED', String(used))
      writeFileSync(join(folder, 'entry.ts'), text(form.entry))
      if (form.lib !== undefined) writeFileSync(join(folder, 'lib.ts'), text(form.lib))
      if (form.file !== undefined) writeFileSync(join(folder, 'more.ts'), text(form.file))
      const { digest } = await codeDigest({ entry: join(folder, 'entry.ts'), exportName: 'step1', stepName: 'step1' })
      return digest
    }
  }
  test.each(Object.entries(forms))('%s', async (_, form) => {
    const write = writer(form)
    const base = await write(1111, 2222)
    expect(await write(1112, 2222)).not.toBe(base)
    if (Object.values(form).some(text => text.includes('UNUSED'))) expect(await write(1111, 2223)).toBe(base)
  })
})

test('where a module lies is no part of its code, and what it reads beside it is', async () => {
  const at = async (text: string) => {
    const folder = mkdtempSync(join(root, 'm-'))
    writeFileSync(join(folder, 'package.json'), '{}')
    writeFileSync(join(folder, 'a.ts'), text)
    return (await codeDigest({ entry: join(folder, 'a.ts'), exportName: 'run' })).digest
  }
  const text = `import { readFileSync } from 'node:fs'
    export const run = () => readFileSync(new URL('./x', import.meta.url))`
  expect(await at(text)).toBe(await at(text))
  expect(await at(text.replace('./x', './y'))).not.toBe(await at(text))
  for (const place of ['import.meta.dirname', 'import.meta.filename']) {
    const other = `export const run = () => ${place}`
    expect(await at(other)).toBe(await at(other))
  }
})

test('a module is read again when it changed, and a circle of modules ends', async () => {
  const folder = mkdtempSync(join(root, 'c-'))
  const entry = join(folder, 'a.ts')
  writeFileSync(entry, `import { b } from './b'; export const a = 1; export const run = () => b`)
  writeFileSync(join(folder, 'b.ts'), `import { a } from './a'; export const b = () => a`)
  const digestOf = async () => (await codeDigest({ entry, exportName: 'run' })).digest
  const first = await digestOf()
  expect(await digestOf()).toBe(first)
  writeFileSync(entry, `import { b } from './b'; export const a = 2; export const run = () => b`)
  const second = await digestOf()
  expect(second).not.toBe(first)
  // without a package.json anywhere, paths are from where the entry lies
  const { modules } = await codeDigest({ entry, exportName: 'run' })
  expect(Object.keys(modules).every(path => !path.startsWith('/'))).toBe(true)
})

test('files that are no code count by their bytes, JavaScript and JSX by what they say', async () => {
  const of = async (name: string, text: string) => {
    const folder = mkdtempSync(join(root, 'n-'))
    writeFileSync(join(folder, 'package.json'), '{}')
    writeFileSync(join(folder, name), text)
    const exportName = 'run'
    writeFileSync(join(folder, 'a.ts'), `import x from './${name}'; export const run = () => x`)
    return (await codeDigest({ entry: join(folder, 'a.ts'), exportName })).digest
  }
  expect(await of('a.sql', 'select 1')).not.toBe(await of('a.sql', 'select  1'))
  expect(await of('b.js', 'export default 1 // one')).toBe(await of('b.js', 'export default 1'))
  expect(await of('b.mjs', 'export default 1')).not.toBe(await of('b.mjs', 'export default 2'))
  expect(await of('c.cjs', 'module.exports = 1')).not.toBe(await of('c.cjs', 'module.exports = 2'))
  expect(await of('d.tsx', 'export default <a>1</a>')).not.toBe(await of('d.tsx', 'export default <a>2</a>'))
  await expect(of('e.ts', 'export default <')).rejects.toMatchObject({ code: 'MR3047' })
})

test('packages count through the lockfile, wherever they lie; a file of the project counts by whatever path it is named', async () => {
  const folder = mkdtempSync(join(root, 'r-'))
  const put = (name: string, text: string) => {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  put('package.json', '{}')
  put('node_modules/pack/package.json', '{"name":"pack","main":"index.js"}')
  put('node_modules/pack/index.js', 'exports.a = 1')
  put('millrace.ts', 'export const a = 1')
  put('own.ts', 'export const a = 1')
  const of = async (from: string) => {
    put('a.ts', `import { a } from '${from}'; export const run = () => a`)
    return codeDigest({ entry: join(folder, 'a.ts'), exportName: 'run' })
  }
  for (const [from, file] of [
    ['pack', 'node_modules/pack/index.js'],
    ['not-installed', undefined],
    ['@scope/not-installed', undefined],
    ['node:fs', undefined],
    ['fs', undefined],
    ['millrace', undefined],
    ['millrace/testing', undefined],
  ] as const) {
    const before = await of(from)
    expect([from, Object.keys(before.modules)]).toEqual([from, ['a.ts']])
    if (file !== undefined) put(file, 'exports.a = 2')
    expect((await of(from)).digest).toBe(before.digest)
  }
  for (const [from, file] of [
    ['./own.ts', 'own.ts'],
    ['./own', 'own.ts'],
    ['./millrace', 'millrace.ts'],
    ['./millrace.ts', 'millrace.ts'],
    [join(folder, 'own.ts'), 'own.ts'],
    [pathToFileURL(join(folder, 'own.ts')).href, 'own.ts'],
  ] as const) {
    put(file, 'export const a = 1')
    const before = await of(from)
    expect([from, Object.keys(before.modules).sort()]).toEqual([from, ['a.ts', file].sort()])
    put(file, 'export const a = 2')
    expect((await of(from)).digest).not.toBe(before.digest)
  }
})
