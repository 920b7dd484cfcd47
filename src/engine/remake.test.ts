import { chmodSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { objectPath, layoutOf } from '../adapters/artifacts/fs/layout.ts'
import { openTestEngine } from '../../test/support/engine.ts'
import { digestBytes, type Digest } from '../internal/digest.ts'
import { ulid } from '../internal/ids.ts'
import type { StepContext, StepDefinition } from './step.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-remake-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

/** A step that gives its name and what it was given; the oracle of its content is the same sentence without the engine. */
function step(name: string, salt: string, upstream: readonly string[], cache: boolean): StepDefinition {
  return {
    name,
    inputs: Object.fromEntries(upstream.map(from => [from, { from: { step: from, output: 'out' } }])),
    parameters: salt,
    code: digestBytes(name),
    environment: {},
    runsIn: 'inline',
    retry: { infrastructure: 0 },
    ...(cache ? {} : { cache: 'never' }),
    async run(context: StepContext) {
      const given = await Promise.all(upstream.map(async from => (await context.inputs[from]?.bytes()) ?? ''))
      return { outputs: { out: await context.save('file', contentOf(name, salt, given.map(String))) } }
    },
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()
const contentOf = (name: string, salt: string, given: readonly string[]): string =>
  `${name} ${salt} (${given.map(one => (/^[\d,]+$/.test(one) ? text(Uint8Array.from(one.split(',').map(Number))) : one)).join(' ')})`

/** Who each of up to seven steps comes after, and which of their artifacts are damaged how. */
const graphs = fc.record({
  upstream: fc
    .array(fc.array(fc.nat(5), { maxLength: 3 }), { minLength: 2, maxLength: 7 })
    .map(lists => lists.map((list, i) => [...new Set(list.filter(other => other < i))])),
  cached: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
  damage: fc.array(fc.constantFrom('', '', 'flip', 'gone', 'cut'), { minLength: 7, maxLength: 7 }),
})

test('whatever artifacts of an earlier run are damaged or gone, the next run makes again what it needs', async () => {
  const { engine, artifacts, root: place, close } = await openTestEngine(root)
  await fc.assert(
    fc.asyncProperty(graphs, async ({ upstream, cached, damage }) => {
      const salt = ulid()
      const names = upstream.map((_, i) => `s${i}`)
      const last = names.length
      const steps = [
        ...upstream.map((list, i) =>
          step(
            `s${i}`,
            salt,
            list.map(other => `s${other}`),
            cached[i] === true,
          ),
        ),
        // Reads everything, every time
        step(`s${last}`, salt, names, false),
      ]
      const first = await engine.run({ name: 'remake', steps })
      expect(first.status).toBe('succeeded')
      const digests = first.steps.map(one => one.outputs?.['out']?.digest as Digest)
      const contents = await Promise.all(digests.map(async digest => text(await artifacts.get(digest))))
      digests.slice(0, last).forEach((digest, i) => {
        const path = objectPath(layoutOf(place), digest)
        if (damage[i] === '' || damage[i] === undefined) return
        chmodSync(path, 0o600)
        if (damage[i] === 'gone') unlinkSync(path)
        else writeFileSync(path, damage[i] === 'cut' ? 'x' : 'x'.repeat((contents[i] ?? '').length))
      })
      const second = await engine.run({ name: 'remake', steps })
      expect(second.error).toBeUndefined()
      expect(second.steps.map(one => one.outputs?.['out']?.digest)).toEqual(digests)
      for (const [i, digest] of digests.entries()) expect(text(await artifacts.get(digest))).toBe(contents[i])
    }),
    { numRuns: 25 },
  )
  await close()
})

test('an artifact that no step of the run makes ends it by name, at once', async () => {
  const { engine, artifacts, root: place, close } = await openTestEngine(root)
  const { digest, size } = await artifacts.put(`given ${ulid()}`)
  unlinkSync(objectPath(layoutOf(place), digest))
  const reader: StepDefinition = {
    ...step('reader', ulid(), [], false),
    inputs: { given: { from: { type: 'file', digest, size } } },
    async run(context) {
      return { outputs: { out: await context.save('file', (await context.inputs['given']?.bytes()) ?? '') } }
    },
  }
  const result = await engine.run({ name: 'remake', steps: [reader] })
  expect(result).toMatchObject({ status: 'failed', error: { step: 'reader', code: 'MR3003', lost: digest } })
  expect(String(result.error?.['reason'])).toContain(digest)
  // Waiting and trying again finds it no better
  expect(result.steps[0]?.attempt).toBe(1)
  await close()
})
