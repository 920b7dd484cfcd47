import { mkdtemp, rm, writeFile } from 'node:fs/promises'
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
