import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openWorkspace, type Workspace } from '../../src/config/workspace.ts'
import type { DeploymentOptions } from '../../src/define/deployment.ts'
import type { MonitorOptions } from '../../src/define/monitor.ts'
import {
  csv,
  dataset,
  deployment,
  entity,
  features,
  gbt,
  model,
  monitor,
  project,
  t,
  type Deployment,
  type Project,
} from '../../src/index.ts'
import type { Micros } from '../../src/internal/time.ts'
import { seeded } from '../../src/math/random/seeded.ts'
import type { OnlineStore } from '../../src/ports/online-store.ts'
import type { StageServices } from '../../src/stages/services.ts'
import { startTraining } from '../../src/stages/pipeline/run.ts'
import type { LiveDeployment } from '../../src/stages/serve/deployment.ts'
import { LiveServing } from '../../src/stages/serve/serving.ts'
import { manualClock, type ManualClock } from '../../src/testing/manual-clock.ts'

// A small project that was really trained: real rides, features over time, versions with golden rows, scaler and profile, for
// tests of what serves them. In process, once a test file, in two or three seconds.

export const hour = 3_600_000_000
/** Rides are one an hour from the first of January. */
export const firstRide: Micros = Date.UTC(2026, 0, 1) * 1000
const rides = 1_000
/** The moment after the last ride; the clock stands there. */
export const afterRides = firstRide + rides * hour

const zones = ['north', 'south'] as const
export interface Ride {
  readonly at: Micros
  readonly zone: string
  readonly km: number
  readonly late: boolean
}

/** Late with a chance that rises with the length; the zones take turns in a way that no hour tells. */
export const madeRides: readonly Ride[] = (() => {
  const random = seeded(11)
  return Array.from({ length: rides }, (_, i) => {
    const km = Math.round(random.next() * 400) / 10
    const zone = zones[random.below(2)] as string
    return { at: firstRide + i * hour, zone, km, late: random.next() < 1 / (1 + Math.exp((20 - km) / 2)) }
  })
})()

const table = dataset('rides', {
  source: csv('data/rides.csv'),
  columns: { at: t.timestamp('UTC'), zone: t.text(), km: t.float(), late: t.bool() },
  eventTime: 'at',
  key: ['at', 'zone'],
  knownAt: { late: c => c.at.plus('2h') },
  expect: c => [c.km.between(0, 100)],
})
export const recent = features('recent', {
  entity: entity('zone', { zone: t.text() }),
  from: table,
  online: true,
  compute: f => ({ rides_6h: f.count('6h'), km_6h: f.mean('km', '6h') }),
})

interface LateTests {
  metric(name: string, options: object): never
}

/** The model with a trainer; every trainer makes versions of the same name. */
export const lateWith = (train: ReturnType<typeof gbt>, test?: (m: LateTests) => readonly never[]) =>
  model('late', {
    task: 'binary',
    from: table,
    label: c => c.late,
    features: [recent],
    inputs: c => ({ ...recent.all, km: c.km, hour: c.at.hour() }),
    split: { by: 'time', train: '30d', test: '10d' },
    threshold: 0.4,
    train,
    ...(test ? { test: test as never } : {}),
  })
export const late = lateWith(gbt({ trees: 12, leaves: 4, seed: 1 }))
const fare = model('fare', {
  task: 'regression',
  from: table,
  label: c => c.km.times(2),
  inputs: c => ({ km: c.km, zone: c.zone }),
  split: { by: 'time', train: '30d', test: '10d' },
  train: gbt({ trees: 12, leaves: 4, seed: 1 }),
})

const projectOf = (...more: readonly object[]): Project =>
  project(
    'rides',
    { table, recent, late, fare, ...Object.fromEntries(more.map((one, i) => [`more${i}`, one])) } as never,
    { prometheus: { urlFrom: 'PROMETHEUS_URL' } },
  )

export type LateOptions = Omit<DeploymentOptions<typeof table.columns, 'at' | 'zone' | 'km'>, 'model'>

