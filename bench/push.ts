// Claim: 20,000 pushed rows a second, in batches of 100, each acknowledged when it survives a crash and is served, on a quiet machine
// with two cores: judged, appended to the log of their dataset, and in the LMDB records of a view. By how many senders at once.
// Run: npm run build && npx jiti bench/push.ts

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLmdb } from '../dist/adapters/online/lmdb/store.js'
import { dataset, entity, features, parquet, t } from '../dist/index.js'
import { planView } from '../dist/stages/features/channels.js'
import { OnlineView } from '../dist/stages/features/online.js'
import { DatasetLogs } from '../dist/stages/log/take-rows.js'

const batch = 100
const rides = dataset('rides', {
  source: parquet('none'),
  columns: { id: t.int(), who: t.text(), at: t.timestamp('UTC'), paid: t.float() },
  eventTime: 'at',
  key: ['id'],
  expect: c => [c.paid.between(0, 1e6)],
})
const view = features('spent', {
  entity: entity('person', { who: t.text() }),
  from: rides,
  compute: f => ({ n: f.count('1h'), spent: f.sum('paid', '1d') }),
})
const clock = { now: () => Date.now() * 1000, elapsed: () => performance.now() }

for (const senders of [1, 16, 64]) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const store = await openLmdb(join(folder, 'online'))
  const online = new OnlineView(planView(view), store)
  const logs = new DatasetLogs(
    { folder, clock: clock as never },
    async (_, versions) => {
      await online.push(versions, clock.now())
      await store.flush()
    },
    async () => undefined,
  )
  const batches = senders === 1 ? 200 : 800
  let next = 0
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  const send = async (): Promise<void> => {
    while (next < batches) {
      const first = next++ * batch
      const rows = Array.from({ length: batch }, (_, i) => ({
        id: first + i,
        who: `w${(first + i) % 5000}`,
        at: 1.7e15 + first + i,
        paid: i,
      }))
      await logs.push(rides as never, { rows })
    }
  }
  await Promise.all(Array.from({ length: senders }, send))
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  console.log(
    `${String(senders).padStart(2)} senders: ${Math.round((batches * batch) / seconds).toLocaleString('en-US')} rows/s   ${((user + system) / batches / batch).toFixed(1)} µs of CPU a row`,
  )
  await logs.close()
  await store.close()
  rmSync(folder, { recursive: true })
}
