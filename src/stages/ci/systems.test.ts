import { expect, test } from 'vitest'
import { dataset, entity, features, gbt, model, parquet, project, t } from '../../index.ts'
import { azurePipeline } from './azure.ts'
import { githubWorkflow } from './github.ts'
import { gitlabPipeline } from './gitlab.ts'
import { jenkinsPipeline } from './jenkins.ts'

const rows = dataset('rows', { source: parquet("./data/it's/*.parquet"), columns: { a: t.int() } })
const sample = project('flights', { rows })
const systems = { azurePipeline, githubWorkflow, gitlabPipeline, jenkinsPipeline }

test.each(Object.entries(systems))('%s validates, keeps every report, and watches the data', (_, write) => {
  const text = write(sample, { folder: 'ml/late' })
  expect(text).toContain('npx millrace validate')
  for (const option of ['--junit', '--sarif', '--html']) expect(text).toContain(option)
  expect(text).toMatch(/ml\/late\/data\/it\\?'s\/\*\.parquet/)
  expect(text).toContain('ml/late/millrace-report')
})

test.each(Object.entries(systems))('%s refuses what would write another pipeline than was meant', (_, write) => {
  for (const options of [{ schedule: 'daily' }, { branch: 'main"\n' }, { node: 'latest; rm' }])
    expect(() => write(sample, options)).toThrow(expect.objectContaining({ code: 'MR3301' }))
})

test('a path cannot end the Groovy string that it stands in', () => {
  expect(jenkinsPipeline(sample)).toContain("changeset 'data/it\\'s/*.parquet'")
})

const late = (name: string) =>
  model(name, {
    task: 'regression',
    from: rows,
    label: c => c.a,
    inputs: c => ({ a: c.a.plus(1) }),
    split: { by: 'random', test: 0.2 },
    train: gbt({ trees: 1 }),
  })
const modelled = project('flights', { rows, late: late('late'), soon: late('soon') })

test.each(Object.entries(systems))('%s trains and tests each model by itself, and keeps what was found', (_, write) => {
  const text = write(modelled, { folder: 'ml/late' })
  for (const name of ['late', 'soon']) {
    expect(text).toContain(`npx millrace train ${name} --junit millrace-report/${name}.xml`)
    expect(text).toMatch(new RegExp(`[Tt]est ${name}\\b`))
    if (write !== githubWorkflow) expect(text).toContain(`ml/late/millrace-report/${name}.xml`)
  }
  // One of two that is red must not hide the other
  expect(text).toMatch(/needs:\n? +-? ?validate|!cancelled\(\)|succeededOrFailed\(\)|catchError\(/)
  expect(write(modelled, { tests: false })).not.toContain('millrace train')
  expect(write(sample)).not.toContain('millrace train')
  // Versions that others see are not made by a build
  const shared = project('flights', { rows, late: late('late') }, { metadata: { kind: 'postgres', urlFrom: 'URL' } })
  expect(write(shared)).not.toContain('millrace train')
})

const timed = dataset('rides', {
  source: parquet('data/*.parquet'),
  columns: { at: t.timestamp('UTC'), zone: t.text() },
  eventTime: 'at',
})
const zones = (online: boolean) =>
  features('zones', {
    entity: entity('zone', { zone: t.text() }),
    from: timed,
    online,
    compute: f => ({ rides: f.count('1d') }),
  })
const proposed = [
  'npm test --if-present',
  'npx millrace data snapshot rides',
  'npx millrace features plan --compare pull-request --markdown millrace-report/features.md',
  'npx millrace features materialise',
  'npx millrace features verify --sample 500',
]

test.each(Object.entries(systems))(
  '%s says what a change of features means, and delivers it where it is shared',
  (_, write) => {
    const built = write(project('rides', { zones: zones(true) }), { folder: 'ml/late' })
    const at = proposed.map(command => built.indexOf(command))
    expect(
      at.every(place => place > 0),
      built,
    ).toBe(true)
    expect(at.toSorted((a, b) => a - b)).toEqual(at)
    expect(built).toContain('ml/late/millrace-report/features.md')
    expect(built).toMatch(/pull_request'|merge_request_event|PullRequest|changeRequest\(\)/)
    // a store of the build's own is gone with it
    expect(built).not.toContain('features apply')
    const shared = write(
      project(
        'rides',
        { zones: zones(true) },
        {
          metadata: { kind: 'postgres', urlFrom: 'PG_URL' },
          online: { kind: 'redis', urlFrom: 'REDIS_URL' },
        },
      ),
      { branch: 'trunk' },
    )
    const delivered = ['data snapshot rides', 'features apply', 'features materialise', 'features verify --sample 500']
    const places = delivered.map(command => shared.lastIndexOf(`npx millrace ${command}`))
    expect(
      places.every(place => place > 0),
      shared,
    ).toBe(true)
    expect(places.toSorted((a, b) => a - b)).toEqual(places)
    // a pull request writes nothing that is shared
    const check = shared.slice(0, shared.indexOf('npx millrace features apply'))
    expect(check).toContain('npx millrace features plan --markdown')
    expect(check).not.toContain('features materialise')
    if (write !== gitlabPipeline) for (const name of ['PG_URL', 'REDIS_URL']) expect(shared).toContain(name)
    expect(shared).toContain('trunk')
    for (const one of [sample, project('rides', { zones: zones(false) })])
      expect(write(one)).not.toContain('features plan')
  },
)
