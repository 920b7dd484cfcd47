import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { openTestEngine } from '../../test/support/engine.ts'
import { digestBytes } from '../internal/digest.ts'
import { ulid } from '../internal/ids.ts'
import type { StepContext, StepDefinition } from './step.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-driver-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

type Behaviour = 'good' | 'error' | 'refuses'
const graphs = fc.record({
  steps: fc.array(
    fc.record({
      upstream: fc.array(fc.nat(6), { maxLength: 2 }),
      does: fc.constantFrom<Behaviour>('good', 'good', 'good', 'good', 'error', 'refuses'),
      cache: fc.constantFrom<'auto' | 'never'>('auto', 'auto', 'never'),
    }),
    { minLength: 1, maxLength: 7 },
  ),
  concurrency: fc.integer({ min: 1, max: 3 }),
})

const refusal = (context: StepContext) => ({
  id: ulid(),
  kind: 'gate' as const,
  subject: 's',
  at: context.clock.now(),
  verdict: 'refused' as const,
  reason: 'too low',
  rule: { name: 'r' },
  inputs: {},
  evidence: [],
  actor: 'system' as const,
})

test('whatever fails where: each step runs once after all that it needs, the rest is skipped with the cause, and what is good is not made again', async () => {
  await fc.assert(
    fc.asyncProperty(graphs, async ({ steps: given, concurrency }) => {
      const { engine, store, events, close } = await openTestEngine(mkdtempSync(join(root, 'p-')), { concurrency })
      const upstream = given.map((one, i) => [...new Set(one.upstream.filter(other => other < i))])
      const [ran, ended]: [string[], Set<string>] = [[], new Set()]
      let atOnce = 0
      const steps = given.map(
        ({ does, cache }, i): StepDefinition => ({
          name: `s${i}`,
          inputs: {},
          after: (upstream[i] ?? []).map(other => `s${other}`),
          parameters: null,
          code: digestBytes(`s${i}`),
          environment: null,
          runsIn: 'inline',
          cache,
          async run(context) {
            ran.push(context.step)
            atOnce++
            expect(atOnce).toBeLessThanOrEqual(concurrency)
            for (const other of upstream[i] ?? []) expect(ended.has(`s${other}`)).toBe(true)
            await context.clock.sleep(0)
            atOnce--
            if (does === 'error') throw new Error(`${context.step} broke`)
            if (does === 'good') ended.add(context.step)
            const outputs = { out: await context.save('json', `"${context.step}"`) }
            return does === 'refuses' ? { outputs, decisions: [refusal(context)] } : { outputs }
          },
        }),
      )
      // What should come of it: a step runs when all before it are good
      const good: boolean[] = []
      const expected = given.map(({ does }, i) => {
        const able = (upstream[i] ?? []).every(other => good[other])
        good[i] = able && does === 'good'
        return able ? (does === 'good' ? 'succeeded' : 'failed') : 'skipped'
      })
      const roots = (i: number): string[] =>
        expected[i] === 'failed'
          ? [`step s${i} ended as failed`]
          : (upstream[i] ?? []).filter(o => !good[o]).flatMap(roots)

      const first = await engine.run({ name: 'driven', steps })
      const byName = (list: readonly { step: string }[]) => [...list].sort((a, b) => (a.step < b.step ? -1 : 1))
      expect(byName(first.steps)).toMatchObject(expected.map((status, i) => ({ step: `s${i}`, status })))
      expect([...ran].sort()).toEqual(expected.flatMap((status, i) => (status === 'skipped' ? [] : [`s${i}`])))
      for (const record of first.steps)
        if (record.status === 'skipped') {
          expect(roots(Number(record.step.slice(1)))).toContain(record.reason)
          expect(record.attempt).toBe(0)
        }
      const failed = expected.flatMap((status, i) => (status === 'failed' ? [`s${i}`] : []))
      expect(first.status).toBe(failed.length === 0 ? 'succeeded' : 'failed')
      if (failed.length === 0) expect(first.error).toBeUndefined()
      else {
        const at = Number(String(first.error?.['step']).slice(1))
        expect(failed).toContain(`s${at}`)
        const gate = given[at]?.does === 'refuses'
        expect(first.error).toMatchObject(
          gate ? { class: 'gate', exit: 1, reason: 'too low' } : { class: 'error', exit: 3, reason: `s${at} broke` },
        )
      }
      // What is stored is what was given back, and what was told as it happened
      const stored = byName(await store.listSteps(first.runId))
      expect(stored).toMatchObject(byName(first.steps).map(one => ({ ...one })))
      const run = await store.getRun(first.runId)
      expect([run?.status, run?.error]).toEqual([first.status, first.error])
      const told = events.flatMap(event => (event.type === 'step' ? [`${event.step} ${event.status}`] : []))
      expect([...told].sort()).toEqual(
        first.steps
          .flatMap(({ step, status }) => (status === 'skipped' ? [] : [`${step} running`]).concat(`${step} ${status}`))
          .sort(),
      )
      expect(events.at(-1)).toMatchObject({
        type: 'run',
        runId: first.runId,
        name: 'driven',
        status: first.status,
        ...(first.error === undefined ? {} : { reason: first.error['reason'] }),
      })

      ran.length = 0
      const second = await engine.run({ name: 'driven', steps })
      expect(second.status).toBe(first.status)
      expect([...ran].sort()).toEqual(
        expected.flatMap((status, i) =>
          status === 'failed' || (status === 'succeeded' && given[i]?.cache === 'never') ? [`s${i}`] : [],
        ),
      )
      for (const record of second.steps) {
        const i = Number(record.step.slice(1))
        const kept = expected[i] === 'succeeded' && given[i]?.cache !== 'never'
        if (kept) expect(record).toMatchObject({ status: 'reused', reusedFrom: first.runId, attempt: 0 })
        else expect(record.status).toBe(expected[i])
        if (given[i]?.cache === 'never' && record.status !== 'skipped')
          expect(record.reason).toBe('it is declared to run every time')
      }
      // no lock stays behind
      expect(await store.listDocuments('step-lock')).toEqual([])
      await close()
    }),
    { numRuns: 25 },
  )
})

