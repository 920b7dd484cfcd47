// How often a rollout takes back a challenger that is like stable (claim: at most 1 %, with everything on), and how soon one that is
// not. A real deployment of really trained versions behind the server's own batcher, on a simulated clock; only what a version
// answers, fails at and takes is made up.
//   npx jiti bench/canary.ts [rollouts a cell] [words of a cell's name]
import { Batcher } from '../src/server/inference/batcher.ts'
import type { CanaryOptions } from '../src/define/canary.ts'
import { digestBytes } from '../src/internal/digest.ts'
import { seeded } from '../src/math/random/seeded.ts'
import type { InferenceBatch, InferenceRuntime, LoadedModel } from '../src/ports/inference-runtime.ts'
import type { LiveDeployment } from '../src/stages/serve/deployment.ts'
import { late, type LateOptions, trainedProject } from '../test/support/trained-project.ts'

const many = Number(process.argv[2] ?? 200)
const only = process.argv[3] ?? ''
const trained = await trainedProject()
const { clock } = trained
const width = late.inputs.length
const kmAt = late.inputs.findIndex(one => one.name === 'km')
const minute = 60_000

interface Arm {
  /** Chance that a run fails at that moment (seconds since the rollout began), for that key, in that zone. */
  readonly fails: (seconds: number, key: number, zone: number) => number
  /** Milliseconds of a run, of which `common` is the request's own. */
  readonly takes: (common: number) => number
  /** Score of a row whose true logit is `truth`. */
  readonly score: (truth: number) => number
}

interface Cell {
  readonly name: string
  readonly canary?: CanaryOptions
  readonly stable: Arm
  readonly challenger: Arm
  /** Keys of callers: how many, and how unequal. */
  readonly keys?: { readonly count: number; readonly zipf: number }
  /** Zones that the guardrails also hold within, by Zipf's law; of the one that is `broken` requests are counted apart. */
  readonly zones?: { readonly count: number; readonly broken: number }
  /** Requests a second at that moment. */
  readonly rate?: (seconds: number) => number
  readonly requests: number
  /** Share of the rows whose label comes, half an hour to an hour and a half later. */
  readonly labels?: number
}

const random = seeded(20_261_130)
const logistic = (x: number): number => 1 / (1 + Math.exp(-x))
const lognormal = (spread: number): number => Math.exp(spread * random.normal())

/** What happens in a run: set before each request, read by the runtime. */
let now: { cell: Cell; seconds: number; key: number; zone: number; truths: Map<number, number>; common: number }
const digests = new Map<string, 'stable' | 'challenger'>()
const loaded = new Map<string, LoadedModel>()
let simulated = false

async function simulating(): Promise<InferenceRuntime> {
  const real = await trained.workspace.runtime()
  return {
    name: 'simulated',
    async load(bytes, binding) {
      const digest = digestBytes(bytes)
      const model = loaded.get(digest) ?? (await real.load(bytes, binding))
      loaded.set(digest, model)
      return {
        width: model.width,
        categoryWidth: model.categoryWidth,
        outputs: model.outputs,
        wide: model.wide,
        close: () => Promise.resolve(),
        run: batch => (simulated ? run(now.cell[digests.get(digest) ?? 'stable'], batch) : model.run(batch)),
      }
    },
  }
}

function run(arm: Arm, batch: InferenceBatch): Promise<{ scores: Float32Array }> {
  clock.work(arm.takes(now.common))
  if (random.next() < arm.fails(now.seconds, now.key, now.zone)) return Promise.reject(new Error('out of order'))
  const scores = Float32Array.from({ length: batch.rows }, (_, row) =>
    arm.score(now.truths.get(batch.features[row * width + kmAt] as number) ?? 0),
  )
  return Promise.resolve({ scores })
}

const versions = trained.versions
for (const [name, version] of [
  ['stable', versions.good],
  ['challenger', versions.other],
] as const)
  digests.set((await trained.workspace.store.getModelVersion('late', version))?.digest ?? '', name)

