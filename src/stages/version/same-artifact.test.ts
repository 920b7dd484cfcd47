import { expect, it } from 'vitest'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import { sameArtifacts } from './same-artifact.ts'

it('names the first version of the same model that is the same file', () => {
  const version = (model: string, number: number, digest: string): ModelVersion => ({
    model,
    version: number,
    digest: `sha256:${digest}`,
    runId: 'r',
    createdAt: 0,
    metrics: {},
    facts: {},
    tags: {},
  })
  const all = [version('a', 3, 'x'), version('a', 2, 'y'), version('a', 1, 'x'), version('b', 1, 'y')]
  expect([...sameArtifacts(all).values()]).toEqual([1, null, null, null])
})
