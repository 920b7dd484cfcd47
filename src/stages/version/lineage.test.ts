import { describe, expect, it } from 'vitest'
import type { LineageEdge } from '../../ports/metadata-store.ts'
import { lineageOf } from './lineage.ts'

/** A store of edges. */
const storeOf = (edges: readonly LineageEdge[]) => ({
  edgesTo: async (nodes: readonly string[]) => edges.filter(edge => nodes.includes(edge.to)),
  edgesFrom: async (nodes: readonly string[]) => edges.filter(edge => nodes.includes(edge.from)),
})

/** A run: validate gives the snapshot, train the model, which becomes a version. */
function runOf(run: string, snapshot: string, model: string, version: string): LineageEdge[] {
  const [validate, train] = [`step:${run}/validate`, `step:${run}/train`]
  return [
    { from: 'sha256:file', to: validate, relation: 'input:file' },
    { from: validate, to: snapshot, relation: 'output:data' },
    { from: snapshot, to: train, relation: 'input:data' },
    { from: train, to: model, relation: 'output:model' },
    { from: model, to: `model:${version}`, relation: 'registered as' },
    { from: `run:${run}`, to: `model:${version}`, relation: 'made' },
  ]
}

const nodesOf = (edges: readonly LineageEdge[]) => [...new Set(edges.flatMap(edge => [edge.from, edge.to]))]

describe('runs that gave the same bytes', () => {
  // The second run trained on another snapshot, and its model is the same to the byte
  const store = storeOf([
    ...runOf('A', 'sha256:s1', 'sha256:m', 'late@1'),
    ...runOf('B', 'sha256:s2', 'sha256:m', 'late@2'),
  ])

  it('keep their own histories', async () => {
    const first = nodesOf((await lineageOf(store, 'model:late@1')).from)
    expect(first).toContain('sha256:s1')
    expect(first).not.toContain('sha256:s2')
    const second = nodesOf((await lineageOf(store, 'model:late@2')).from)
    expect(second).toContain('sha256:s2')
    expect(second).not.toContain('sha256:s1')
  })

  it('and their own uses', async () => {
    const used = nodesOf((await lineageOf(store, 'sha256:s1')).to)
    expect(used).toContain('model:late@1')
    expect(used).not.toContain('model:late@2')
  })

  it('share what is asked of the bytes themselves', async () => {
    const { from, to } = await lineageOf(store, 'sha256:m')
    expect(nodesOf(from)).toEqual(expect.arrayContaining(['sha256:s1', 'sha256:s2']))
    expect(nodesOf(to)).toEqual(expect.arrayContaining(['model:late@1', 'model:late@2']))
  })
})

it('a reused step names where it was made first, and does not take over what went into it there', async () => {
  // Run B takes the result of A's training although its snapshot went another way: the step saw the same bytes
  const store = storeOf([
    ...runOf('A', 'sha256:s', 'sha256:m', 'late@1'),
    { from: 'sha256:old', to: 'step:A/validate', relation: 'input:readmitted-1' },
    ...runOf('B', 'sha256:s', 'sha256:m', 'late@2'),
    { from: 'step:A/train', to: 'step:B/train', relation: 'reused' },
  ])
  const back = nodesOf((await lineageOf(store, 'model:late@2')).from)
  expect(back).toContain('step:A/train')
  expect(back).not.toContain('sha256:old')
})

it('what a run took from outside leads to the run that made it', async () => {
  const store = storeOf([
    { from: 'step:A/repair', to: 'sha256:rows', relation: 'output:rows' },
    { from: 'sha256:quarantine', to: 'sha256:rows', relation: 'repaired' },
    { from: 'sha256:rows', to: 'step:B/validate', relation: 'input:readmitted-1' },
    { from: 'step:B/validate', to: 'sha256:s', relation: 'output:data' },
  ])
  expect(nodesOf((await lineageOf(store, 'sha256:s')).from)).toEqual(
    expect.arrayContaining(['step:A/repair', 'sha256:quarantine']),
  )
  expect(nodesOf((await lineageOf(store, 'sha256:quarantine')).to)).toContain('sha256:s')
})

it('says where limits cut it off, and ends where edges go round', async () => {
  const ring = storeOf([
    { from: 'a', to: 'b', relation: 'x' },
    { from: 'b', to: 'a', relation: 'x' },
  ])
  expect(await lineageOf(ring, 'a')).toMatchObject({ complete: true })
  expect(await lineageOf(ring, 'a', { maxDepth: 1 })).toMatchObject({ complete: false })
})