export interface Trained {
  readonly workspace: Workspace
  readonly clock: ManualClock
  readonly online: OnlineStore
  /** Versions of `late`: two that are about as good. */
  readonly versions: { readonly good: number; readonly other: number }
  /** The version of `fare`. */
  readonly fare: number
  /** A deployment of `late` under a name of its own, and a monitor of it where one is described. */
  deployed(
    name: string,
    options?: LateOptions,
    watched?: Omit<MonitorOptions, 'deployment'>,
  ): { readonly deployment: Deployment; readonly project: Project }
  /** A deployment of `fare`. */
  fares(name: string): { readonly deployment: Deployment; readonly project: Project }
  /** Opens serving of that project; `over` replaces what a test wants to fail. Closed with the rest at the latest. */
  serve(of: Project, over?: Partial<StageServices>): Promise<LiveServing>
  /** One deployment of a project by its name, served, with that version stable. */
  live(name: string, options?: LateOptions, over?: Partial<StageServices>): Promise<LiveDeployment>
  close(): Promise<void>
}

export async function trainOnce(
  workspace: Workspace,
  which: ReturnType<typeof lateWith> | typeof fare,
): Promise<number> {
  const run = await startTraining(workspace, await workspace.engineOf(), {
    model: which as never,
    trigger: 'manual',
    stepEnvironment: null,
    runEnvironment: {},
  })
  const { status, error } = await run.done
  if (status !== 'succeeded') throw new Error(JSON.stringify(error))
  return (await workspace.store.listModelVersions(which.name))[0]?.version as number
}

export async function trainedProject(): Promise<Trained> {
  const root = mkdtempSync(join(tmpdir(), 'millrace-trained-'))
  mkdirSync(join(root, 'data'))
  const lines = madeRides.map(
    ({ at, zone, km, late: isLate }) => `${new Date(at / 1000).toISOString().slice(0, 19)},${zone},${km},${isLate}`,
  )
  writeFileSync(join(root, 'data', 'rides.csv'), `at,zone,km,late\n${lines.join('\n')}\n`)
  writeFileSync(join(root, 'millrace.config.ts'), '')
  const clock = manualClock(afterRides)
  const workspace = await openWorkspace(root, { project: projectOf(), clock })
  const versions = {
    good: await trainOnce(workspace, late),
    other: await trainOnce(workspace, lateWith(gbt({ trees: 20, leaves: 5, seed: 2 }))),
  }
  const fareVersion = await trainOnce(workspace, fare)
  const online = await workspace.online()
  const open = new Set<LiveServing>()
  const serve: Trained['serve'] = async (of, over = {}) => {
    const services = { ...workspace, project: of, ...over }
    const { store } = services
    // One store for a file's tests: each hears of its own deployments
    const own: typeof store = Object.assign(Object.create(store) as typeof store, {
      listDocuments: async (kind: string) =>
        (await store.listDocuments(kind)).filter(one => kind !== 'deployment' || of.deployments.has(one.id)),
    })
    const serving = await LiveServing.open({ ...services, store: own }, online)
    open.add(serving)
    return serving
  }
  const deployed: Trained['deployed'] = (name, options = {}, watched) => {
    const made = deployment(name, { model: late, ...options } as never) as Deployment
    const watch = watched ? [monitor(`${name}-watch`, { deployment: made, ...watched } as never)] : []
    return { deployment: made, project: projectOf(...(options.canary?.after ?? []), made, ...watch) }
  }
  // the rides as they came, one after another
  const filled = await serve(projectOf())
  await filled.push(table, { rows: madeRides.map(ride => ({ ...ride })) })
  return {
    workspace,
    clock,
    online,
    versions,
    fare: fareVersion,
    deployed,
    fares(name) {
      const made = deployment(name, { model: fare } as never) as Deployment
      return { deployment: made, project: projectOf(made) }
    },
    serve,
    async live(name, options, over) {
      const live = (await serve(deployed(name, options).project, over)).get(name)
      if (!live) throw new Error(`${name} is not served`)
      await live.deploy(versions.good, 'test')
      return live
    },
    async close() {
      for (const one of open) await one.close()
      await workspace.close()
    },
  }
}
