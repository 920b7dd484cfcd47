import { mkdtemp, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import type { DemoResult } from '../src/cli/demo/result.ts'
import { millrace } from './support/command.ts'

/** Six months at a fifteenth of their flights: small enough for a test, enough for the canary's statistics. */
const rows = 200_000

it('the demo plays the story that the guide tells', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'millrace-demo-'))
  // where a project has vega-datasets, and below it nothing is shared with this package
  await symlink(resolve('node_modules'), join(cwd, 'node_modules'))
  const said = await millrace(cwd, ['demo', '--rows', String(rows), '--json'])
  expect(said.code, said.said).toBe(0)
  const found = JSON.parse(said.out) as DemoResult

  // of three million flights as many as were asked for, chosen by content
  expect(Math.abs(found.rows.read / rows - 1)).toBeLessThan(0.1)

  // data: what is damaged is caught, all of it
  expect(found.damagedBatch.refused).toBe(true)
  expect(found.damagedBatch.caught).toBe(found.damagedBatch.injected)
  expect(found.damagedBatch.injected).toBeGreaterThan(1_000)

  // proofs: a leak looks better offline than it is online; known times look as they are
  const { leakyOffline, leakyOnline, knownTimeOffline, knownTimeOnline } = found.auc
  expect(leakyOffline - leakyOnline).toBeGreaterThan(0.01)
  expect(Math.abs(knownTimeOffline - knownTimeOnline)).toBeLessThan(1e-5)
  expect(found.featuresVerified.mismatches).toBe(0)
  expect(found.featuresVerified.compared).toBeGreaterThan(100_000)
  expect(found.reproduced).toBe(true)

  // the saboteur's version is refused by name; declared as meant, it is rolled back by what it costs
  expect(found.unitCheck).toMatch(/^distance is 1\.609 times what it was: kilometres for miles\?/)
  expect(found.rollouts[0]).toMatchObject({ challenger: 'lateness@2', verdict: 'rolled-back' })
  expect(found.rollouts[0]?.evidence).toMatch(/labelled rows lateness@2 loses 0\.\d+ more a row than lateness@1/)

  // spring is no drift; the day on which short flights went is, and by their distance
  expect(found.windows).toBeGreaterThan(80)
  expect(found.drift[0]?.window).toBe(found.change.at)
  expect(found.drift[0]?.reason).toMatch(/distance: mean \+0\.\d+ sd/)
  expect(found.alerts).toBe(1)

  // two days of it retrain; the challenger is scored on the same rows as the champion, and judged
  expect(found.retrains[0]).toMatchObject({ trigger: 'drift', verdict: 'challenging' })
  expect(found.retrains[0]?.at.slice(0, 10)).toBe('2001-05-16')
  expect(found.retrains[0]?.because).toMatch(/distance: mean \+0\.\d+ sd/)
  const challenger = found.rollouts[1]
  expect(challenger?.challenger).toBe('lateness@3')
  expect(challenger?.sameRows?.rows).toBeGreaterThan(5_000)
  for (const auc of [challenger?.sameRows?.challenger, challenger?.sameRows?.champion]) {
    expect(auc).toBeGreaterThan(0.6)
    expect(auc).toBeLessThan(0.8)
  }
  expect(['promoted', 'rolled-back']).toContain(challenger?.verdict)
  expect(challenger?.evidence).toMatch(/lateness@3 .* lateness@1/)

  // what it left is a project like any other
  const left = join(cwd, '.millrace', 'demo')
  expect((await millrace(left, ['monitor'])).out).toContain('distance: mean +')
  expect((await millrace(left, ['models', 'list'])).out).toContain('lateness')
}, 900_000)
