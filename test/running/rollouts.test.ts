import { spawn } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { ContestView } from '../../src/server/api-types.ts'
import { startUp, type Server } from '../support/command.ts'
import { inside as millrace } from '../support/inside.ts'
import { distanceOf, hostileModel } from '../support/hostile-model.ts'
import { orders, runningProject, until } from '../support/running.ts'

// Everything that docs/guide/rollouts.md says takes a challenger back, made to happen by an ONNX file through the HTTP of a real
// server, each beside what it just lets pass. With alpha 0.1 five errors are one too many, and seven of everything else.

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

interface View {
  readonly rollout: {
    readonly phase: string
    readonly hold: string | null
    readonly guardrails: Readonly<Record<string, { readonly canary: number; readonly all: number }>>
    readonly shadow: { readonly rows: number; readonly flips: number }
  }
  readonly evidence: { readonly segments: readonly { readonly segment: string }[] }
  readonly decisions: readonly { readonly verdict: string; readonly reason: string; readonly rule: { name: string } }[]
  readonly status: { readonly stable: { readonly version: number } }
}

let server: Server
let root: string
beforeAll(async () => {
  root = await runningProject('')
  const config = join(root, 'millrace.config.ts')
  const written = await readFile(config, 'utf8')
  const canary = (more: string): string => `{ alpha: 0.1, shadowRows: 1_000_000, ${more} }`
  const rolling = written
    .replace(
      "deployment('orders-api', { model: lateness })",
      `deployment('orders-api', { model: lateness, canary: ${canary("timeout: '300ms'")} })
const patient = deployment('patient-api', { model: lateness, canary: ${canary("timeout: '30s'")} })
const strict = deployment('strict-api', { model: lateness, canary: ${canary(`timeout: '30s', maxLatency: '60ms', slower: 1_000, maxMemory: ${300 * 2 ** 20}`)} })
const parted = deployment('parted-api', { model: lateness, canary: ${canary("timeout: '30s'")}, segments: c => c.weight.gt(900) })`,
    )
    .replace('lateness, api, watch', 'lateness, api, strict, patient, parted, watch')
  await writeFile(config, rolling)
  expect(await millrace(root, ['train'])).toMatchObject({ code: 0 })
  for (const name of ['orders-api', 'strict-api', 'patient-api', 'parted-api'])
    expect(await millrace(root, ['deploy', name])).toMatchObject({ code: 0 })
  await writeFile(join(root, 'hostile.onnx'), hostileModel())
  const scorer = "onnx('hostile.onnx', { inputs: { weight: 'weight', distance: 'distance' } })"
  await writeFile(config, rolling.replace(/gbt\(\{.*\}\)/, scorer).replace('{ csv,', '{ csv, onnx,'))
  expect(await millrace(root, ['train'])).toMatchObject({ code: 0 })
  await writeFile(config, rolling.replace(/gbt\(\{/, 'gbt({ seed: 9, '))
  expect(await millrace(root, ['train'])).toMatchObject({ code: 0 })
  server = await startUp(root)
})
afterAll(async () => void (await server.end('SIGKILL')))

async function ask<T>(path: string, body?: unknown): Promise<T> {
  const sent = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
  const answer = await fetch(`${server.url}/v1/deployments/${path}`, {
    headers: { 'content-type': 'application/json' },
    ...sent,
  })
  expect(answer.status, path).toBe(200)
  return (await answer.json()) as T
}

const [healthy] = orders(1, 7)
const rowsOf = (count: number, distance?: number) =>
  orders(count, 5).map(({ weight, distance: own }) => ({ weight, distance: distance ?? own }))

interface Answer {
  readonly predictions: readonly { readonly score: number; readonly arm: string; readonly version: number }[]
}
/** So many requests one after another, each answered by stable as if there were no challenger. */
async function predict(
  count: number,
  distance: number,
  name = 'orders-api',
  weight = healthy?.weight ?? 0,
): Promise<void> {
  for (let i = 0; i < count; i++) {
    const row = { weight, distance }
    const { predictions } = await ask<Answer>(`${name}/predict`, { rows: [row] })
    expect(predictions).toEqual([expect.objectContaining({ arm: 'stable', version: 1 })])
    expect(Number.isFinite(predictions[0]?.score)).toBe(true)
  }
}

/** Decisions before this rollout. */
let before = 0
/** When it is so, with the decision that it was, where there was one. */
async function view(what: string, holds: (view: View) => boolean, name = 'orders-api'): Promise<View> {
  return until(what, async () => {
    const found = await ask<View>(name)
    const decided = found.rollout.phase !== 'rolled-back' && found.rollout.hold === null
    return holds(found) && (decided || found.decisions.length > before) && found
  })
}
async function begin(name = 'orders-api'): Promise<void> {
  // one that a failed test has left
  const { rollout } = await ask<{ rollout: View['rollout'] | null }>(name)
  if (rollout && rollout.phase !== 'rolled-back') await abort(name)
  before = (await ask<View>(`${name}:rollout`, { version: 2 })).decisions.length
}
/** `rollout status --watch` in a process of its own: when it has told where the rollout stands, and what it told in all. */
function watch(name: string) {
  const words = [resolve('dist/cli/bin.js'), 'rollout', 'status', name, '--watch', '--json']
  const child = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  const begun = new Promise<void>(done =>
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      if (out.includes('\n')) done()
    }),
  )
  const ended = new Promise<{ readonly code: number | null; readonly out: string }>(done =>
    child.once('close', code => done({ code, out })),
  )
  return { begun, ended }
}
const abort = (name = 'orders-api') => ask(`${name}:abort`, {})
const over = (one: View): boolean => one.rollout.phase === 'rolled-back'
const told = ({ decisions, status }: View) => [decisions[0]?.verdict, decisions[0]?.rule.name, status.stable.version]

