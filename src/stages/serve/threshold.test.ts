import { afterAll, beforeAll, expect, it } from 'vitest'
import { predicted } from '../../../test/support/rides-of.ts'
import { afterRides, late, type Trained, trainedProject } from '../../../test/support/trained-project.ts'
import { writeModelDefinition } from '../../define/written-model.ts'
import { csv, dataset, gbt, model, t, type Model } from '../../index.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import type { PredictRequest } from './types.ts'

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())

/** A version that was made with that threshold. */
async function made(threshold: number): Promise<number> {
  const { store, artifacts } = trained.workspace
  const { version: _, ...good } = (await store.getModelVersion('late', trained.versions.good)) as ModelVersion
  const written = writeModelDefinition({ ...(late as unknown as Model), threshold })
  const { digest } = await artifacts.put(JSON.stringify(written))
  return (await store.addModelVersion({ ...good, facts: { ...good.facts, declaration: digest } })).version
}

/** Rides of every length. */
const ridesOf = (name: string): readonly PredictRequest[] =>
  Array.from({ length: 40 }, (_, km) => ({
    id: `${name}-${km}`,
    row: { at: afterRides, zone: 'north', km },
  }))

/** Scores and labels of rides of every length, of a version that was made with that threshold. */
async function labelled(
  name: string,
  threshold: number,
): Promise<{ score: number; label: boolean | string | undefined }[]> {
  const live = (await trained.serve(trained.deployed(name).project)).get(name)
  if (!live) throw new Error(`${name} is not served`)
  await live.deploy(await made(threshold), 'test')
  return (await predicted(live, ridesOf(name))).map(({ score, label }) => ({ score, label }))
}

it('a score at the threshold of its model is labelled true, one below it false', async () => {
  const scores = (await labelled('whole', 0)).map(one => one.score)
  expect(new Set(scores).size).toBeGreaterThan(5)
  const middle = scores.toSorted((a, b) => a - b)[20] as number
  for (const [name, threshold] of [
    ['at', middle],
    ['above', middle + 1e-6],
    ['all', 0],
    ['none', 1.1],
  ] as const)
    for (const { score, label } of await labelled(name, threshold))
      expect([name, score, label]).toEqual([name, score, score >= threshold])
})

it('is a half where the model says none', async () => {
  const rides = dataset('rides', {
    source: csv('data/rides.csv'),
    columns: { at: t.timestamp('UTC'), km: t.float(), late: t.bool() },
    eventTime: 'at',
  })
  const plain = model('late', {
    task: 'binary',
    from: rides,
    label: c => c.late,
    inputs: c => ({ km: c.km }),
    split: { by: 'time', train: '30d', test: '10d' },
    train: gbt({ trees: 1 }),
  })
  expect(late.threshold).toBe(0.4)
  const answers = await labelled('plain', plain.threshold)
  expect(answers.map(one => one.label)).toEqual(answers.map(one => one.score >= 0.5))
  expect(new Set(answers.map(one => one.label)).size).toBe(2)
})

it('a challenger of another threshold decides by its own, and is held against what stable decides by its', async () => {
  const never = await made(1.1)
  const live = await trained.live('two-thresholds', {})
  await live.rollOut(never, 'test')
  expect(live.rollout?.config).toMatchObject({ threshold: 1.1, stableThreshold: late.threshold })
  const answers = await predicted(live, ridesOf('two-thresholds'))
  const yes = answers.filter(one => one.score >= 0.4).length
  expect([yes > 0, yes < answers.length]).toEqual([true, true])
  // the same file, so the same scores: each yes of stable is a no of the challenger
  expect(live.rollout?.shadow).toMatchObject({ rows: answers.length, sumDifference: 0, flips: yes })
})
