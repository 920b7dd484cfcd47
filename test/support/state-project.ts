import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { millrace, startUp } from './command.ts'

const config = `import { csv, dataset, deployment, entity, features, gbt, model, project, t } from 'millrace'
const rides = dataset('rides', {
  source: csv('data/*.csv'),
  columns: { at: t.timestamp('UTC'), km: t.float(), zone: t.text(), paid: t.float() },
  eventTime: 'at',
  expect: c => [c.paid.between(0, 1000)],
})
const zones = features('zones', {
  entity: entity('zone', { zone: t.text() }), from: rides, ttl: '40d', online: true,
  compute: f => ({ rides: f.count('2d'), paid: f.mean('paid', '2d') }),
})
const fare = model('fare', {
  task: 'regression', from: rides, features: [zones], label: c => c.paid, inputs: c => ({ km: c.km, ...zones.all }),
  split: { by: 'time', train: '20d', test: '5d' }, train: gbt({ trees: 6, depth: 3 }),
})
export default project('rides', { rides, zones, fare, api: deployment('fares', { model: fare }) })
`

function rides(count: number): string {
  const rows = Array.from({ length: count }, (_, i) => {
    const at = new Date(Date.UTC(2026, 0, 1) + (i * 2_160_000_000) / count).toISOString().slice(0, 19)
    const km = ((i * 7919) % 311) / 10
    return `${at.replace('T', ' ')},${km},${'abcd'[(i * 31) % 4]},${(km * 1.7 + (i % 7) / 10).toFixed(2)}`
  })
  return `at,km,zone,paid\n${rows.join('\n')}\n`
}

export function layProject(root: string, rows = 1_500): void {
  mkdirSync(join(root, 'data'), { recursive: true })
  writeFileSync(join(root, 'data', 'rides.csv'), rides(rows))
  writeFileSync(join(root, 'millrace.config.ts'), config)
}

/**
 * A project that has every kind of file below `.millrace`: trained, materialised, deployed, served once, with a key. Set
 * `MILLRACE_KEY_PASSPHRASE` before. `copy` gives it to a test in a folder of its own.
 */
export async function projectWithState(): Promise<{ readonly base: string; copy(): string }> {
  const base = mkdtempSync(join(tmpdir(), 'millrace-state-'))
  const origin = join(base, 'origin')
  layProject(origin)
  for (const words of ['train', 'features materialise', 'deploy', 'keys create k1', 'validate']) {
    const { code, said } = await millrace(origin, words.split(' '))
    if (code !== 0) throw new Error(`${words}: ${said}`)
  }
  const server = await startUp(origin)
  const answer = await fetch(`${server.url}/v1/deployments/fares/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ rows: [{ km: 3, zone: 'a' }] }),
  })
  const said = await answer.text()
  await server.end()
  if (!answer.ok) throw new Error(`predict: ${said}`)
  let copies = 0
  return {
    base,
    copy() {
      const root = join(base, `copy-${copies++}`)
      cpSync(origin, root, { recursive: true, preserveTimestamps: true })
      return root
    },
  }
}
