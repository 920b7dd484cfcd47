import autocannon from 'autocannon'
import { fork } from 'node:child_process'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'

// Requests a second and p99 of single-row predictions through the data plane, with its checks, batching and figures, at
// 1, 8 and 32 connections; beside it a bare node:http server that parses the same body and answers a constant: the
// floor. Server and load generator are two processes. The model is an echo: a model's own time comes on top.
//   npm run build && node --import jiti/register bench/serving.ts [seconds]

const body = JSON.stringify({ rows: [{ p: 0.7, distance: 500, origin: 'SEA' }] })

async function serve(kind: string): Promise<string> {
  if (kind === 'millrace') {
    const { testServer } = await import('../test/server/harness.ts')
    return `${(await testServer()).url}/v1/deployments/lateness-api/predict`
  }
  const answer = JSON.stringify({ predictions: [{ id: '0', score: 0.7, label: true, arm: 'stable', version: 1 }] })
  const server = createServer({ noDelay: true }, (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      JSON.parse(Buffer.concat(parts).toString())
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length })
      response.end(answer)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/`
}

interface Measured {
  readonly rate: number
  readonly p50: number
  readonly p99: number
}

async function measure(kind: string, connections: readonly number[], seconds: number): Promise<Measured[]> {
  const child = fork(fileURLToPath(import.meta.url), ['serve', kind], { execArgv: ['--import', 'jiti/register'] })
  try {
    const url = await new Promise<string>((resolve, reject) => {
      child.once('message', resolve as (message: unknown) => void)
      child.once('exit', code => reject(new Error(`the ${kind} server ended with ${code}`)))
    })
    const options = { url, method: 'POST', headers: { 'content-type': 'application/json' }, body } as const
    await autocannon({ ...options, connections: 8, duration: 2 })
    const all: Measured[] = []
    for (const count of connections) {
      const result = await autocannon({ ...options, connections: count, duration: seconds })
      if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx + result.errors} requests failed`)
      all.push({ rate: result.requests.average, p50: result.latency.p50, p99: result.latency.p99 })
    }
    return all
  } finally {
    child.removeAllListeners('exit')
    child.kill()
  }
}

if (process.argv[2] === 'serve') process.send?.(await serve(process.argv[3] ?? 'millrace'))
else {
  const seconds = Number(process.argv[2] ?? 5)
  const connections = [1, 8, 32]
  const floor = await measure('floor', connections, seconds)
  const ours = await measure('millrace', connections, seconds)
  process.stdout.write('connections  millrace req/s  p50 ms  p99 ms   floor req/s  p99 ms  ratio\n')
  connections.forEach((count, i) => {
    const [one, base] = [ours[i] as Measured, floor[i] as Measured]
    const cells = [
      count,
      Math.round(one.rate),
      one.p50,
      one.p99,
      Math.round(base.rate),
      base.p99,
      (one.rate / base.rate).toFixed(2),
    ]
    process.stdout.write(
      `${cells.map((cell, at) => String(cell).padStart([11, 14, 7, 7, 13, 7, 6][at] as number)).join(' ')}\n`,
    )
  })
}
