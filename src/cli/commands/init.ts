import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fail } from '../../errors/index.ts'
import { nameForm } from '../../internal/ids.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { Command } from '../command.ts'

/** Sixty days of deliveries, made up and labelled so: heavy and far ones are late more often. */
function sample(): string {
  const random = seeded(2026)
  const lines = ['ordered,shop,distance_km,weight_kg,late']
  for (let i = 0; i < 8_000; i++) {
    const at = new Date(Date.UTC(2026, 0, 1) + i * 648_000)
    const shop = ['north', 'south', 'harbour'][random.below(3)] as string
    const distance = Math.round(random.next() * 400) / 10
    const weight = Math.round((0.2 + random.next() * 20) * 10) / 10
    const busy = at.getUTCHours() >= 16 && at.getUTCHours() < 20 ? 1 : 0
    const late = random.next() < 1 / (1 + Math.exp(4.5 - 0.09 * distance - 0.07 * weight - 1.4 * busy))
    lines.push(`${at.toISOString().replace('T', ' ').slice(0, 19)},${shop},${distance},${weight},${late}`)
  }
  return `${lines.join('\n')}\n`
}

const config = (
  name: string,
): string => `import { csv, dataset, deployment, entity, expect, features, gbt, model, monitor, project, t } from 'millrace'

// A made-up sample to start from: replace the source and the columns by your own.
export const deliveries = dataset('deliveries', {
  source: csv('data/deliveries.csv'),
  columns: {
    ordered: t.timestamp('UTC'),
    shop: t.text(),
    distance_km: t.float(),
    weight_kg: t.float(),
    late: t.bool(),
  },
  eventTime: 'ordered',
  // whether a delivery is late is known two hours after the order
  knownAt: { late: c => c.ordered.plus('2h') },
  expect: c => [
    expect.rowCount({ min: 1_000 }),
    c.distance_km.between(0, 100),
    c.weight_kg.between(0, 50, { mostly: 0.999 }),
    c.shop.inSet(['north', 'south', 'harbour']),
  ],
})

export const shops = features('shops', {
  entity: entity('shop', { shop: t.text() }),
  from: deliveries,
  compute: f => ({ orders_6h: f.count('6h'), distance_1d: f.mean('distance_km', '1d') }),
})

export const lateness = model('lateness', {
  task: 'binary',
  from: deliveries,
  label: c => c.late,
  features: [shops],
  inputs: c => ({ ...shops.all, distance: c.distance_km, weight: c.weight_kg, hour: c.ordered.hour() }),
  split: { by: 'time', train: '45d', test: '14d' },
  train: gbt({ trees: 60, leaves: 15 }),
  test: m => [m.metric('auc', { min: 0.6, notWorseThan: 'champion' }), m.latency({ p99: '20ms' })],
})

export const api = deployment('lateness-api', { model: lateness })
export const watch = monitor('lateness-watch', { deployment: api, retrain: { on: ['drift', 'performance'] } })

export default project('${name}', { deliveries, shops, lateness, api, watch })
`

export const command: Command = {
  summary: 'write a project file to start from',
  details: 'Writes millrace.config.ts, a sample in data/ and lines of .gitignore. Nothing that exists is overwritten.',
  async run({ cwd, out }) {
    const file = join(cwd, 'millrace.config.ts')
    if (existsSync(file)) throw fail('initRefused', { file: 'millrace.config.ts', folder: cwd })
    const wanted = basename(cwd)
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-')
      .replace(/^[^a-z0-9]+/, '')
    const name = nameForm.test(wanted) ? wanted : 'project'
    const written = ['millrace.config.ts']
    await mkdir(join(cwd, 'data'), { recursive: true })
    if (!existsSync(join(cwd, 'data/deliveries.csv'))) {
      await writeFile(join(cwd, 'data/deliveries.csv'), sample())
      written.push('data/deliveries.csv')
    }
    const ignore = await readFile(join(cwd, '.gitignore'), 'utf8').catch(() => '')
    if (!ignore.split('\n').includes('.millrace/')) {
      await writeFile(
        join(cwd, '.gitignore'),
        `${ignore}${ignore === '' || ignore.endsWith('\n') ? '' : '\n'}.millrace/\n`,
      )
      written.push('.gitignore')
    }
    // Last: a half-written project has no project file
    await writeFile(file, config(name), { flag: 'wx' })
    out.data({ project: name, written })
    for (const path of written) out.line(`wrote ${path}`)
    out.line()
    out.line('Next:  npx millrace validate   check the data')
    out.line('       npx millrace train      validate, train, test, export, register')
    out.line('       npx millrace deploy     make the version stable')
    out.line('       npx millrace up         serve it, with the dashboard')
  },
}
