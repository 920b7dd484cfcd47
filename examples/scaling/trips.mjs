// The world around the project: `node trips.mjs write` makes its data, `node trips.mjs send miles [url]` plays its service
// for twelve seconds, and `send kilometres` the same service after somebody changed the unit.
import { mkdir, writeFile } from 'node:fs/promises'

let state = 2026
const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
const bell = () => random() + random() + random() + random() - 2

function trip(at) {
  const miles = Math.round(120 * Math.exp(1.1 * bell())) / 10
  const stops = Math.floor(random() * 8)
  const late = random() < 1 / (1 + Math.exp(3 - miles / 8 - stops / 4))
  return { started: new Date(at).toISOString(), miles, stops, late }
}

const [what, unit = 'miles', url = 'http://127.0.0.1:8790'] = process.argv.slice(2)

if (what === 'write') {
  const lines = Array.from({ length: 12_000 }, (_, i) => trip(Date.UTC(2026, 0, 1) + i * 180_000))
  await mkdir('data', { recursive: true })
  const rows = lines.map(({ started, miles, stops, late }) => `${started},${miles},${stops},${late}`)
  await writeFile('data/trips.csv', `started,miles,stops,late\n${rows.join('\n')}\n`)
  console.log(`wrote ${rows.length} trips to data/trips.csv`)
} else if (what === 'send') {
  let sent = 0
  for (const end = Date.now() + 12_000; Date.now() < end; ) {
    const rows = Array.from({ length: 100 }, () => {
      const { miles, stops } = trip(Date.now())
      return { miles: unit === 'kilometres' ? Math.round(miles * 16.09344) / 10 : miles, stops }
    })
    const answer = await fetch(`${url}/invocations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ dataframe_records: rows }),
    })
    if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
    sent += rows.length
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  console.log(`sent ${sent} trips in ${unit}`)
} else {
  console.error('node trips.mjs write | send miles [url] | send kilometres [url]')
  process.exitCode = 2
}
