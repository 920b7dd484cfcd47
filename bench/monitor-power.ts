// How often a monitor alarms although nothing changed (stated: at most once in 30 days), and after how many windows it
// alerts when something did: through the windows that serving fills, 1,000 rows a day, 28 days of training.
//   node --import jiti/register bench/monitor-power.ts [runs a cell] [windows of the false-alarm runs] [seed]
import { watched, type WorldChange, windowsToAlert, type World } from '../test/support/watched-world.ts'
import type { Sensitivity } from '../src/stages/watch/evaluate.ts'

const runs = Number(process.argv[2] ?? 8)
const horizon = Number(process.argv[3] ?? 60)
const seed = Number(process.argv[4] ?? 1)
const maxWindows = 28

const worlds: Readonly<Record<string, World>> = {
  'i.i.d.': {},
  weekly: { weekly: 0.25 },
  'weekly + wandering .8, .25 sd': { weekly: 0.25, noise: 0.25, wander: 0.8 },
  'wandering .8, .25 sd': { noise: 0.25, wander: 0.8 },
  'weekly + wandering .95, .5 sd': { weekly: 0.25, noise: 0.5, wander: 0.95 },
}
/** With the percentage of nulls in the baseline, where the change is one of nulls. */
const changes: Readonly<Record<string, WorldChange & { readonly before?: number }>> = {
  '+0.1 sd': { shift: 0.1 },
  '+0.2 sd': { shift: 0.2 },
  '+0.3 sd': { shift: 0.3 },
  '+0.5 sd': { shift: 0.5 },
  'category 5 points': { share: 5 },
  'category 10 points': { share: 10 },
  'category 20 points': { share: 20 },
  'nulls 0 → 5 %': { nulls: 5, before: 0 },
  'nulls 5 → 10 %': { nulls: 5 },
  'nulls 20 → 25 %': { nulls: 5, before: 20 },
  'unit × 1.609': { unit: 1.609344 },
}

function falseAlarms(name: string, world: World, sensitivity: Sensitivity): void {
  let [windows, drift, warn, fired] = [0, 0, 0, 0]
  for (let run = 0; run < runs; run++) {
    let left = horizon
    for (const { judged, alerts } of watched({ world, sensitivity, seed: seed * 100_000 + run })) {
      windows++
      if (judged.verdict === 'drift') drift++
      if (judged.verdict === 'warn') warn++
      if (alerts.some(one => one.state === 'firing')) fired++
      if (--left === 0) break
    }
  }
  const share = (n: number): string => `${((100 * n) / windows).toFixed(1)} %`
  console.log(
    `| ${name} | ${sensitivity} | ${windows} | ${share(drift)} | ${share(warn)} | ${fired} | ${((30 * fired) / windows).toFixed(2)} |`,
  )
}

function power(name: string, world: World, what: string, sensitivity: Sensitivity): void {
  const { before: nulls = 5, ...change } = changes[what] ?? {}
  const found = Array.from({ length: runs }, (_, run) =>
    windowsToAlert({ world, change, sensitivity, nulls, seed: seed * 100_000 + 50_000 + run }, maxWindows),
  )
  const times = found.flatMap(one => one?.windows ?? []).sort((a, b) => a - b)
  const at = (level: number): string => String(times[Math.ceil(level * found.length) - 1] ?? `more than ${maxWindows}`)
  const last = found.find(one => one)?.summary ?? ''
  console.log(
    `| ${name} | ${sensitivity} | ${what} | ${at(0.5)} | ${at(0.9)} | ${found.length - times.length} of ${found.length} | ${last} |`,
  )
}

console.log(
  '| world | sensitivity | windows | drift | warn | alerts | alerts per 30 d |\n|---|---|---|---|---|---|---|',
)
for (const [name, world] of Object.entries(worlds)) falseAlarms(name, world, 'normal')
for (const sensitivity of ['low', 'high'] as const)
  for (const name of ['i.i.d.', 'weekly']) falseAlarms(name, worlds[name] as World, sensitivity)
console.log(
  `\n| world | sensitivity | change | windows to alert, median | 90 % | not in ${maxWindows} | what it says |\n|---|---|---|---|---|---|---|`,
)
for (const name of ['i.i.d.', 'weekly', 'wandering .8, .25 sd'])
  for (const what of Object.keys(changes)) power(name, worlds[name] as World, what, 'normal')
for (const sensitivity of ['low', 'high'] as const)
  for (const what of Object.keys(changes)) power('i.i.d.', {}, what, sensitivity)
