import { describe, expectTypeOf, it } from 'vitest'
import { createClient } from '../../src/client/index.ts'
import { csv, dataset, deployment, entity, features, gbt, model, monitor, project, t } from '../../src/index.ts'

const trips = dataset('trips', {
  source: csv('trips.csv'),
  columns: {
    at: t.timestamp('UTC'),
    city: t.text(),
    fare: t.float(),
    seats: t.nullable(t.int()),
    tip: t.float(),
    kind: t.text(),
  },
  eventTime: 'at',
})
const recent = features('recent', {
  entity: entity('city', { city: t.text() }),
  from: trips,
  compute: f => ({ trips: f.count('1h') }),
})
const common = { from: trips, split: { by: 'time', train: '30d', test: '7d' }, train: gbt({ trees: 1 }) } as const
const tipped = model('tipped', {
  ...common,
  task: 'binary',
  label: c => c.tip.gt(1),
  inputs: c => ({ fare: c.fare, seats: c.seats }),
})
const busy = model('busy', {
  ...common,
  task: 'regression',
  label: c => c.tip,
  features: [recent],
  inputs: () => recent.all,
})
const kind = model('kind', { ...common, task: 'multiclass', label: c => c.kind, inputs: c => ({ hour: c.at.hour() }) })
const tips = deployment('tips-api', { model: tipped })
const declared = project('trips', {
  trips,
  recent,
  tipped,
  busy,
  kind,
  tips,
  busyness: deployment('busy-api', { model: busy }),
  kinds: deployment('kinds-api', { model: kind }),
  watch: monitor('watch', { deployment: tips }),
})
const client = createClient<typeof declared>({ url: 'http://127.0.0.1:8790' })

// Nothing of this runs: what is asked for is whether it compiles
async function calls(): Promise<void> {
  const tip = await client.predict('tips-api', { fare: 3, seats: 2 })
  expectTypeOf(tip.label).toEqualTypeOf<boolean>()
  expectTypeOf(tip.score).toEqualTypeOf<number>()
  await client.predict('tips-api', { fare: 3 })
  await client.predict('tips-api', { fare: 3, seats: null })
  await client.feedback('tips-api', [{ id: tip.id, label: true }])
  const { label, scores } = await client.predict('kinds-api', { at: new Date() })
  expectTypeOf(label).toEqualTypeOf<string>()
  expectTypeOf(scores).toEqualTypeOf<Readonly<Record<string, number>>>()
  const many = await client.predictMany('busy-api', [{ city: 'Berlin' }])
  expectTypeOf(many[0]?.score).toEqualTypeOf<number | undefined>()
  // @ts-expect-error a regression decides nothing
  expectTypeOf(many[0]?.label)
  // @ts-expect-error there is no such deployment
  await client.predict('tip-api', { fare: 3 })
  // @ts-expect-error it is the name under which it is served, not that in the project file
  await client.predict('tips', { fare: 3 })
  // @ts-expect-error a monitor is no deployment
  await client.predict('watch', { fare: 3 })
  // @ts-expect-error fare is missing
  await client.predict('tips-api', { seats: 2 })
  // @ts-expect-error fare is a number
  await client.predict('tips-api', { fare: '3' })
  // @ts-expect-error fare may not be null
  await client.predict('tips-api', { fare: null })
  // @ts-expect-error the model does not read tips
  await client.predict('tips-api', { fare: 3, tip: 1 })
  // @ts-expect-error the key of its features is missing
  await client.predictMany('busy-api', [{}])
  // @ts-expect-error classes are texts
  await client.feedback('kinds-api', [{ id: 'a', label: 1 }])
  const any = createClient({ url: 'http://127.0.0.1:8790' })
  await any.predict('whatever', { what: 1, ever: 'x' })
}

describe('the client of a project', () => {
  it('knows its deployments, the columns of their rows and what they answer', () => {
    expectTypeOf(calls).returns.toEqualTypeOf<Promise<void>>()
  })
})