interface Ended {
  readonly phase: string
  readonly rule: string
  /** Requests in all, and those that the challenger was to answer. */
  readonly requests: number
  readonly own: number
  readonly labels: number
  /** Requests of the zone that is broken. */
  readonly within: number
}

/** One of so many, with chances that fall as 1, 1/2, 1/3. */
function drawn(many: number): number {
  let at = random.next() * Array.from({ length: many }, (_, i) => 1 / (i + 1)).reduce((sum, one) => sum + one, 0)
  for (let i = 0; i < many; i++) if ((at -= 1 / (i + 1)) < 0) return i
  return many - 1
}

let made = 0
async function rollout(cell: Cell): Promise<Ended> {
  const name = `sim-${made++}`
  simulated = false
  const options: LateOptions = {
    ...(cell.canary ? { canary: cell.canary } : {}),
    ...(cell.zones ? { segments: c => c.zone } : {}),
  }
  const { project } = trained.deployed(name, options, { labelHorizon: '2h' })
  const serving = await trained.serve(project, { runtime: simulating })
  const live = serving.get(name) as LiveDeployment
  await live.deploy(versions.good, 'bench')
  await live.rollOut(versions.other, 'bench')
  simulated = true
  const batcher = new Batcher(live)
  const began = clock.now()
  const waiting: { due: number; id: string; label: number }[] = []
  const { count = 1e9, zipf = 0 } = cell.keys ?? {}
  let [requests, own, labelled, within] = [0, 0, 0, 0]
  const truths = new Map<number, number>()
  let tick = 0
  while (live.rolling && requests < cell.requests) {
    const seconds = (clock.now() - began) / 1e6
    const rate = cell.rate?.(seconds) ?? 5
    clock.work((-Math.log(1 - random.next()) / rate) * 1000)
    // the beat of a server, once a second
    if (seconds - tick > 1) {
      tick = seconds
      while ((waiting[0]?.due ?? Number.POSITIVE_INFINITY) <= clock.now()) {
        const { id, label } = waiting.shift() as { id: string; label: number }
        await live.feedback([{ id, label }])
      }
      live.tick()
    }
    const km = requests % 1_000_000
    const truth = 1.5 * random.normal() - 1
    truths.set(km, truth)
    if (requests >= 512) truths.delete((requests - 512) % 1_000_000)
    // inverse of the power law, near enough to Zipf's
    const u = random.next()
    const key = zipf > 0 ? Math.floor(((count ** (1 - zipf) - 1) * u + 1) ** (1 / (1 - zipf))) : Math.floor(u * count)
    const zone = cell.zones ? drawn(cell.zones.count) : 0
    if (zone === cell.zones?.broken) within++
    now = { cell, seconds, key, zone, truths, common: 5 * lognormal(0.5) }
    const id = `${name}-${requests++}`
    const row = { at: clock.now(), zone: cell.zones ? `zone-${zone}` : 'north', km }
    const [answer] = await batcher.predict([{ id, key: String(key), row }]).catch(() => [])
    if (answer?.arm === 'canary') own++
    await live.settled()
    if (cell.labels !== undefined && random.next() < cell.labels) {
      labelled++
      const due = clock.now() + (30 + 60 * random.next()) * 60e6
      waiting.push({ due, id, label: random.next() < logistic(truth) ? 1 : 0 })
    }
  }
  // what came in time counts once its horizon is over
  if (cell.labels !== undefined && live.rolling) {
    for (const { id, label } of waiting) await live.feedback([{ id, label }])
    clock.work(121 * minute)
    live.tick()
  }
  await live.settled()
  const { phase = '' } = live.rollout ?? {}
  const [last] = await trained.workspace.store.listDecisions({
    subject: `deployment ${name}`,
    kind: 'rollout',
    limit: 1,
  })
  simulated = false
  await serving.close()
  return {
    phase,
    rule: phase === 'rolled-back' ? (last?.rule.name ?? '') : '',
    requests,
    own,
    labels: labelled,
    within,
  }
}

