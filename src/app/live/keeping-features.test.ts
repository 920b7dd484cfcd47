import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { csv, dataset, entity, features, project, t, type FeatureView } from '../../index.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { keepingFeatures, Materialiser } from './keeping-features.ts'

// When new data are taken in and records written, by a clock that is set by hand and jobs that are over at once.

const folders: string[] = []
afterEach(() => folders.splice(0).forEach(one => rmSync(one, { recursive: true, force: true, maxRetries: 5 })))

function world(
  materialise: { every?: '5m'; onData?: boolean },
  { refused = false, isSame = () => false }: { refused?: boolean; isSame?: () => boolean } = {},
) {
  const root = mkdtempSync(join(tmpdir(), 'millrace-keeping-'))
  folders.push(root)
  mkdirSync(join(root, 'data'))
  const rides = dataset('rides', {
    source: csv('data/*.csv'),
    columns: { at: t.timestamp('UTC'), zone: t.text() },
    eventTime: 'at',
  })
  const view = features('zones', {
    entity: entity('zone', { zone: t.text() }),
    from: rides,
    materialise,
    compute: f => ({ rides: f.count('1d') }),
  }) as unknown as FeatureView & { readonly materialise: NonNullable<FeatureView['materialise']> }
  const clock = manualClock()
  const started: string[] = []
  const logged: Readonly<Record<string, unknown>>[] = []
  let snapshots = 0
  let materialised = 0
  const digest = (n: number): string => `sha256:${String(n).padStart(64, '0')}`
  const jobs = {
    start: async (useCase: string, input: { dataset?: string; view?: string }) => {
      started.push(`${useCase} ${input.dataset ?? input.view}`)
      if (useCase === 'snapshot') {
        if (!refused && !isSame()) snapshots++
        return {
          id: 'j',
          answer: Promise.resolve({ snapshot: refused ? null : digest(snapshots), error: { reason: 'bad rows' } }),
        }
      }
      materialised = snapshots
      return { id: 'j', answer: Promise.resolve([{ entities: 3 }]) }
    },
  }
  const store = {
    getDocument: async () =>
      materialised === 0 ? undefined : { at: clock.now(), value: { snapshot: digest(materialised) } },
    stepHistory: async () => [{ outputs: { data: { digest: digest(snapshots) } } }],
  }
  const services = { store, clock, root, folder: root, project: project('rides', { view } as never) }
  const made = new Materialiser(services as never, view.from, [view], jobs as never, line => logged.push(line))
  const look = async (): Promise<readonly string[]> => {
    await made.look()
    await made.settled()
    return started.splice(0)
  }
  const write = (name: string, text: string): void => {
    writeFileSync(join(root, 'data', name), text)
    // as if it had been there for a while: younger files are read again at each look
    utimesSync(join(root, 'data', name), 1_700_000_000, 1_700_000_000)
  }
  return { look, write, clock, logged }
}

const both = ['snapshot rides', 'materialise zones']

it('happens so often as is said, and records are written only of new data', async () => {
  let same = false
  const { look, clock } = world({ every: '5m' }, { isSame: () => same })
  expect(await look()).toEqual(both)
  expect(await look()).toEqual([])
  await clock.advance(5 * 60_000 - 1)
  expect(await look()).toEqual([])
  await clock.advance(1)
  expect(await look()).toEqual(both)
  same = true
  await clock.advance(5 * 60_000)
  expect(await look()).toEqual(['snapshot rides'])
})

it('happens when files are others than before and no longer written to, once for each', async () => {
  const { look, write, clock } = world({ onData: true })
  expect(await look()).toEqual([])
  write('a.csv', 'at,zone\n')
  expect(await look(), 'it may be written to').toEqual([])
  expect(await look()).toEqual(both)
  for (let i = 0; i < 3; i++) expect(await look()).toEqual([])
  await clock.advance(86_400_000)
  expect(await look()).toEqual([])
  write('b.csv', 'at,zone\n2026-01-01T00:00:00Z,a\n')
  await look()
  expect(await look()).toEqual(both)
  expect(await look()).toEqual([])
})

it('of data that are refused is told, and not tried again before there are others', async () => {
  const { look, write, logged } = world({ onData: true }, { refused: true })
  write('a.csv', 'at,zone\n')
  await look()
  expect(await look()).toEqual(['snapshot rides'])
  expect(await look()).toEqual([])
  expect(logged).toEqual([
    { level: 'error', text: 'the features over rides were not kept up: bad rows', dataset: 'rides' },
  ])
})

it('is declared where it means something', () => {
  const rides = dataset('rides', {
    source: csv('data/*.csv'),
    columns: { at: t.timestamp('UTC'), zone: t.text() },
    eventTime: 'at',
  })
  const declare = (options: object) => () =>
    features('zones', {
      entity: entity('zone', { zone: t.text() }),
      from: rides,
      compute: f => ({ n: f.count('1d') }),
      ...options,
    })
  expect(declare({ materialise: {} })).toThrow('neither `every` nor `onData`')
  expect(declare({ materialise: { every: '5m' }, online: false })).toThrow('is not online')
  expect(declare({ freshness: '1h', online: false })).toThrow('is not online')
  expect(declare({ notify: ['https://a.example'] })).toThrow('none is promised')
  expect(declare({ freshness: 'soon' })).toThrow('freshness')
  expect(declare({ verify: { every: '1h' }, online: false })).toThrow('is not online')
  expect(declare({ verify: { every: '1h', sample: 0 } })).toThrow('sample')
  expect(declare({ verify: { every: '1h' }, notify: ['https://a.example'] })()).toMatchObject({
    verify: { every: 3_600_000_000, sample: 200 },
  })
  expect(declare({ freshness: '1h', notify: ['https://a.example'], materialise: { onData: true } })).not.toThrow()
})

it('nothing is kept up or watched where nothing is said', async () => {
  const rides = dataset('rides', {
    source: csv('data/*.csv'),
    columns: { at: t.timestamp('UTC'), zone: t.text() },
    eventTime: 'at',
  })
  const kept = async (options: object): Promise<number> => {
    const view = features('zones', {
      entity: entity('zone', { zone: t.text() }),
      from: rides,
      compute: f => ({ n: f.count('1d') }),
      ...options,
    })
    const services = { project: project('rides', { view } as never), clock: manualClock() }
    return (await keepingFeatures(services as never, {} as never, () => undefined)).length
  }
  expect(await kept({})).toBe(0)
  expect(await kept({ freshness: '1h' })).toBe(1)
  expect(await kept({ freshness: '1h', materialise: { every: '5m' } })).toBe(2)
})
