import { seeded } from '/work/wt/rollm/src/math/random/seeded.ts'
import { addServed, noServed, servedDifference } from '/work/wt/rollm/src/math/sequential/served-difference.ts'
const random = seeded(Number(process.argv[2] ?? 1))
const draws: Record<string, () => number> = {
  normal: () => 100 + 5 * random.normal(),
  conversion: () => (random.next() < 0.03 ? 1 : 0),
  revenue: () => (random.next() < 0.05 ? Math.exp(3 + 1.2 * random.normal()) : 0),
  lognormal: () => Math.exp(2 * random.normal()),
}
const R = Number(process.argv[3] ?? 200)
for (const [name, draw] of Object.entries(draws)) {
  let against = 0,
    other = 0
  for (let r = 0; r < R; r++) {
    let m = noServed
    let bad = false,
      good = false
    for (const w of [0.01, 0.05, 0.2, 0.5]) {
      let c = 0
      while (c < 400) {
        const canary = random.next() < w
        if (canary) c++
        m = addServed(m, draw(), canary, w)
        if (canary) {
          const { lower, upper } = servedDifference(m, 0.05)
          if (upper < 0) bad = true
          if (lower > 0) good = true
        }
      }
    }
    if (bad) against++
    if (good) other++
  }
  console.log(name, 'against', against / R, 'for', other / R)
}
// power
for (const drop of [0.1, 0.2, 0.5]) {
  let found = 0
  for (let r = 0; r < 100; r++) {
    let m = noServed
    let bad = false
    for (const w of [0.01, 0.05, 0.2, 0.5])
      for (let i = 0; i < 10000 && !bad; i++) {
        const canary = random.next() < w
        m = addServed(m, draws.revenue!() * (canary ? 1 - drop : 1), canary, w)
        if (canary && servedDifference(m, 0.05).upper < 0) bad = true
      }
    if (bad) found++
  }
  console.log('revenue drop', drop, found / 100)
}