test('as many steps run at once as are allowed, two unless it is said', async () => {
  for (const [options, wanted] of [
    [{}, 2],
    [{ concurrency: 1 }, 1],
    [{ concurrency: 3 }, 3],
  ] as const) {
    const { engine, close } = await openTestEngine(mkdtempSync(join(root, 'c-')), options)
    let [now, most] = [0, 0]
    const steps = Array.from(
      { length: 5 },
      (_, i): StepDefinition => ({
        name: `s${i}`,
        inputs: {},
        parameters: null,
        code: digestBytes(`s${i}`),
        environment: null,
        runsIn: 'inline',
        async run({ clock }) {
          most = Math.max(most, ++now)
          await clock.sleep(60)
          now--
          return { outputs: {} }
        },
      }),
    )
    expect((await engine.run({ name: 'c', steps })).status).toBe('succeeded')
    expect(most).toBe(wanted)
    await close()
  }
})

test('a gate that says no owes nothing to the steps that it stops; one that says yes does', async () => {
  const { engine, close } = await openTestEngine(mkdtempSync(join(root, 'g-')))
  const gate = (no: boolean): StepDefinition => ({
    name: 'gate',
    inputs: {},
    parameters: no,
    code: digestBytes('gate'),
    environment: null,
    runsIn: 'inline',
    run: context => ({ outputs: {}, decisions: no ? [refusal(context)] : [] }),
  })
  const after: StepDefinition = {
    ...gate(false),
    name: 'after',
    inputs: { of: { from: { step: 'gate', output: 'out' } } },
  }
  expect((await engine.run({ name: 'g', steps: [gate(true), after] })).error).toMatchObject({ class: 'gate', exit: 1 })
  expect((await engine.run({ name: 'g', steps: [gate(false), after] })).error).toMatchObject({
    class: 'contract',
    exit: 3,
    reason: 'it did not give the output out that a later step needs',
  })
  await close()
})
