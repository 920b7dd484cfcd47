// How often a contest chooses a challenger that is not better than stable (claim: at most half of `labelAlpha`, whatever their
// number), and how many labelled rows it needs to find one that is. The state machine of the contest itself, looked at after
// every hundred rows; of the versions only what they score is made up.
//   npx jiti bench/contest.ts [contests a cell] [labelled rows at most]
import { seeded } from '../src/math/random/seeded.ts'
import { rowLoss } from '../src/math/metrics/row-loss.ts'
import { advanceContest, startContest } from '../src/stages/deploy/contest/index.ts'

const many = Number(process.argv[2] ?? 400)
const rows = Number(process.argv[3] ?? 10_000)
const block = 100
const random = seeded(20_261_201)
const chance = (logit: number): number => 1 / (1 + Math.exp(-logit))

/** Spread of the noise on the logit that a version adds: none is the truth, and more is worse. */
type Noise = number

/** Mean loss of a version with that noise, for the words of the table. */
function lossOf(noise: Noise): number {
  let sum = 0
  const count = 200_000
  for (let i = 0; i < count; i++) {
    const logit = 2 * random.normal()
    sum += rowLoss('binary', random.next() < chance(logit) ? 1 : 0, chance(logit + noise * random.normal()))
  }
  return sum / count
}

interface Played {
  /** Which challenger was chosen. */
  readonly chosen: number | undefined
  readonly rows: number
  readonly left: number
}

function play(stable: Noise, challengers: readonly Noise[]): Played {
  const of = (i: number) =>
    ({ deployment: 'api', challenger: `m@${i + 2}`, stable: 'm@1', task: 'binary', labels: 'advisory' }) as const
  let state = startContest(
    challengers.map((_, i) => of(i)),
    { now: 0, until: Number.MAX_SAFE_INTEGER, seeds: challengers.map((_, i) => i) },
  )
  for (let seen = block; seen <= rows; seen += block) {
    const truths = Array.from({ length: block }, () => 2 * random.normal())
    const labels = truths.map(logit => (random.next() < chance(logit) ? 1 : 0))
    const lossesOf = (noise: Noise): number[] =>
      truths.map((logit, i) => rowLoss('binary', labels[i] as number, chance(logit + noise * random.normal())))
    const own = lossesOf(stable)
    for (const [i, noise] of challengers.entries()) {
      const arm = state.arms[i]?.salt ?? ''
      const event = { type: 'labels', at: seen, stable: own, canary: lossesOf(noise) } as const
      state = advanceContest(state, { type: 'arm', at: seen, arm, event }).state
    }
    state = advanceContest(state, { type: 'tick', at: seen }).state
    const left = state.arms.filter(one => one.phase === 'rolled-back').length
    if (state.phase === 'running') continue
    const chosen = state.arms.findIndex(one => one.config.challenger === state.chosen)
    return { chosen: chosen < 0 ? undefined : chosen, rows: seen, left }
  }
  return { chosen: undefined, rows, left: state.arms.filter(one => one.phase === 'rolled-back').length }
}

const at = (sorted: readonly number[], share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0

function cell(name: string, stable: Noise, challengers: readonly Noise[]): void {
  const played = Array.from({ length: many }, () => play(stable, challengers))
  const counts = challengers.map((_, i) => played.filter(one => one.chosen === i).length)
  const taken = played.filter(one => one.chosen !== undefined)
  const needed = taken.map(one => one.rows).toSorted((a, b) => a - b)
  const left = played.reduce((sum, one) => sum + one.left, 0) / many
  const by = taken.length === 0 ? '' : `; labelled rows ${at(needed, 0.5)} / ${at(needed, 0.9)}`
  console.log(`${name}: chosen ${counts.join(', ')} of ${many}${by}; taken out ${left.toFixed(2)} a contest`)
}

const loss = lossOf(0.5)
console.log(
  `loss beside noise 0.5: none ${(100 * (lossOf(0) / loss - 1)).toFixed(1)} %, 0.3 ${(100 * (lossOf(0.3) / loss - 1)).toFixed(1)} %, 0.8 ${(100 * (lossOf(0.8) / loss - 1)).toFixed(1)} %`,
)
cell('two alike', 0.5, [0.5, 0.5])
cell('three alike', 0.5, [0.5, 0.5, 0.5])
cell(
  'eight alike',
  0.5,
  Array.from({ length: 8 }, () => 0.5),
)
cell('three that are worse', 0.5, [0.8, 0.8, 0.8])
cell('one better of three, two alike', 0.5, [0.5, 0, 0.5])
cell('one better of eight', 0.5, [0.5, 0.5, 0.5, 0, 0.5, 0.5, 0.5, 0.5])
cell('two better of three, the second by more', 0.5, [0.3, 0, 0.5])
