import autocannon from 'autocannon'
import { execFile, fork } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { body, makeProject } from './served-points.ts'

// Requests a second and p99 of single-row predictions at 1, 8 and 32 connections: 20 floats, 100 trees of depth 6, with
// everything that a served row costs (checks, expressions, batching, ids, figures, the monitor, the journal), through
// ONNX Runtime, its WebAssembly build and our own tree evaluator. Beside it a bare node:http server that parses the same
// body and answers a constant: the floor. Then GET /health. Server and load generator are two processes; the server is
// the compiled package.
//   npm run build && node --import jiti/register bench/serving.ts [seconds]

const compiled = (path: string): string => new URL(`../dist/${path}`, import.meta.url).href

interface Measured {
  readonly rate: number
  readonly p50: number
  readonly p99: number
}

async function measure(
  root: string,
  kind: string,
  seconds: number,
): Promise<{ predict: Measured[]; health: Measured }> {
  const child = fork(fileURLToPath(new URL('serving-process.mjs', import.meta.url)), [kind, root], { execArgv: [] })
  try {
    const url = await new Promise<string>((resolve, reject) => {
      child.once('message', resolve as (message: unknown) => void)
      child.once('exit', code => reject(new Error(`the ${kind} server ended with ${code}`)))
    })
    const path = `${url}/v1/deployments/api/predict`
    const post = { url: path, method: 'POST', headers: { 'content-type': 'application/json' }, body } as const
    const run = async (options: autocannon.Options): Promise<Measured> => {
      const result = await autocannon(options)
      if (result.non2xx > 0 || result.errors > 0)
        throw new Error(`${kind}: ${result.non2xx + result.errors} requests failed`)
      return { rate: result.requests.average, p50: result.latency.p50, p99: result.latency.p99 }
    }
    await run({ ...post, connections: 8, duration: 2 })
    const predict: Measured[] = []
    for (const connections of counts) predict.push(await run({ ...post, connections, duration: seconds }))
    const health = await run({ url: `${url}/health`, connections: 1, duration: Math.min(seconds, 3) })
    return { predict, health }
  } finally {
    child.removeAllListeners('exit')
    child.kill()
  }
}

const counts = [1, 8, 32]
const seconds = Number(process.argv[2] ?? 5)
const made = makeProject()
try {
  const bin = fileURLToPath(compiled('cli/bin.js'))
  await promisify(execFile)(process.execPath, [bin, 'train'], { cwd: made })
  const floor = await measure(made, 'floor', seconds)
  process.stdout.write(`                   ${counts.map(n => `${n} connections`.padStart(32)).join('')}\n`)
  process.stdout.write(
    `${' '.repeat(19)}${counts.map(() => 'req/s  of floor  p50 ms  p99 ms'.padStart(32)).join('')}\n`,
  )
  const line = (name: string, rows: readonly Measured[]): void => {
    const cells = rows.map(({ rate, p50, p99 }, i) => {
      const ratio = (rate / (floor.predict[i] as Measured).rate).toFixed(2)
      return `${Math.round(rate)}  ${ratio.padStart(8)}  ${String(p50).padStart(6)}  ${String(p99).padStart(6)}`.padStart(
        32,
      )
    })
    process.stdout.write(`${name.padEnd(19)}${cells.join('')}\n`)
  }
  line('floor', floor.predict)
  for (const one of ['onnx', 'wasm', 'trees']) {
    const { predict, health } = await measure(made, one, seconds)
    line(one, predict)
    process.stdout.write(
      `  GET /health: ${Math.round(health.rate)} req/s, p50 ${health.p50} ms, p99 ${health.p99} ms\n`,
    )
  }
} finally {
  rmSync(made, { recursive: true, force: true })
}
