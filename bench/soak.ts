// Whether a server stays as it was (claim: no error, memory flat after the second minute, p99 steady): `millrace up` at 80 % of the
// peak that is measured first, with labels for predictions of a minute ago and, at the end, for the oldest ones.
//   npm run build && node --import jiti/register bench/soak.ts [minutes = 10]
import autocannon from 'autocannon'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { millrace, startUp } from '../test/support/command.ts'
import { body, makeProject, rowOf } from './served-points.ts'

const minutes = Number(process.argv[2] ?? 10)
const connections = 32
const peakSeconds = 10
/** Rows of one request whose ids are known, one request a second. */
const marked = 20

const root = makeProject()

/** A process and those that it started. */
function family(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap(task =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children.flatMap(family)]
}
const residentOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024

const run = async (url: string, options: Partial<autocannon.Options>): Promise<autocannon.Result> =>
  autocannon({ url, method: 'POST', headers: { 'content-type': 'application/json' }, body, connections, ...options })

async function post(url: string, sent: unknown): Promise<{ readonly found?: number }> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(sent),
  })
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as { readonly found?: number }
}

try {
  if ((await millrace(root, ['train'])).code !== 0) throw new Error('the model was not trained')
  if ((await millrace(root, ['deploy'])).code !== 0) throw new Error('the model was not deployed')
  const server = await startUp(root)
  const { pid = 0 } = server.child
  const path = `${server.url}/v1/deployments/api`
  try {
    let second = 0
    let [labelled, found, failed] = [0, 0, 0]
    const idsOf = (at: number): string[] => Array.from({ length: marked }, (_, i) => `soak-${at}-${i}`)
    const label = async (at: number): Promise<void> => {
      labelled += marked
      found += (await post(`${path}/feedback`, { labels: idsOf(at).map(id => ({ id, label: 1 })) })).found ?? 0
    }
    const beat = async (): Promise<void> => {
      const at = second++
      await post(`${path}/predict`, { rows: idsOf(at).map((_, i) => rowOf(i)), ids: idsOf(at) })
      // every second one a minute later; the others wait until the end
      if (at >= 60 && at % 2 === 0) await label(at - 60)
    }
    await run(`${path}/predict`, { duration: 2 })
    const peak = (await run(`${path}/predict`, { duration: peakSeconds })).requests.average
    const rate = Math.round(0.8 * peak)
    console.log(
      `peak ${Math.round(peak)} requests/s at ${connections} connections; ${rate} a second for ${minutes} min`,
    )
    const timer = setInterval(() => void beat().catch(() => failed++), 1_000)
    const resident: number[] = []
    let [errors, answered] = [0, 0]
    console.log('| minute | requests/s | p50 ms | p99 ms | errors | RSS MB of the server, of all its processes |')
    console.log('|---|---|---|---|---|---|')
    for (let minute = 1; minute <= minutes; minute++) {
      const {
        requests,
        latency,
        non2xx,
        errors: broken,
      } = await run(`${path}/predict`, {
        duration: 60,
        overallRate: rate,
      })
      errors += non2xx + broken
      answered += requests.total
      resident.push(residentOf(pid))
      const all = family(pid).reduce((sum, one) => sum + residentOf(one), 0)
      console.log(
        `| ${minute} | ${Math.round(requests.average)} | ${latency.p50} | ${latency.p99} | ${non2xx + broken} | ${Math.round(residentOf(pid))}, ${Math.round(all)} |`,
      )
    }
    clearInterval(timer)
    for (let at = 1; at < second; at += 2) await label(at)
    const [early = 0, last = 0] = [resident[Math.min(1, resident.length - 1)], resident.at(-1)]
    console.log(
      `${answered.toLocaleString('en-US')} predictions, ${errors + failed} errors; RSS ${Math.round(early)} MB after minute 2, ${Math.round(last)} MB at the end; ${found} of ${labelled} labels found their prediction, the oldest ${second} s old`,
    )
  } finally {
    await server.end('SIGTERM')
  }
} finally {
  rmSync(root, { recursive: true, force: true })
}
