import { expect } from 'vitest'
import type { LiveDeployment } from '../../src/stages/serve/deployment.ts'
import type { Prediction, PredictRequest } from '../../src/stages/serve/types.ts'
import type { Trained } from './trained-project.ts'

/** Answers, when the challenger of a rollout has been heard as well. */
export async function predicted(
  live: LiveDeployment,
  requests: readonly PredictRequest[],
): Promise<readonly Prediction[]> {
  const answers = await live.predict(requests)
  await live.settled()
  return answers
}

/** What tests of deployments ask of a trained project, which is there once they run. */
export function ridesOf(trained: () => Trained) {
  /** A short ride in the north, half an hour before the end. */
  const row = (km = 12, zone = 'north') => ({ at: trained().clock.now(), zone, km })
  const many = (count: number, zone?: string) =>
    Array.from({ length: count }, (_, i) => ({ id: `r${i}`, row: row(1 + (i % 40), zone) }))

  const digestOf = async (version: number): Promise<string> =>
    (await trained().workspace.store.getModelVersion('late', version))?.digest ?? ''
  const decisionsOf = async (name: string, kind: 'rollout' | 'promotion' | 'gate') =>
    (await trained().workspace.store.listDecisions({ kind })).filter(one => one.subject === `deployment ${name}`)

  /** Past the thousand rows of shadow. */
  async function past(live: LiveDeployment): Promise<void> {
    await predicted(live, many(1000))
    expect(live.rollout?.phase).toBe('step')
  }
  const arms = (answers: readonly Prediction[]): ReadonlySet<string> => new Set(answers.map(one => one.arm))
  return { row, many, digestOf, decisionsOf, past, arms }
}
