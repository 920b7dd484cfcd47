import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { codeDigest } from '../src/engine/index.ts'
import type { RunResult } from '../src/engine/step.ts'
import { digestFile } from '../src/internal/digest.ts'
import { openTestEngine } from './support/engine.ts'

// Every line: a project is run, one thing in it is changed, it is run again. Real files, real processes, real store.

const root = mkdtempSync(join(tmpdir(), 'millrace-truth-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const original = join(root, 'original')
mkdirSync(original)
const write = (name: string, text: string): void => writeFileSync(join(original, name), text)
write('package.json', '{"type": "module"}')
write('package-lock.json', '{"packages": {"node_modules/left-pad": {"version": "1.3.0"}}}')
write('data.csv', 'a,b\n1,2\n')
write('helper.ts', 'export function scale(x: number): number { return x * 2 }\n')
write(
  'steps.ts',
  `import { scale } from './helper.ts'
interface Context { inputs: { data: { path(): Promise<string> } }, save(type: string, text: string): Promise<unknown> }
export async function count(context: Context, by = 3): Promise<unknown> {
  const { readFile } = await import('node:fs/promises')
  const text = await readFile(await context.inputs.data.path(), 'utf8')
  const mode = process.env.MODE ?? ''
  return { outputs: { result: await context.save('json', JSON.stringify([text, scale(by), mode])) } }
}
`,
)

let project = ''
let count = 0
beforeEach(() => {
  project = join(root, `project-${count++}`)
  cpSync(original, project, { recursive: true })
})

async function run(mode = 'a'): Promise<RunResult> {
  const { engine, artifacts, close } = await openTestEngine(join(project, '.millrace'))
  try {
    const file = join(project, 'steps.ts')
    const stored = await artifacts.putFile(join(project, 'data.csv'))
    const { digest, modules } = await codeDigest({ entry: file, exportName: 'count' })
    return await engine.run({
      name: 'truth',
      steps: [
        {
          name: 'count',
          inputs: { data: { from: { type: 'file', ...stored } } },
          parameters: {},
          code: digest,
          modules,
          environment: {
            lockfile: (await digestFile(join(project, 'package-lock.json'))).digest,
            node: process.versions.node.split('.')[0] ?? '',
            env: { MODE: mode },
          },
          env: { MODE: mode },
          runsIn: 'process',
          module: { file, export: 'count' },
        },
      ],
    })
  } finally {
    await close()
  }
}

function edit(name: string, from: string, to: string): void {
  const path = join(project, name)
  const text = readFileSync(path, 'utf8')
  expect(text).toContain(from)
  writeFileSync(path, text.replace(from, to))
}

async function secondRun(change: () => void, mode?: string): Promise<{ status: string | undefined; reason: string }> {
  const first = await run()
  expect(first).toMatchObject({ status: 'succeeded' })
  change()
  const second = await run(mode)
  expect(second.status).toBe('succeeded')
  return { status: second.steps[0]?.status, reason: second.steps[0]?.reason ?? '' }
}

test('a step runs again when its function’s body changes', async () => {
  const second = await secondRun(() => edit('steps.ts', 'mode])', 'mode, 1])'))
  expect(second).toMatchObject({
    status: 'succeeded',
    reason: expect.stringMatching(/^its code changed .*: steps\.ts$/),
  })
})

test('a step runs again when an imported helper changes', async () => {
  const second = await secondRun(() => edit('helper.ts', 'x * 2', 'x * 3'))
  expect(second).toMatchObject({
    status: 'succeeded',
    reason: expect.stringMatching(/^its code changed .*: helper\.ts$/),
  })
})

test('a step runs again when a parameter’s default changes', async () => {
  const second = await secondRun(() => edit('steps.ts', 'by = 3', 'by = 4'))
  expect(second.status).toBe('succeeded')
})

test('a step runs again when an input’s content changes under the same name, size and time', async () => {
  const second = await secondRun(() => {
    const path = join(project, 'data.csv')
    const { atime, mtime, size } = statSync(path)
    edit('data.csv', '1,2', '1,3')
    utimesSync(path, atime, mtime)
    expect(statSync(path)).toMatchObject({ size, mtime })
  })
  expect(second).toMatchObject({ status: 'succeeded', reason: expect.stringMatching(/^input data has other content/) })
})

test('a step runs again when a library’s version changes in the lock file', async () => {
  const second = await secondRun(() => edit('package-lock.json', '1.3.0', '1.3.1'))
  expect(second).toMatchObject({ status: 'succeeded', reason: expect.stringMatching(/^environment: lockfile changed/) })
})

test('a step runs again when a declared environment variable changes', async () => {
  const second = await secondRun(() => undefined, 'b')
  expect(second).toEqual({ status: 'succeeded', reason: 'environment: env.MODE changed ("a" → "b")' })
})

test('a step is reused when nothing changes', async () => {
  expect((await secondRun(() => undefined)).status).toBe('reused')
})

test('a step is reused when only a comment changes', async () => {
  const second = await secondRun(() => {
    edit('steps.ts', 'const mode', '// of the environment\n  const mode')
    edit('helper.ts', 'return', '/* twice */ return')
  })
  expect(second.status).toBe('reused')
})

test('a step is reused when only the formatting changes', async () => {
  const second = await secondRun(() => edit('steps.ts', 'by = 3', 'by\n    =   3'))
  expect(second.status).toBe('reused')
})
