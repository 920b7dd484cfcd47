import { mkdir, readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fail } from '../../errors/index.ts'
import { compiledModule } from '../../internal/compiled.ts'
import { copyNamed, writeNamed } from '../../internal/publish.ts'
import type { EdgeDescription } from './description.ts'
import { declarations, demoPage, type EdgeTarget, entryModule, readMe } from './pages.ts'

/** The compiled modules that an exported model needs, by their place in its `lib`. */
const modules: Readonly<Record<string, URL>> = {
  'stages/edge/scorer.js': compiledModule('./scorer.ts', import.meta.url),
  'define/expression/row.js': compiledModule('../../define/expression/row.ts', import.meta.url),
  'define/expression/letter-case.js': compiledModule('../../define/expression/letter-case.ts', import.meta.url),
  'define/expression/zone.js': compiledModule('../../define/expression/zone.ts', import.meta.url),
  'define/expression/pattern.js': compiledModule('./pattern.ts', import.meta.url),
}

const runtimeFiles = ['ort.wasm.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm'] as const

/** Writes the folder and gives the names of its files. Throws `outputUnwritable` where something lies there already. */
export async function writeEdgeFolder(
  folder: string,
  target: EdgeTarget,
  description: EdgeDescription,
  onnx: Uint8Array,
): Promise<string[]> {
  const there = await readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw fail('outputUnwritable', { output: folder, reason: String(error) }, error)
  })
  if (there.length > 0) throw fail('outputUnwritable', { output: folder, reason: 'it is not empty' })
  const name = `${description.model}-${description.version}`
  const files = new Map<string, string | Uint8Array>([
    ['model.onnx', onnx],
    ['model.json', JSON.stringify(description)],
    ['model.js', entryModule[target]],
    ['model.d.ts', declarations(description)],
    ['README.md', readMe(description, target)],
    ['package.json', packageOf(name, target)],
  ])
  if (target === 'web') files.set('index.html', demoPage(description))
  for (const [path, url] of Object.entries(modules)) files.set(`lib/${path}`, await readFile(url, 'utf8'))
  for (const [path, content] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeNamed(join(folder, path), content)
  }
  if (target === 'node') return [...files.keys()]
  const from = dirname(fileURLToPath(runtimeUrl()))
  await mkdir(join(folder, 'runtime'))
  for (const file of runtimeFiles) await copyNamed(join(from, file), join(folder, 'runtime', file))
  return [...files.keys(), ...runtimeFiles.map(file => `runtime/${file}`)]
}

const runtimeUrl = (): URL => {
  const path = createRequire(import.meta.url).resolve('onnxruntime-web')
  return new URL(`file://${path}`)
}

function packageOf(name: string, target: EdgeTarget): string {
  const dependencies = target === 'node' ? { dependencies: { 'onnxruntime-node': '>=1.20' } } : {}
  const about = { name, private: true, type: 'module', main: './model.js', types: './model.d.ts', ...dependencies }
  return `${JSON.stringify(about, null, 2)}\n`
}