const fine: Arm = { fails: () => 0, takes: common => common * lognormal(0.3), score: logistic }
const failing = (rate: number): Arm => ({ ...fine, fails: () => rate })
/** By day five times as many as by night, a day being an hour here. */
const diurnal = (seconds: number): number => 5 * (1 + 0.66 * Math.sin((2 * Math.PI * seconds) / 3600))
const quick: CanaryOptions = { shadowRows: 500, steps: ['10%', '50%'], minRequests: 60, bake: '3m', maxWait: '10h' }
const usual: CanaryOptions = { maxWait: '10h', bake: '10m' }
const alike = (name: string, arm: Arm, more: Partial<Cell> = {}): Cell => ({
  name: `alike: ${name}`,
  canary: quick,
  stable: arm,
  challenger: arm,
  rate: diurnal,
  requests: 20_000,
  ...more,
})
const zipf = { count: 2_000, zipf: 1.1 }
const bad = (name: string, challenger: Arm, more: Partial<Cell> = {}): Cell => ({
  name: `worse: ${name}`,
  canary: usual,
  stable: fine,
  challenger,
  requests: 60_000,
  ...more,
})
/** Well overall, and broken in the eighth of twelve zones, which has 4 % of the requests. */
const within = (name: string, rate: number, stable: number): Cell =>
  bad(
    name,
    { ...fine, fails: (_, __, zone) => (zone === 7 ? 0.3 : rate) },
    { stable: failing(stable), zones: { count: 12, broken: 7 } },
  )
const burst = (seconds: number): number => (seconds % 600 < 20 ? 0.4 : 0.002)
const clustered = (_: number, key: number): number => ((key * 2_654_435_761) % 97 < 10 ? 0.3 : 0.001)
/** Shadow alone: every row is scored by both, whatever the share. */
const labelling: CanaryOptions = { shadowRows: 1_000_000, maxWait: '1000h', expected: { flipRate: 0.5 } }
const judged = (name: string, score: (truth: number) => number, more: Partial<Cell> = {}): Cell => ({
  name: `labels: ${name}`,
  canary: labelling,
  stable: fine,
  challenger: { ...fine, score },
  requests: 10_000,
  labels: 1,
  ...more,
})

/** Mean log loss of a score, by a fine sum over the truths. */
function lossOf(score: (truth: number) => number, tries = 400_000): number {
  const own = seeded(5)
  let sum = 0
  for (let i = 0; i < tries; i++) {
    const truth = 1.5 * own.normal() - 1
    const p = logistic(truth)
    const q = score(truth)
    sum -= p * Math.log(q) + (1 - p) * Math.log(1 - q)
  }
  return sum / tries
}
const base = lossOf(logistic)
/** The change whose strength makes the loss worse by that share. */
function worseBy(share: number, of: (strength: number) => (truth: number) => number): (truth: number) => number {
  let [low, high] = [0, 2]
  for (let i = 0; i < 20; i++) {
    const middle = (low + high) / 2
    if (lossOf(of(middle), 60_000) / lossOf(logistic, 60_000) - 1 < share) low = middle
    else high = middle
  }
  return of((low + high) / 2)
}
const noisy = (strength: number) => (truth: number) => logistic(truth + strength * random.normal())
const steep = (strength: number) => (truth: number) => logistic(truth * (1 + strength))
const shifted = (strength: number) => (truth: number) => logistic(truth + strength)

