import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { graph, writeModel } from '../src/onnx/index.ts'
import { inside } from './support/inside.ts'

// What a lock file promises of a Python script, through the command line: a package of our own, so that nothing is downloaded.

const root = mkdtempSync(join(tmpdir(), 'millrace-lock-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const wheel = join(root, 'wheels', 'tiny-1.0-py3-none-any.whl')
const making = `
import sys, zipfile
info = 'tiny-1.0.dist-info/'
with zipfile.ZipFile(sys.argv[1], 'w') as f:
    f.writestr('tiny.py', 'slope = 0.5\\n')
    f.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n')
    f.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    f.writestr(info + 'RECORD', 'tiny.py,,\\n' + info + 'METADATA,,\\n' + info + 'WHEEL,,\\n' + info + 'RECORD,,\\n')
`
const hash = (): string => createHash('sha256').update(readFileSync(wheel)).digest('hex')
const lock = (sha: string, more = ''): void =>
  writeFileSync(
    join(root, 'some.lock'),
    `--no-index\n--find-links ${join(root, 'wheels')}\ntiny==1.0 --hash=sha256:${sha}\n${more}`,
  )
const script = (more = ''): void =>
  writeFileSync(
    join(root, 'train.py'),
    `import os, shutil, tiny
assert tiny.slope == 0.5
out = os.environ['MILLRACE_OUTPUTS']
shutil.copy('model.onnx', os.path.join(out, 'model.onnx'))
${more}
`,
  )
const train = () => inside(root, ['train'])
const versions = async (): Promise<string> => (await inside(root, ['models', 'list'])).said

beforeAll(() => {
  mkdirSync(join(root, 'wheels'))
  execFileSync('python3', ['-c', making, wheel])
  const builder = graph('scorer')
  builder.input('km', 'float', ['N', 1])
  builder.node('Sigmoid', ['km'], 'probabilities')
  builder.output('probabilities', 'float', ['N', 1])
  writeFileSync(join(root, 'model.onnx'), writeModel(builder.build(), {}, '', 'elsewhere'))
  const rows = Array.from({ length: 400 }, (_, i) => {
    const km = ((i * 37) % 400) / 100 - 2
    return `${km},${((i * 17) % 100) / 100 < 1 / (1 + Math.exp(-2 * km))}`
  })
  writeFileSync(join(root, 'rides.csv'), `km,late\n${rows.join('\n')}\n`)
  writeFileSync(join(root, 'package.json'), '{"type":"module"}')
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'))
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, model, project, python, t } from '${resolve('dist/index.js')}'
const rides = dataset('rides', { source: csv('rides.csv'), columns: { km: t.float(), late: t.bool() } })
const late = model('late', {
  task: 'binary', from: rides, label: c => c.late, inputs: c => ({ km: c.km }), split: { by: 'random', test: 0.25 },
  train: python('train.py', { lock: 'some.lock', files: ['model.onnx'], timeout: '20s' }),
})
export default project('locked', { rides, late })
`,
  )
  script()
})

it('a lock that is not there, and a package that is not the one that was locked, are told by name', async () => {
  const missing = await train()
  expect(missing.code, missing.said).not.toBe(0)
  expect(missing.said).toMatch(/some\.lock of python cannot be read/)
  lock('0'.repeat(64))
  const other = await train()
  expect(other.code, other.said).not.toBe(0)
  expect(other.said).toContain('some.lock cannot be made: tiny==1.0 is not the file whose hash it has')
  expect(await versions()).toContain('No version yet')
})

it('the right one trains; the same lock trains nothing again, a changed one does', async () => {
  lock(hash())
  const first = await train()
  expect(first.code, first.said).toBe(0)
  expect(first.said).toContain('late@1')
  expect((await train()).said).toMatch(/train-late +reused/)
  lock(hash(), '# looked at again\n')
  const changed = await train()
  expect(changed.code, changed.said).toBe(0)
  expect(changed.said).toMatch(/train-late +succeeded/)
})

it.each<[string, string, RegExp]>([
  ['writes NaN', `open(os.path.join(out, 'scores.csv'), 'w').write('score\\n' + 'nan\\n' * 100)`, /no finite number/],
  [
    'writes too few scores',
    `open(os.path.join(out, 'scores.csv'), 'w').write('score\\n0.5\\n')`,
    /has 1 rows, there are \d+ held-out rows/,
  ],
  [
    'hangs',
    `import time, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)`,
    /not done after 20 s/,
  ],
])('a script that %s is told so, and nothing is registered', async (_, more, said) => {
  const before = await versions()
  script(more)
  const { code, said: all } = await train()
  expect(code, all).not.toBe(0)
  expect(all).toMatch(said)
  expect(await versions()).toBe(before)
})
