import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { inside } from './support/inside.ts'
import { runningProject, startUp } from './support/running.ts'

const compiled = readdirSync('dist/client').filter(name => name.endsWith('.js'))

it('takes less than 10 kB and needs nothing but what browsers have', () => {
  const text = compiled.map(name => readFileSync(join('dist/client', name), 'utf8')).join('\n')
  expect(compiled).toContain('index.js')
  expect(gzipSync(text).length).toBeLessThan(10 * 1024)
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '')
  const imported = [...code.matchAll(/(?:from|import\()\s*['"]([^'"]+)['"]/g)].map(match => match[1])
  expect(imported.filter(name => !/^\.\/[\w-]+\.js$/.test(name ?? ''))).toEqual([])
  expect(code).not.toMatch(/\b(?:process|Buffer|require|__dirname)\b/)
})

it('the page of the guide does what it says, as it stands there', async () => {
  const root = await runningProject('')
  for (const words of [['train'], ['deploy']]) expect(await inside(root, words)).toMatchObject({ code: 0 })
  const page = readFileSync('docs/guide/client.md', 'utf8')
  writeFileSync(join(root, 'call.ts'), /```ts\n([\s\S]*?)```/.exec(page)?.[1] ?? '')
  const server = await startUp(root)
  try {
    const run = `import { createJiti } from ${JSON.stringify(resolve('node_modules/jiti/lib/jiti.mjs'))}
      await createJiti(import.meta.url, { alias: { 'millrace/client': ${JSON.stringify(resolve('dist/client/index.js'))} } })
        .import(${JSON.stringify(join(root, 'call.ts'))})`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', run], {
      cwd: root,
      env: { ...process.env, MILLRACE_URL: server.url },
    })
    const [first, scores, refused] = stdout.trim().split('\n')
    expect(first).toMatch(/^(late|in time) 0\.\d+$/)
    expect(scores).toMatch(/^\[ 0\.\d+, 0\.\d+ \]$/)
    expect(refused).toMatch(/^400 MR4105 Row 0, column 'weight': expected a finite number/)
  } finally {
    await server.end()
  }
})
