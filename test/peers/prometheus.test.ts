import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPrometheus } from '../../src/adapters/queries/prometheus/open.ts'
import { millrace, type Server } from '../support/command.ts'
import { servedRides } from '../support/rides.ts'

const wanted = process.env['MILLRACE_TEST_PROMETHEUS'] !== undefined
if (!wanted) console.warn('SKIPPED: Prometheus; MILLRACE_TEST_PROMETHEUS is not set, see scripts/peers/prometheus.sh')

interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

describe.skipIf(!wanted)('a Prometheus that reads a server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-prometheus-'))
  let root: string
  let server: Server
  let end: () => Promise<void>
  let address: string
  let version = ''

  beforeAll(async () => {
    ;({ root, server, end } = await servedRides())
    const target = new URL(server.url).host
    address = execFileSync('bash', ['scripts/peers/prometheus.sh', 'start', folder, target], {
      encoding: 'utf8',
    }).trim()
    version = (JSON.parse((await millrace(root, ['models', 'list', '--json'])).out) as { version: number }[])
      .map(one => String(one.version))
      .join()
  })
  afterAll(async () => {
    execFileSync('bash', ['scripts/peers/prometheus.sh', 'stop', folder])
    await end()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  async function query(text: string): Promise<readonly Sample[]> {
    const response = await fetch(`${address}/api/v1/query?query=${encodeURIComponent(text)}`)
    const body = (await response.json()) as { status: string; error?: string; data: { result: readonly Sample[] } }
    expect(body.error).toBeUndefined()
    return body.data.result
  }
  /** Asks until the answer is there; Prometheus reads once a second. */
  async function value(text: string, expected?: number): Promise<number> {
    let last = Number.NaN
    for (let i = 0; i < 60; i++) {
      const [first] = await query(text)
      if (first) last = Number(first.value[1])
      if (first && (expected === undefined || last === expected)) return last
      await new Promise(resolve => setTimeout(resolve, 500))
    }
    throw new Error(`${text} is ${last}, not ${expected}`)
  }
  async function predict(rows: number): Promise<void> {
    const one = { at: '2026-02-01T08:00:00Z', km: 3.5, zone: 'a' }
    const response = await fetch(`${server.url}/v1/deployments/fares/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rows: Array.from({ length: rows }, () => one) }),
    })
    expect(response.status, await response.clone().text()).toBe(200)
  }

  test('reaches it, and knows what is deployed', async () => {
    expect(await value('up{job="millrace"}', 1)).toBe(1)
    expect(await value('millrace_deployment_ready{deployment="fares"}', 1)).toBe(1)
    expect(await value(`millrace_stable_version{deployment="fares"}`)).toBe(Number(version))
  })

  test('counts the requests and rows that were sent, and tells how long they took', async () => {
    for (let i = 0; i < 7; i++) await predict(3)
    expect(await value('sum(millrace_infer_requests_total{deployment="fares",outcome="ok"})', 7)).toBe(7)
    expect(await value('sum(millrace_infer_rows_total{deployment="fares",arm="stable"})', 21)).toBe(21)
    expect(await value('millrace_infer_duration_seconds_count{deployment="fares"}', 7)).toBe(7)
    const p99 = await value('histogram_quantile(0.99, sum by (le) (millrace_infer_duration_seconds_bucket))')
    expect(p99).toBeGreaterThan(0)
    expect(p99).toBeLessThan(2.5)
    expect(await value('sum(millrace_alerts_firing)', 0)).toBe(0)
  })

  test('answers what a rollout asks, with one number or why there is none', async () => {
    const { ask } = openPrometheus(address)
    expect(await ask('vector(0.25)')).toBe(0.25)
    expect(await ask('2 ^ 3')).toBe(8)
    expect(await ask('nothing_is_called_so')).toBeNull()
    await expect(ask('sum(')).rejects.toThrow(/parse error/)
    await expect(ask('0 / 0')).rejects.toThrow(/it gives NaN/)
    await expect(ask('{job="millrace"}')).rejects.toThrow(/it gives \d+ series/)
    await value('up{job="millrace"}', 1)
    expect(await ask('millrace_stable_version{deployment="fares"}')).toBe(Number(version))
  })

  test("finds nothing wrong with the page's form", async () => {
    const page = await (await fetch(`${server.url}/metrics`)).text()
    const judged = spawnSync('promtool', ['check', 'metrics'], { input: page, encoding: 'utf8' })
    expect(judged.stderr + judged.stdout).toBe('')
    expect(judged.status).toBe(0)
  })
})
