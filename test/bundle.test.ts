import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

// What `npm run build` makes of the modules: few files to load, the same exports, one of each in a process.

const entries = ['index', 'client/index', 'testing/index', 'ports/index', 'errors/index'] as const
const load = (path: string) => import(pathToFileURL(resolve('dist', path)).href) as Promise<Record<string, unknown>>

it.each(entries)('%s exports what its sources export', async entry => {
  const sources = (await import(resolve('src', `${entry}.ts`))) as Record<string, unknown>
  expect(Object.keys(await load(`${entry}.js`)).sort()).toEqual(Object.keys(sources).sort())
})

it('what several entries export is one thing', async () => {
  const [all, errors, code] = await Promise.all([load('index.js'), load('errors/index.js'), load('errors/system.js')])
  const shared = Object.keys(all).filter(name => Object.hasOwn(errors, name))
  for (const name of shared) expect(all[name], name).toBe(errors[name])
  expect(Object.keys(code).filter(name => errors[name] !== undefined && errors[name] !== code[name])).toEqual([])
})

it('what a file loads of ours lies in the package, wherever that is', async () => {
  const files = (await readdir('dist', { recursive: true })).filter(name => /^(?!web\/).*\.js$/.test(name))
  expect(files.length).toBeGreaterThan(1_000)
  const wrong: string[] = []
  // A page for browsers, and a comment with an example
  const speaking = ['stages/edge/pages.js', 'client/index.js']
  for (const name of files.filter(one => !speaking.includes(one))) {
    const text = await readFile(join('dist', name), 'utf8')
    if (text.includes(`${resolve('.')}/`)) wrong.push(`${name} knows where it was built`)
    for (const [, path = ''] of text.matchAll(/(?:\bfrom |\bimport\(|^import )['"](\.[^'"\n]+)['"]/gm))
      if (!files.includes(join(dirname(name), path)) && !/\$\{/.test(path)) wrong.push(`${name}: ${path}`)
  }
  expect(wrong).toEqual([])
})

/** Files of ours and of packages that a command has loaded when it ends, by what the engine says. */
async function loadedBy(...words: readonly string[]): Promise<readonly string[]> {
  const root = await mkdtemp(join(tmpdir(), 'millrace-bundle-'))
  await writeFile(join(root, 'a.csv'), 'x\n1\n2\n')
  await writeFile(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, project, t } from 'millrace'
const a = dataset('a', { source: csv('a.csv'), columns: { x: t.int() }, expect: c => [c.x.between(1, 2)] })
export default project('p', { a })
`,
  )
  const told = join(root, 'told')
  await promisify(execFile)(process.execPath, [resolve('dist/cli/bin.js'), ...words], {
    cwd: root,
    env: { ...process.env, NODE_V8_COVERAGE: told },
  })
  const scripts = await Promise.all(
    (await readdir(told)).map(async name => {
      const { result } = JSON.parse(await readFile(join(told, name), 'utf8')) as { result: { url: string }[] }
      return result.map(one => one.url).filter(url => url.startsWith('file:'))
    }),
  )
  return [...new Set(scripts.flat())]
}

it.each([
  [['--version'], 10],
  [['explain-error', 'MR2002'], 30],
  [['runs', 'list'], 120],
  [['validate'], 160],
] as const)('%j loads at most %i files, and nothing of what it does not need', async (words, most) => {
  const files = await loadedBy(...words)
  expect(files.length).toBeGreaterThan(0)
  expect(files.length, files.join('\n')).toBeLessThanOrEqual(most)
  expect(
    files.filter(file => /node_modules\/(hono|zod|onnxruntime|lmdb|prom-client)|dist\/server\//.test(file)),
  ).toEqual([])
})