const cells: readonly Cell[] = [
  ...[0.001, 0.01, 0.1, 0.3].map(rate => alike(`${100 * rate} % errors`, failing(rate))),
  alike('bursts of errors, 40 % for 20 s every ten minutes', { ...fine, fails: burst }),
  alike('an outage of both for 30 s, else 1 %', { ...fine, fails: s => (s > 300 && s < 330 ? 1 : 0.01) }),
  alike('Zipf keys, 1 % errors', failing(0.01), { keys: zipf }),
  alike('Zipf keys, errors of a tenth of them', { ...fine, fails: clustered }, { keys: zipf }),
  alike('1 % of the answers take two seconds', {
    ...fine,
    takes: common => (random.next() < 0.01 ? 2_000 : common * lognormal(0.3)),
  }),
  alike('all of it, with labels that come late or never, as good in another way', failing(0.02), {
    keys: zipf,
    labels: 0.7,
    challenger: { ...failing(0.02), score: noisy(0.15) },
    stable: { ...failing(0.02), score: noisy(0.15) },
  }),
  alike('the steps of the guide, 1 % errors', failing(0.01), { canary: usual, requests: 60_000 }),
  alike('twelve zones as segments, 1 % errors', failing(0.01), { zones: { count: 12, broken: 7 } }),
  alike('twelve zones as segments, 10 % errors', failing(0.1), { zones: { count: 12, broken: 7 } }),
  alike('300 zones as segments, 1 % errors', failing(0.01), { zones: { count: 300, broken: 7 } }),
  within('30 % of one zone fail, of the rest 1 %, of stable 1 %', 0.01, 0.01),
  within('30 % of one zone fail, of the rest 1 %, of stable 5 %', 0.01, 0.05),
  within('30 % of one zone fail, of the rest 2 %, of stable 10 %', 0.02, 0.1),
  bad('all fail', failing(1)),
  bad('half fail', failing(0.5)),
  bad('half fail, from the step of 50 % on', failing(0.5), { canary: { ...usual, shadowRows: 0, steps: ['50%'] } }),
  bad('5 % fail, of stable 1 %', failing(0.05), { stable: failing(0.01) }),
  bad('2 % fail, of stable 1 %', failing(0.02), { stable: failing(0.01) }),
  bad('30 % longer', { ...fine, takes: common => 1.3 * common * lognormal(0.3) }),
  bad('30 ms longer', { ...fine, takes: common => 30 + common * lognormal(0.3) }),
  judged('as good in another way', noisy(0.15), { stable: { ...fine, score: noisy(0.15) } }),
  judged('as good in another way, 40 % of the labels', noisy(0.15), {
    stable: { ...fine, score: noisy(0.15) },
    labels: 0.4,
  }),
  judged('1 % worse by noise', worseBy(0.01, noisy)),
  judged('1 % worse, too sure', worseBy(0.01, steep)),
  judged('1 % worse, shifted', worseBy(0.01, shifted)),
  judged('2 % worse by noise', worseBy(0.02, noisy)),
]

const quantile = (values: readonly number[], q: number): string =>
  values.length === 0
    ? '–'
    : String(values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))])

console.log(`log loss of stable ${base.toFixed(4)}; ${many} rollouts a cell`)
console.log(
  '| cell | taken back | by | requests p50 / p90 | of them its own p50 / p90 | of the broken zone p50 / p90 |',
)
console.log('|---|---|---|---|---|---|')
for (const cell of cells) {
  if (!cell.name.includes(only)) continue
  const ended: Ended[] = []
  for (let i = 0; i < many; i++) ended.push(await rollout(cell))
  const back = ended.filter(one => one.phase === 'rolled-back')
  const rules = new Map<string, number>()
  for (const { rule } of back) rules.set(rule, (rules.get(rule) ?? 0) + 1)
  const by = [...rules].map(([rule, times]) => `${rule} ${times}`).join(', ')
  const of = (pick: (one: Ended) => number): string =>
    `${quantile(back.map(pick), 0.5)} / ${quantile(back.map(pick), 0.9)}`
  console.log(
    `| ${cell.name} | ${back.length} of ${many} | ${by || '–'} | ${of(one => one.requests)} | ${of(one => one.own)} | ${cell.zones ? of(one => one.within) : '–'} |`,
  )
}
await trained.close()
