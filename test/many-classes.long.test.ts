import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seeded } from '../src/math/random/seeded.ts'
import { inside } from './support/inside.ts'

// What costs or fails by the number of classes shows here: of three hundred, before it was mended, linear models and the tests of any
// model did not end in minutes, trees knew no class from another, and every input was called the label.

const [classes, each] = [300, 20]
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-classes-'))
  const random = seeded(3)
  const centres = Array.from({ length: classes }, () => [0, 1, 2, 3].map(() => 100 * random.next()))
  const lines = Array.from({ length: classes * each }, (_, i) => {
    const k = i % classes
    const x = (centres[k] as number[]).map(centre => (centre + 2 * random.normal()).toFixed(3))
    return `${x.join(',')},sku-${String(k).padStart(4, '0')}`
  })
  await writeFile(join(folder, 'items.csv'), `a,b,c,d,sku\n${lines.join('\n')}\n`)
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'))
  await writeFile(
    join(folder, 'millrace.config.ts'),
    `import { csv, dataset, deployment, gbt, linear, model, project, t } from '${resolve('dist/index.js')}'
const items = dataset('items', { source: csv('items.csv'), columns: { a: t.float(), b: t.float(), c: t.float(), d: t.float(), sku: t.text() } })
const common = { task: 'multiclass', from: items, label: c => c.sku, inputs: c => ({ a: c.a, b: c.b, c: c.c, d: c.d }), split: { by: 'random', test: 0.25 }, test: m => [m.metric('accuracy', { min: 0.6 })] }
const trees = model('trees', { ...common, train: gbt({ trees: 5, depth: 4, minLeaf: 2 }) })
const lines = model('lines', { ...common, scale: 'standard', train: linear() })
export default project('many', { items, trees, lines, treesApi: deployment('trees-api', { model: trees }), linesApi: deployment('lines-api', { model: lines }) })
`,
  )
})
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))

it.each(['trees', 'lines'])(
  'three hundred classes are told apart by %s, tested, registered and deployed within a minute of processor time',
  async name => {
    const before = process.cpuUsage()
    const { code, said } = await inside(folder, ['train', name])
    expect(code, said).toBe(0)
    // Near each other is not the same: no input is called the label
    expect(said).not.toContain('is the label')
    expect(said).toContain(`${name}@1`)
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1e6).toBeLessThan(60)
    const deployed = await inside(folder, ['deploy', `${name}-api`])
    expect(deployed.code, deployed.said).toBe(0)
    // kilobytes
    expect(process.resourceUsage().maxRSS).toBeLessThan(1_500_000)
  },
)
