import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { symlinkSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seeded } from '../src/math/random/seeded.ts'
import { inside } from './support/inside.ts'

// What is quadratic in inputs shows here: before it was linear, none of these ended in minutes.

const [inputs, rows] = [2_000, 400]
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-wide-'))
  const random = seeded(3)
  const names = Array.from({ length: inputs }, (_, i) => `x${i}`)
  const lines = Array.from({ length: rows }, () => {
    const x = names.map(() => Math.round((random.next() - 0.5) * 1e5) / 1e4)
    const z = (x[0] as number) + (x[1] as number) - (x[2] as number) + random.next()
    return [...x, z > 0, z.toFixed(4)].join(',')
  })
  await writeFile(join(folder, 'wide.csv'), `${[...names, 'y', 'z'].join(',')}\n${lines.join('\n')}\n`)
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'))
  await writeFile(
    join(folder, 'millrace.config.ts'),
    `import { csv, dataset, gbt, linear, model, project, t } from '${resolve('dist/index.js')}'
const names = Array.from({ length: ${inputs} }, (_, i) => 'x' + i)
const wide = dataset('wide', { source: csv('wide.csv'), columns: { ...Object.fromEntries(names.map(n => [n, t.float()])), y: t.bool(), z: t.float() } })
const common = { from: wide, inputs: c => Object.fromEntries(names.map(n => [n, c[n]])), split: { by: 'random', test: 0.25 } }
export default project('wide', { wide,
  trees: model('trees', { ...common, task: 'binary', label: c => c.y, train: gbt({ trees: 30 }), test: m => [m.metric('auc', { min: 0.7 })] }),
  lines: model('lines', { ...common, task: 'regression', label: c => c.z, scale: 'standard', train: linear(), test: m => [m.metric('mae', { max: 100 })] }),
})
`,
  )
})
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))

it('a table of two thousand inputs is validated, trained on, tested and registered within a minute of processor time', async () => {
  for (const name of ['trees', 'lines']) {
    const before = process.cpuUsage()
    const { code, said } = await inside(folder, ['train', name])
    expect(said).toContain(`${name}@1`)
    expect(code).toBe(0)
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1e6).toBeLessThan(60)
  }
  // kilobytes: what was quadratic took 7.5 GB of a tenth of these inputs
  expect(process.resourceUsage().maxRSS).toBeLessThan(1_500_000)
})

it('what the data engine may not hold is refused at once, and nothing is registered', async () => {
  const config = join(folder, 'millrace.config.ts')
  const text = await readFile(config, 'utf8')
  const small = join(folder, 'small')
  await mkdir(small)
  for (const name of ['wide.csv', 'package.json', 'node_modules']) symlinkSync(join(folder, name), join(small, name))
  await writeFile(
    join(small, 'millrace.config.ts'),
    text.replace(/\}\)\s*$/, "}, { data: { kind: 'duckdb', maxMemoryGb: 0.1 } })\n"),
  )
  const refused = await inside(small, ['train', 'lines'])
  expect(refused.code, refused.said).toBe(3)
  expect(refused.said).toContain('The data engine needs more memory than it may use')
  expect((await inside(small, ['models', 'list'])).said).toContain('No version yet')
})

it('a line of a wide file that is no UTF-8 is told, and the others are read', async () => {
  const own = join(folder, 'latin')
  await mkdir(own)
  const names = Array.from({ length: 1_100 }, (_, i) => `x${i}`)
  const line = (last: string) => [...names.slice(1).map(() => '1'), last].join(',')
  const bytes = [`${names.join(',')}\n`, `${line('a')}\n`, `${line('caf\u00e9')}\n`, `${line('b')}\n`]
  await writeFile(join(own, 'wide.csv'), Buffer.concat(bytes.map(one => Buffer.from(one, 'latin1'))))
  await writeFile(
    join(own, 'millrace.config.ts'),
    `import { csv, dataset, expect, project, t } from '${resolve('dist/index.js')}'
const names = Array.from({ length: 1_099 }, (_, i) => 'x' + i)
const wide = dataset('wide', { source: csv('wide.csv'), columns: { ...Object.fromEntries(names.map(n => [n, t.int()])), x1099: t.text() }, expect: () => [expect.rowCount({ min: 2, max: 2 })] })
export default project('latin', { wide })
`,
  )
  const { code, said } = await inside(own, ['validate'])
  expect(code, said).toBe(1)
  expect(said).toContain('1 of 2,202 checks failed')
  expect(said).toMatch(/every line is a row: 1 row of 3 .*; line 3 of wide\.csv: it is not UTF-8/)
})
