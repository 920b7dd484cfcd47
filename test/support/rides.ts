import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { millrace, startUp, type Server } from './command.ts'

/** Taxi rides with some missing distances; the fare follows distance and zone. */
function rides(count: number): string {
  const lines = ['at,km,zone,paid']
  for (let i = 0; i < count; i++) {
    const km = (i * 7919) % 200 === 0 ? '' : ((i * 7919) % 311) / 10
    const zone = 'abcd'[(i * 31) % 4] as string
    const at = new Date(Date.UTC(2026, 0, 1) + (i * 2_160_000_000) / count)
      .toISOString()
      .replace('T', ' ')
      .replace('Z', '')
    lines.push(`${at},${km},${zone},${(Number(km) * 1.7 + zone.charCodeAt(0) / 50 + ((i * 13) % 7) / 10).toFixed(2)}`)
  }
  return `${lines.join('\n')}\n`
}

const config = `import { csv, dataset, deployment, gbt, model, monitor, project, t } from 'millrace'
const rides = dataset('rides', {
  source: csv('data/rides.csv'),
  columns: { at: t.timestamp('UTC'), km: t.nullable(t.float()), zone: t.text(), paid: t.float() },
  eventTime: 'at',
})
const fare = model('fare', {
  task: 'regression', from: rides, label: c => c.paid, inputs: c => ({ km: c.km, zone: c.zone, hour: c.at.hour() }),
  split: { by: 'time', train: '20d', test: '5d' }, train: gbt({ trees: 12, depth: 4 }),
})
const api = deployment('fares', { model: fare })
export default project('rides', { rides, fare, api, watch: monitor('watch', { deployment: api }) }, JSON.parse(process.env.MILLRACE_TEST_SETTINGS ?? '{}'))
`

/** A small project in a folder of its own, which `remove` takes away. */
export function ridesProject(rows = 6000): { readonly root: string; readonly remove: () => void } {
  const root = mkdtempSync(join(tmpdir(), 'millrace-rides-'))
  mkdirSync(join(root, 'data'))
  writeFileSync(join(root, 'data', 'rides.csv'), rides(rows))
  writeFileSync(join(root, 'millrace.config.ts'), config)
  return { root, remove: () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }) }
}

/** The project with its model trained, served and deployed. */
export async function servedRides(): Promise<{ readonly root: string; readonly server: Server; end(): Promise<void> }> {
  const { root, remove } = ridesProject()
  let server: Server | undefined
  const end = async (): Promise<void> => {
    await server?.end()
    remove()
  }
  try {
    const trained = await millrace(root, ['train'])
    if (trained.code !== 0) throw new Error(trained.said)
    server = await startUp(root)
    const deployed = await millrace(root, ['deploy'])
    if (deployed.code !== 0) throw new Error(deployed.said)
    return { root, server, end }
  } catch (error) {
    await end()
    throw error
  }
}
