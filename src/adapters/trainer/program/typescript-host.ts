/** Entry of the process that a TypeScript trainer runs in: `node typescript-host.js <script>`. */
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { typescriptModules } from '../../../internal/typescript-modules.ts'

const [, , script = ''] = process.argv
const step = process.env['MILLRACE_STEP'] ?? ''
const told = JSON.parse(await readFile(process.env['MILLRACE_PARAMS'] ?? '', 'utf8')) as Record<string, string>
const places = Object.fromEntries(['train', 'test', 'outputs'].map(name => [name, join(step, told[name] ?? '')]))
const modules = typescriptModules(import.meta.url, join(step, 'modules'))
const loaded = await modules.import<{ readonly default?: unknown }>(resolve(script))
if (typeof loaded.default !== 'function') {
  console.error(`${script} has no default export that is a function`)
  process.exit(64)
}
await (loaded.default as (given: unknown) => unknown)({ ...told, ...places })
