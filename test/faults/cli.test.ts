import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

interface Said {
  readonly code: number
  readonly out: string
}

const bin = resolve('dist/cli/bin.js')

function millrace(cwd: string, ...args: readonly string[]): Promise<Said> {
  return new Promise(done => {
    execFile(
      process.execPath,
      [bin, ...args],
      { cwd, env: { PATH: process.env.PATH, HOME: process.env.HOME } },
      (error, stdout, stderr) => {
        done({ code: typeof error?.code === 'number' ? error.code : error ? 99 : 0, out: `${stdout}\n${stderr}` })
      },
    )
  })
}

const config = (
  columns: string,
  source = "csv('data/a.csv')",
): string => `import { csv, dataset, parquet, project, t } from 'millrace'
const a = dataset('a', { source: ${source}, columns: { ${columns} } })
export default project('p', { a })
`

async function project(text: string | undefined, data = 'x,y\n1,2\n', name = 'a.csv'): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'millrace-'))
  await mkdir(join(root, 'data'))
  await writeFile(join(root, 'data', name), data)
  if (text !== undefined) await writeFile(join(root, 'millrace.config.ts'), text)
  return root
}

/** What every refusal owes: its code, a next step, no stack, and the exit code of its kind. */
function refused(said: Said, code: number, ...words: readonly string[]): void {
  expect(said.out).toMatch(/MR\d{4}/)
  expect(said.out).not.toMatch(/\n\s+at .+:\d+:\d+/)
  for (const word of words) expect(said.out).toContain(word)
  expect(said.code).toBe(code)
}

describe('bad input at the command line', () => {
  it('no project file', async () => refused(await millrace(await project(undefined), 'validate'), 2, 'millrace init'))
  it('a project file that throws', async () =>
    refused(await millrace(await project("throw new Error('broken here')"), 'validate'), 2, 'broken here'))
  it('a project file that is no TypeScript', async () =>
    refused(await millrace(await project('export default {{'), 'validate'), 2, 'millrace.config.ts'))
  it('a project file without a project', async () =>
    refused(await millrace(await project('export default 1'), 'validate'), 2, 'project('))
  it('a misspelt option of a definition', async () =>
    refused(
      await millrace(await project(config('x: t.int()').replace('columns:', 'colums: 1, columns:')), 'validate'),
      2,
      "'colums'",
    ))
  it('an unknown verb', async () => refused(await millrace(await project(undefined), 'valdate'), 2, 'validate'))
  it('an unknown option', async () =>
    refused(await millrace(await project(config('x: t.int()')), 'validate', '--fast'), 2, '--fast'))
  it('an unknown dataset', async () =>
    refused(await millrace(await project(config('x: t.int()')), 'validate', 'b'), 2, 'a'))
  it('a missing file', async () =>
    refused(await millrace(await project(config('x: t.int()', "csv('data/none.csv')")), 'validate'), 3, 'none.csv'))
  it('a truncated Parquet file', async () =>
    refused(
      await millrace(
        await project(config('x: t.int()', "parquet('data/a.parquet')"), 'PAR1 and nothing', 'a.parquet'),
        'validate',
      ),
      3,
      'a.parquet',
    ))
  it('a broken row of a CSV file is a failed check with its line', async () => {
    const said = await millrace(
      await project(config('x: t.int(), y: t.int()'), `x,y\n${'1,2\n'.repeat(30)}1,2,3,4\n1,two\n`),
      'validate',
    )
    expect(said.code).toBe(1)
    expect(said.out).toContain('line 32')
    expect(said.out).toContain('y=two')
  })
  it('malformed ONNX', async () => {
    const root = await project(undefined, 'not a model', 'm.onnx')
    refused(await millrace(root, 'onnx', 'inspect', 'data/m.onnx'), 1)
    expect((await millrace(root, 'onnx', 'verify', 'data/m.onnx')).code).toBe(1)
  })

  it('names a column that is missing or of another type in its report, and checks the rest', async () => {
    const said = await millrace(await project(config('x: t.int(), z: t.text()')), 'validate')
    expect(said.code).toBe(1)
    expect(said.out).toContain('z is missing')
    const other = await millrace(await project(config('x: t.timestamp("UTC"), y: t.int()')), 'validate')
    expect(other.code).toBe(1)
    expect(other.out).toMatch(/x reads as timestamp: 1 row of 1/)
  })

  it('training on a column that is missing is a gate saying no', async () => {
    const text = config('x: t.int(), z: t.text()')
      .replace(
        'import { csv, dataset, parquet, project, t }',
        'import { csv, dataset, gbt, model, parquet, project, t }',
      )
      .replace('columns: { x', "eventTime: 'at', columns: { at: t.timestamp('UTC'), x")
      .replace(
        'export default',
        "const m = model('m', { task: 'regression', from: a, label: c => c.x, inputs: c => ({ twice: c.x.times(2) }), split: { by: 'time', train: '1d', test: '1d' }, train: gbt({ trees: 1 }) })\nexport default",
      )
      .replace('{ a })\n', '{ a, m })\n')
    const said = await millrace(await project(text, 'at,x\n2026-01-01 00:00:00,1\n'), 'train')
    expect(said.out).toContain('z is missing')
    expect(said.code).toBe(1)
  })

  it('an empty file fails its checks', async () => {
    const said = await millrace(await project(config('x: t.text(), y: t.text()'), 'x,y\n'), 'validate')
    expect(said.code).toBe(1)
  })

  it('a port that is taken', async () => {
    const server = createServer()
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as AddressInfo
    refused(await millrace(await project(config('x: t.int()')), 'up', '--port', String(port)), 3, String(port))
    await new Promise<void>(done => server.close(() => done()))
  })

  it('gives JSON that a program can read, also for a refusal', async () => {
    const said = await millrace(await project(undefined), 'validate', '--json')
    expect(JSON.parse(said.out.slice(0, said.out.lastIndexOf('}') + 1))).toMatchObject({ error: { code: 'MR1001' } })
  })

  it('init overwrites nothing', async () => {
    const root = await project(config('x: t.int()'))
    refused(await millrace(root, 'init'), 2)
    expect(await readFile(join(root, 'millrace.config.ts'), 'utf8')).toContain("dataset('a'")
  })
  it('init adds the lines that .gitignore does not have, and leaves the others', async () => {
    const root = await project(undefined)
    await writeFile(join(root, '.gitignore'), 'node_modules/\n.millrace/')
    expect((await millrace(root, 'init')).code).toBe(0)
    expect(await readFile(join(root, '.gitignore'), 'utf8')).toBe('node_modules/\n.millrace/\nmillrace-report/\n')
  })
})