describe('a challenger in an ONNX file', () => {
  it.each([
    ['throws', 'error', distanceOf('throws'), 4, 'orders-api'],
    ['takes far longer than stable', 'latency', distanceOf('slow', 999), 6, 'patient-api'],
  ] as const)('that %s is taken back by what speaks against it, not one request earlier', async (...one) => {
    const [, kind, distance, most, name] = one
    await begin(name)
    await predict(most, distance, name)
    const heard = await view('heard', each => each.rollout.guardrails[kind]?.canary === most, name)
    expect(heard.rollout.phase).toBe('shadow')
    await predict(1, distance, name)
    expect(told(await view('taken back', over, name))).toEqual(['rolled-back', `guardrail ${kind}`, 1])
  })

  it('that takes longer in one segment alone is taken back for it, by its name, not one request earlier', async () => {
    await begin('parted-api')
    await predict(60, 10, 'parted-api')
    await predict(5 + 12, distanceOf('slow', 999), 'parted-api', 950)
    const near = await view('heard', one => one.rollout.shadow.rows === 77, 'parted-api')
    // well overall
    expect(near.rollout.guardrails['latency']?.canary).toBeLessThan(30)
    expect(near.rollout.phase).toBe('shadow')
    expect(near.evidence.segments[0]).toMatchObject({
      segment: 'weight > 900 = true',
      kind: 'latency',
      canary: 12,
      all: 12,
    })
    expect((await millrace(root, ['rollout', 'status', 'parted-api'])).out).toMatch(
      /weight > 900 = true +latency +17 +12 +12 +\d/,
    )
    await predict(1, distanceOf('slow', 999), 'parted-api', 950)
    const taken = await view('taken back', over, 'parted-api')
    expect(told(taken)).toEqual(['rolled-back', 'segment guardrail latency', 1])
    expect(taken.decisions[0]?.reason).toMatch(/^where weight > 900 = true, of lateness@2 and lateness@1 one took more/)
  })

  it('is watched to its end from the command line, each change a line, with what the server alone knows', async () => {
    await begin()
    const watching = watch('orders-api')
    await watching.begun
    await predict(2, 10)
    await view('heard', one => one.rollout.shadow.rows === 2)
    await predict(5, distanceOf('throws'))
    const { code, out } = await watching.ended
    interface Line {
      readonly rollout: View['rollout']
      readonly decisions: View['decisions']
    }
    const lines = out
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Line)
    const told = lines.map(one => [one.rollout.phase, one.decisions.map(each => each.rule.name)])
    expect([code, ...told]).toEqual([1, ['shadow', []], ['rolled-back', ['guardrail error']]])
    // the counts of a last look without the server are those of the store; with it they are whole
    expect(lines.at(-1)?.rollout.shadow.rows).toBe(2)
  })

  it('that throws in a contest is taken out of it, nobody is answered otherwise, and the other goes on', async () => {
    expect(await millrace(root, ['rollout', 'contest', 'strict-api', '--versions', '2,3'])).toMatchObject({ code: 0 })
    const standings = async (): Promise<readonly string[]> => {
      const { contest } = await ask<{ contest: ContestView }>('strict-api')
      return contest.challengers.map(one => one.standing)
    }
    await predict(7, distanceOf('throws'), 'strict-api')
    expect(await until('taken out', async () => (await standings())[0] === 'out' && standings())).toEqual([
      'out',
      'open',
    ])
    await predict(1, 10, 'strict-api')
    expect((await millrace(root, ['rollout', 'status', 'strict-api'])).out).toMatch(
      /lateness@2 +out .*\n.*lateness@3 +open/,
    )
    const { code, out } = await millrace(root, [
      'rollout',
      'choose',
      'strict-api',
      '--version',
      '3',
      '--reason',
      'whole',
    ])
    expect([code, out]).toEqual([0, expect.stringContaining('done by the server')])
    expect(await ask('strict-api')).toMatchObject({
      contest: { phase: 'chosen', chosen: 'lateness@3' },
      rollout: { phase: 'shadow', config: { challenger: 'lateness@3' } },
    })
    await abort('strict-api')
    const found = await until('kept', async () => {
      const replayed = await millrace(root, ['rollout', 'replay', 'strict-api', '--json'])
      const { decisions } = JSON.parse(replayed.out) as {
        decisions: { verdict: string; rule: string; found: string }[]
      }
      const own = decisions.filter(one => /chosen/.test(one.verdict) || one.rule === 'guardrail error')
      return own.length === 2 && own.map(one => `${one.verdict} ${one.rule} ${one.found}`)
    })
    expect(found).toEqual(['rolled-back guardrail error agrees', 'chosen command choose agrees'])
  })

  it('that is beyond the stated latency is taken back, though it may take longer than stable', async () => {
    await begin('strict-api')
    await predict(20, 10, 'strict-api')
    const fast = await view('heard', one => one.rollout.shadow.rows === 20, 'strict-api')
    expect([fast.rollout.phase, fast.rollout.guardrails['slow']?.canary]).toEqual(['shadow', 0])
    await predict(12, distanceOf('slow', 999), 'strict-api')
    expect(told(await view('taken back', over, 'strict-api'))).toEqual(['rolled-back', 'guardrail slow', 1])
  })

  it('that gives what is no number is taken back at once', async () => {
    await begin()
    await predict(3, 10)
    expect((await view('heard', one => one.rollout.shadow.rows === 3)).rollout.phase).toBe('shadow')
    await predict(1, distanceOf('notANumber'))
    expect(told(await view('taken back', over))).toEqual(['rolled-back', 'finite scores', 1])
  })

  it('that takes memory beyond what is allowed is taken back, one that takes less is not', async () => {
    await begin('strict-api')
    await predict(1, distanceOf('memory', 100), 'strict-api')
    expect((await view('heard', one => one.rollout.shadow.rows === 1, 'strict-api')).rollout.phase).toBe('shadow')
    await predict(1, distanceOf('memory', 900), 'strict-api')
    expect(told(await view('taken back', over, 'strict-api'))).toEqual(['rolled-back', 'memory', 1])
  })

  it('that decides otherwise far more often than good versions do is held for a person', async () => {
    await begin()
    await ask('orders-api/predict', { rows: rowsOf(220) })
    await ask('orders-api/predict', { rows: rowsOf(36, distanceOf('flips')) })
    const near = await view('heard', one => one.rollout.shadow.rows === 256)
    expect(near.rollout.hold).toBeNull()
    expect(near.rollout.shadow.flips).toBeGreaterThan(30)
    await ask('orders-api/predict', { rows: rowsOf(256, distanceOf('flips')) })
    const held = await view('held', one => one.rollout.hold === 'alarm')
    expect(told(held)).toEqual(['held', 'shadow disagreement', 1])
    await abort()
  })

  it('that hangs keeps nobody waiting, and is taken back', async () => {
    await begin()
    await predict(5, distanceOf('hangs'))
    // five are answered before any deadline was waited for: one process, one request at a time
    expect((await ask<View>('orders-api')).rollout.guardrails['timeout']?.canary).toBeLessThan(5)
    for (let i = 0; i < 200 && !over(await ask<View>('orders-api')); i++) {
      await predict(1, distanceOf('hangs'))
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    expect(told(await view('taken back', over))).toEqual(['rolled-back', 'guardrail timeout', 1])
  })

  it('is decided on by events that are kept: every decision is made again', async () => {
    for (const name of ['orders-api', 'strict-api', 'patient-api', 'parted-api']) {
      const { code, out } = await millrace(root, ['rollout', 'replay', name, '--json'])
      const { decisions, events } = JSON.parse(out) as { decisions: { found: string }[]; events: number }
      expect([code, new Set(decisions.map(one => one.found))]).toEqual([0, new Set(['agrees'])])
      expect(decisions.length).toBe({ 'orders-api': 6, 'strict-api': 5, 'patient-api': 1, 'parted-api': 1 }[name])
      expect(events).toBeGreaterThan(5)
    }
  })

  it('leaves a state in which doctor finds nothing wrong; events that are damaged are named, and not replayed', async () => {
    const state = (said: string) => said.split('\n').filter(line => /rollout events|serving journals/.test(line))
    const [journals, events] = state((await millrace(root, ['doctor'])).out)
    expect(journals).toMatch(/✓ +serving journals +[1-9]/)
    expect(events).toMatch(/✓ +rollout events +[1-9]/)
    const folder = join(root, '.millrace', 'serving', 'patient-api', 'events')
    const path = join(folder, (await readdir(folder)).sort()[0] as string)
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replace('"at":1', '"at":2'))
    try {
      const looked = await millrace(root, ['doctor'])
      expect(looked.code).toBe(3)
      expect(looked.out).toMatch(/✗ +rollout events +damaged: .*patient-api\/events\/\d{9}\.jsonl \(1 line\)/)
      const { code, out, said } = await millrace(root, ['rollout', 'replay', 'patient-api'])
      expect([code, said]).toEqual([1, expect.stringContaining('1 line of')])
      expect(out).not.toContain('agrees')
    } finally {
      await writeFile(path, text)
    }
  })

  it('that does nothing of the kind is not taken back', async () => {
    await begin()
    await predict(100, 10)
    const { rollout } = await view('heard', one => one.rollout.shadow.rows === 100)
    expect([rollout.phase, rollout.hold]).toEqual(['shadow', null])
    await abort()
  })
})
