import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWorkspace } from '../src/config/workspace.ts'
import { project } from '../src/index.ts'
import type { Report } from '../src/define/report.ts'
import type { Digest } from '../src/internal/digest.ts'

// The walk of docs/guide/scaling.md, with its own project and its own commands.

const run = promisify(execFile)
const bin = resolve('dist/cli/bin.js')
let folder: string
let server: ChildProcess | undefined

async function millrace(...args: string[]): Promise<{ readonly code: number; readonly out: string }> {
  return run(process.execPath, [bin, ...args], { cwd: folder }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout + stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout + error.stderr,
    }),
  )
}

const trips = (...args: string[]) => run(process.execPath, ['trips.mjs', ...args], { cwd: folder })

/** Starts `millrace up` and gives its address. */
function up(): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, 'up', '--port', '0'], { cwd: folder })
    server = child
    let text = ''
    const read = (chunk: Buffer): void => {
      text += chunk.toString()
      const url = /Millrace is up at (\S+)/.exec(text)?.[1]
      if (url) resolve(url)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('exit', () => reject(new Error(text)))
  })
}

async function end(): Promise<void> {
  const child = server
  server = undefined
  if (!child || child.exitCode !== null) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-scaling-'))
  await cp('examples/scaling', folder, { recursive: true })
  await trips('write')
  expect((await millrace('train')).code).toBe(0)
})
afterAll(async () => {
  await end()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
})

describe('the scaler of a version', () => {
  test('is proven on request, and every reporter says so', async () => {
    const { code, out } = await millrace('scaler', 'check', '--json')
    const [report] = JSON.parse(out) as [Report]
    expect([code, report.kind, report.status]).toEqual([0, 'scaler', 'pass'])
    const ids = report.checks.map(check => check.id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.sort()).toEqual([
      'scaler-constant',
      'scaler-constant-moved',
      'scaler-double',
      'scaler-hash-chain',
      'scaler-merge',
      'scaler-names',
      'scaler-nan-path',
      'scaler-onnx-parity',
      'scaler-precision',
      'scaler-refit',
      'scaler-round-trip',
      'scaler-serving-range',
      'scaler-train-only',
      'scaler-window-unit',
    ])
    expect((await millrace('scaler', 'check', '--reporter', 'junit')).out).toContain('<testcase')
    expect((await millrace('scaler', 'check', '--reporter', 'sarif')).out).toContain('"version": "2.1.0"')
    const plain = (await millrace('scaler', 'check')).out
    expect(plain).not.toContain('scaler-names')
    const files = {
      '--junit': '<testsuite',
      '--sarif': '"2.1.0"',
      '--html': '<html',
      '--markdown': '|',
      '--code-quality': '[',
    }
    const named = Object.keys(files).flatMap(flag => [flag, `out/${flag.slice(2)}`])
    const verbose = await millrace('scaler', 'check', '--verbose', ...named)
    expect(verbose.out).toContain('scaler-names')
    for (const [flag, holds] of Object.entries(files))
      expect(await readFile(join(folder, 'out', flag.slice(2)), 'utf8')).toContain(holds)
    // units are compared with those of another version, where one is named
    const against = await millrace('scaler', 'check', '--against', 'lateness@1', '--json')
    expect((JSON.parse(against.out) as [Report])[0].checks.map(one => one.id)).toContain('scaler-unit-change')
    expect((await millrace('scaler', 'check', '--against', 'lateness@9')).code).toBe(2)
  })

  test('refuses a version that is registered with another scaler, before any traffic, with a decision', async () => {
    const workspace = await openWorkspace(folder, { project: project('trips', {}) })
    let scaler: Digest
    try {
      const first = await workspace.store.getModelVersion('lateness', 1)
      if (!first) throw new Error('not trained')
      const kept = JSON.parse(Buffer.from(await workspace.artifacts.get(first.facts.scaler as Digest)).toString()) as {
        features: Record<string, unknown>[]
      }
      const features = kept.features.map(feature => ({ ...feature, offset: 0, scale: 1, mean: 0, var: 1 }))
      scaler = (await workspace.artifacts.put(Buffer.from(JSON.stringify({ ...kept, features })))).digest
      const { version: _, ...record } = first
      await workspace.store.addModelVersion({ ...record, facts: { ...record.facts, scaler } })
    } finally {
      await workspace.close()
    }
    const check = await millrace('scaler', 'check', 'lateness@2')
    expect(check.code).toBe(1)
    expect(check.out).toContain(`the ONNX file names the scaler`)
    expect(check.out).toContain('the graph scales otherwise')
    const [judged] = JSON.parse((await millrace('scaler', 'check', 'lateness@2', '--json')).out) as [Report]
    const failed = judged.checks.filter(one => one.status === 'fail').map(one => one.id)
    expect(failed).toEqual(expect.arrayContaining(['scaler-hash-chain', 'scaler-onnx-parity', 'scaler-refit']))
    const deploy = await millrace('deploy', '--version', '2')
    expect(deploy.code).toBe(1)
    expect(deploy.out).toContain('lateness@2 is not served, its scaler is not proven')
    expect(deploy.out).toContain('MR4107')
    expect((await millrace('decisions')).out).toMatch(/refused\s+lateness@2 is not served/)
  })

  test('a service that switches from miles to kilometres is told so within one window', {
    timeout: 90_000,
  }, async () => {
    expect((await millrace('deploy', '--version', '1')).out).toContain('stable lateness@1')
    const url = await up()
    await trips('send', 'miles', url)
    expect((await millrace('monitor')).out).toContain('No alert is firing.')
    await trips('send', 'kilometres', url)
    const { out } = await millrace('monitor')
    expect(out).toMatch(/miles is 1\.609 times what it was in training \([\d,]+ rows\): kilometres for miles\?/)
    const decisions = await millrace('decisions', '--json')
    const alerts = (
      JSON.parse(decisions.out) as {
        kind: string
        verdict: string
        inputs: { causes?: string[]; badWindows?: number }
      }[]
    ).filter(one => one.kind === 'alert' && one.verdict === 'firing')
    // one alert, though drift and scaler show it alike, with the first window of kilometres alone: the one in which the unit
    // changed is a mixture, and at most pending
    expect(alerts).toHaveLength(1)
    expect(alerts[0]?.inputs.badWindows).toBeLessThanOrEqual(2)
    expect(alerts[0]?.inputs.causes).toContain('scaler-window-unit')

    // What is served is followed to its source while it serves
    expect(await ready(url)).toBe(200)
    const workspace = await openWorkspace(folder, { project: project('trips', {}) })
    const digest = (await workspace.store.getModelVersion('lateness', 1))?.facts.scaler as Digest
    const path = await workspace.artifacts.localPath(digest)
    await workspace.close()
    await writeFile(path, '{"version":1,"features":[]}').catch(async () => {
      await rm(path)
      await writeFile(path, '{"version":1,"features":[]}')
    })
    for (let tries = 0; tries < 30 && (await ready(url)) === 200; tries++)
      await new Promise(resolve => setTimeout(resolve, 500))
    expect(await ready(url)).toBe(503)
    expect(await (await fetch(`${url}/readyz`)).text()).toContain('the scaler of lateness@1 cannot be proven')
    await end()
  })
})

async function ready(url: string): Promise<number> {
  return (await fetch(`${url}/readyz`)).status
}
