import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { kinds } from '../src/define/expectation/index.ts'
import type { Report } from '../src/index.ts'

it('the example of every kind of expectation runs and holds', async () => {
  const root = await mkdtemp(join(tmpdir(), 'millrace-examples-'))
  await cp('examples/expectations', root, { recursive: true, filter: path => !path.includes('.millrace') })
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [resolve('dist/cli/bin.js'), 'validate', 'orders', '--json'],
    { cwd: root, maxBuffer: 1 << 26 },
  )
  const [report] = JSON.parse(stdout) as Report[]
  const checks = report?.checks ?? []
  expect(checks.filter(one => one.status === 'fail' || one.status === 'error').map(one => one.message)).toEqual([])
  expect([...kinds.keys()].filter(kind => !checks.some(one => one.kind === kind))).toEqual([])
  await rm(root, { recursive: true })
})
