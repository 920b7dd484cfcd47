import assert from 'node:assert/strict'
import type { Decision } from '../define/decision.ts'
import type { Report } from '../define/report.ts'
import { digestBytes } from '../internal/digest.ts'
import { ulid } from '../internal/ids.ts'
import type { ProcessIdentity } from '../ports/executor.ts'
import type { ArtifactRef, CacheEntry, MetadataStore, RunRecord, StepRecord } from '../ports/metadata-store.ts'
import type { ContractCase } from './contract.ts'

const at = 1_700_000_000_000_123
const owner = (pid: number): ProcessIdentity => ({ host: 'a', bootId: 'b', pid, startTime: '77' })
const output: ArtifactRef = { type: 'json', digest: digestBytes('x'), size: 1, meta: { rows: 3 } }

function run(over: Partial<RunRecord> = {}): RunRecord {
  return {
    id: ulid(),
    kind: 'pipeline',
    name: 'lateness',
    status: 'running',
    trigger: 'manual',
    startedAt: at,
    environment: { node: 'v20', dirty: null },
    parameters: { depth: 6, nested: { a: [1, 'two'] } },
    ...over,
  }
}

function step(runId: string, over: Partial<StepRecord> = {}): StepRecord {
  return { runId, step: 'train', status: 'pending', attempt: 0, ...over }
}

const decision = (subject: string, kind: Decision['kind'] = 'rollout'): Decision => ({
  id: ulid(),
  kind,
  subject,
  at,
  verdict: 'refused',
  reason: 'auc 0.61 is below 0.66',
  rule: { name: 'auc', threshold: 0.66, value: 0.61 },
  inputs: { auc: 0.61 },
  evidence: ['report:1'],
  actor: 'system',
})

async function rejectsWith(code: string, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error: { code?: string }) => error.code === code)
}

/**
 * What every metadata store must do. `open` gives a store each case may fill as it likes; it need not be empty, since
 * every case makes its own names. Each case closes what it opened.
 */
export function metadataStoreContract(open: () => Promise<MetadataStore>): readonly ContractCase[] {
  const cases: ContractCase[] = []
  const add = (name: string, body: (store: MetadataStore) => Promise<void>): void => {
    cases.push({
      name,
      async run() {
        const store = await open()
        try {
          await body(store)
        } finally {
          await store.close()
        }
      },
    })
  }

  add('what could not be read back is refused, and nothing of it is written', async store => {
    const kept = run({ kind: 'tracking' })
    await store.createRun(kept)
    const before = await store.listRuns({ name: kept.name })
    for (const bad of [2 ** 53, -(2 ** 53), 2 ** 63, 1e308, Infinity, Number.NaN, 1.5]) {
      const refused = async (work: Promise<unknown>): Promise<void> => rejectsWith('MR3027', work)
      await refused(store.createRun(run({ startedAt: bad })))
      await refused(store.createRun(run({ endedAt: bad })))
      await refused(store.createRun(run({ lease: { owner: owner(1), until: bad } })))
      await refused(store.updateRun(kept.id, { name: 'changed', endedAt: bad }))
      await refused(store.acquireRunLease(kept.id, owner(1), bad, at))
      await refused(
        store.commitRun({
          runId: kept.id,
          lease: { owner: owner(1), until: at },
          end: { status: 'failed', endedAt: bad },
        }),
      )
      await refused(store.putStep(step(kept.id, { startedAt: bad })))
      await refused(store.putSteps([step(kept.id), step(kept.id, { step: 'other', attempt: bad })]))
      await refused(store.putDocument('edge', kept.id, {}, bad))
      await refused(store.addWindows([{ monitor: kept.id, series: 's', from: at, to: bad, body: {} }]))
      await refused(store.createExperiment({ name: ulid(), createdAt: bad, updatedAt: at, deleted: false, tags: {} }))
      const point = { key: 'auc', value: 1, timestamp: 1, step: 1 }
      const metrics = [point, { ...point, key: 'b', timestamp: bad }]
      await refused(store.logBatch(kept.id, { metrics, params: { depth: '3' }, tags: { a: 'b' } }))
      await refused(store.logBatch(kept.id, { metrics: [{ ...point, step: bad }] }))
    }
    for (const bad of ['a\0b', 'half \ud83d of a pair']) {
      await rejectsWith('MR3027', store.createRun(run({ name: bad })))
      await rejectsWith('MR3027', store.updateRun(kept.id, { name: bad }))
      await rejectsWith('MR3027', store.logBatch(kept.id, { tags: { key: bad } }))
      await rejectsWith('MR3027', store.logBatch(kept.id, { params: { [bad]: 'value' } }))
      await rejectsWith('MR3027', store.getRun(bad))
      await rejectsWith('MR3027', store.getDocument('token', bad))
    }
    assert.deepEqual(await store.listRuns({ name: kept.name }), before)
    assert.deepEqual(await store.listSteps(kept.id), [])
    assert.deepEqual([await store.runParams(kept.id), await store.runTags(kept.id)], [{}, {}])
    assert.deepEqual(await store.latestMetrics(kept.id), [])
  })

  add('the farthest times and counts and any double of a metric come back as they were written', async store => {
    for (const edge of [Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 0]) {
      const made = run({ startedAt: edge, endedAt: edge })
      await store.createRun(made)
      assert.deepEqual(await store.getRun(made.id), made)
      for (const value of [1e308, -1e308, 5e-324, -1e-17, -1 + 2 ** -53, 2 ** 63, Number.NaN, 0.1]) {
        const point = { key: `at ${value}`, value, timestamp: edge, step: edge }
        await store.logBatch(made.id, { metrics: [point] })
        assert.deepEqual(await store.metricHistory(made.id, point.key, 0, 5), [point])
      }
      await store.putDocument('edge', made.id, { any: 1e300 }, edge)
      assert.equal((await store.getDocument('edge', made.id))?.at, edge)
    }
  })

  add('a run comes back as it was written, and without members it never had', async store => {
    const made = run({ lease: { owner: owner(1), until: at + 5 } })
    await store.createRun(made)
    assert.deepEqual(await store.getRun(made.id), made)
    assert.equal(await store.getRun('absent'), undefined)
    await rejectsWith('MR3021', store.createRun(made))
    await store.updateRun(made.id, { status: 'failed', endedAt: at + 9, error: { reason: 'ö "quoted"' } })
    const { lease: _lease, ...rest } = made
    assert.deepEqual(await store.getRun(made.id), {
      ...rest,
      status: 'failed',
      endedAt: at + 9,
      error: { reason: 'ö "quoted"' },
    })
    await rejectsWith('MR3020', store.updateRun('absent', { status: 'failed' }))
    // one that goes on again has neither ended nor failed
    await store.updateRun(made.id, { status: 'running' })
    assert.deepEqual(await store.getRun(made.id), { ...rest, status: 'running' })
  })

  add('a run and its tags appear together, or not at all', async store => {
    const [kept, lost] = [run(), run()]
    await store.createRun(kept, { a: '1', b: '' })
    assert.deepEqual(await store.runTags(kept.id), { a: '1', b: '' })
    await assert.rejects(store.createRun(lost, { a: '1', b: null as unknown as string }))
    assert.equal(await store.getRun(lost.id), undefined)
    assert.deepEqual(await store.runTags(lost.id), {})
  })

  add('runs are listed newest first by the order they were written, whatever the clock said', async store => {
    const name = `list-${ulid()}`
    const first = run({ name, startedAt: at + 100 })
    const second = run({ name, startedAt: at, status: 'failed', kind: 'tracking' })
    await store.createRun(first)
    await store.createRun(second)
    const ids = async (filter: object): Promise<string[]> => (await store.listRuns({ name, ...filter })).map(r => r.id)
    assert.deepEqual(await ids({}), [second.id, first.id])
    assert.deepEqual(await ids({ limit: 1 }), [second.id])
    assert.deepEqual(await ids({ status: 'running' }), [first.id])
    assert.deepEqual(await ids({ kind: 'tracking' }), [second.id])
  })

  add(
    'a lease is taken once, renewed by its owner, and passes on when expired or when its owner is dead',
    async store => {
      const { id } = run()
      await store.createRun(run({ id }))
      assert.equal(await store.acquireRunLease(id, owner(1), at + 30, at), true)
      assert.equal(await store.acquireRunLease(id, owner(2), at + 30, at), false)
      assert.equal(await store.acquireRunLease(id, owner(1), at + 60, at + 5), true)
      assert.equal(await store.acquireRunLease(id, owner(2), at + 90, at + 61), true, 'expired')
      const rivals = [3, 4, 5].map(pid => store.acquireRunLease(id, owner(pid), at + 99, at + 62, owner(2)))
      assert.equal((await Promise.all(rivals)).filter(Boolean).length, 1, 'one of three takes over from the dead')
      await store.updateRun(id, { status: 'succeeded' })
      assert.equal(await store.acquireRunLease(id, owner(6), at + 999, at + 998), false, 'a finished run has no driver')
    },
  )

  add('a change of a run is written whole by the holder of its lease and not at all by anybody else', async store => {
    const { id } = run()
    await store.createRun(run({ id }))
    await store.acquireRunLease(id, owner(1), at + 30, at)
    const key = digestBytes(id)
    const entry: CacheEntry = { key, step: 'train', runId: id, outputs: { model: output }, keyParts: { v: 1 }, at }
    const edges = [{ from: `${id}-a`, to: `${id}-b`, relation: 'used' }]
    const change = { runId: id, steps: [step(id, { status: 'succeeded' })], cache: [entry], edges }
    assert.equal(await store.commitRun({ ...change, lease: { owner: owner(2), until: at + 99 } }), false)
    assert.deepEqual(await store.listSteps(id), [])
    assert.equal((await store.getCache([key])).size, 0)
    const end = { status: 'succeeded', endedAt: at + 7 } as const
    assert.equal(await store.commitRun({ ...change, lease: { owner: owner(1), until: at + 99 }, end }), true)
    assert.equal((await store.listSteps(id))[0]?.status, 'succeeded')
    assert.deepEqual((await store.getCache([key])).get(key), entry)
    assert.deepEqual(await store.edgesFrom([`${id}-a`]), edges)
    const done = await store.getRun(id)
    assert.deepEqual([done?.status, done?.endedAt, done?.lease], ['succeeded', at + 7, undefined])
  })

  add('steps are replaced by name and keep their order; their history is newest first', async store => {
    const name = `train-${ulid()}`
    const [one, two] = [run(), run()]
    for (const { id } of [one, two]) {
      await store.createRun(run({ id }))
      const rows = Array.from({ length: 120 }, (_, i) => step(id, { step: `s${i}` }))
      await store.putSteps([step(id, { step: name }), ...rows])
    }
    const full = step(one.id, {
      step: name,
      status: 'succeeded',
      attempt: 2,
      cacheKey: digestBytes('k'),
      keyParts: { code: 'c' },
      reason: 'its code changed',
      reusedFrom: two.id,
      startedAt: at,
      endedAt: at + 1,
      outputs: { model: output },
      error: { reason: 'r' },
      process: owner(7),
    })
    await store.putStep(full)
    const listed = await store.listSteps(one.id)
    assert.equal(listed.length, 121)
    assert.deepEqual(listed[0], full)
    assert.deepEqual(
      (await store.stepHistory(name, 5)).map(s => s.runId),
      [two.id, one.id],
    )
    assert.equal((await store.stepHistory(name, 1)).length, 1)
  })

  add('cache entries are found by key in any number, replaced and removed', async store => {
    const salt = ulid()
    const keys = Array.from({ length: 450 }, (_, i) => digestBytes(`${salt}${i}`))
    for (const key of keys.slice(0, 3))
      await store.putCache({ key, step: 's', runId: 'r', outputs: {}, keyParts: {}, at })
    assert.equal((await store.getCache(keys)).size, 3)
    const key = keys[0] ?? digestBytes('')
    await store.putCache({ key, step: 's', runId: 'other', outputs: { o: output }, keyParts: {}, at })
    assert.equal((await store.getCache([key])).get(key)?.runId, 'other')
    await store.removeCache(key)
    assert.equal((await store.getCache([key])).size, 0)
    assert.equal((await store.getCache([])).size, 0)
  })

  add('lineage is found both ways, and the same edge twice is one', async store => {
    const salt = ulid()
    const edges = ['x', 'y'].map(to => ({ from: `${salt}a`, to: `${salt}${to}`, relation: 'used' }))
    await store.addEdges(edges)
    await store.addEdges(edges)
    await store.addEdges([])
    assert.deepEqual(new Set((await store.edgesFrom([`${salt}a`])).map(e => e.to)), new Set(edges.map(e => e.to)))
    assert.deepEqual(await store.edgesTo([`${salt}x`]), [edges[0]])
  })

  add('decisions and reports come back whole, newest first, by kind and subject', async store => {
    const subject = `model ${ulid()}`
    const [a, b] = [decision(subject, 'gate'), decision(subject, 'trigger')]
    await store.addDecision(a)
    await store.addDecision(b)
    assert.deepEqual(await store.listDecisions({ subject }), [b, a])
    assert.deepEqual(await store.listDecisions({ subject, kind: 'gate' }), [a])
    assert.deepEqual(await store.getDecision(a.id), a)
    await rejectsWith('MR3026', store.addDecision(a))
    const report: Report = { id: ulid(), kind: 'model', subject, at, status: 'fail', checks: [], evidence: { n: 1 } }
    await store.addReport(report)
    assert.deepEqual(await store.listReports({ subject, limit: 1 }), [report])
    assert.deepEqual(await store.getReport(report.id), report)
    assert.equal(await store.getReport('absent'), undefined)
  })

  add(
    'model versions count up without gaps, also when many are added at once; aliases point at existing ones',
    async store => {
      const model = `m-${ulid().toLowerCase()}`
      const given = {
        model,
        digest: digestBytes('m'),
        runId: 'r',
        createdAt: at,
        metrics: { auc: 0.7 },
        facts: {},
        tags: {},
      }
      const added = await Promise.all(Array.from({ length: 8 }, () => store.addModelVersion(given)))
      assert.deepEqual(
        added.map(v => v.version).sort((x, y) => x - y),
        [1, 2, 3, 4, 5, 6, 7, 8],
      )
      assert.deepEqual(await store.getModelVersion(model, 3), { ...given, version: 3 })
      assert.equal((await store.listModelVersions(model)).length, 8)
      await store.setModelTags(model, 3, { stage: 'production' })
      assert.deepEqual((await store.getModelVersion(model, 3))?.tags, { stage: 'production' })
      await rejectsWith('MR3022', store.setModelTags(model, 99, {}))
      await store.setAlias(model, 'champion', 3)
      await store.setAlias(model, 'champion', 4)
      assert.deepEqual(await store.aliases(model), { champion: 4 })
      await rejectsWith('MR3022', store.setAlias(model, 'champion', 99))
      await store.setAlias(model, 'champion', undefined)
      assert.deepEqual(await store.aliases(model), {})
    },
  )

  add('a transaction is whole or nothing', async store => {
    const kind = `kind-${ulid()}`
    await store.transaction(async one => {
      await one.addDecision(decision(kind))
      await one.putDocument(kind, 'a', { n: 1 }, at)
      assert.equal((await one.getDocument(kind, 'a'))?.revision, 1)
    })
    assert.equal((await store.listDecisions({ subject: kind })).length, 1)
    await assert.rejects(
      store.transaction(async one => {
        await one.putDocument(kind, 'b', 1, at)
        await one.setAlias(`model-${ulid()}`, 'champion', 1)
      }),
      (error: unknown) => (error as { code?: string }).code === 'MR3022',
    )
    assert.equal(await store.getDocument(kind, 'b'), undefined)
  })

  add('who leads no more writes nothing, whatever it is', async store => {
    const kind = `kind-${ulid()}`
    const lead = { kind, id: 'lead' }
    const revision = await store.putDocument(kind, 'lead', 'a', at, 0)
    const first = store.fenced({ ...lead, revision: revision ?? 0 })
    await first.putDocument(kind, 'state', 1, at)
    await first.transaction(one => one.addDecision(decision(kind)))
    const second = store.fenced({
      ...lead,
      revision: (await store.putDocument(kind, 'lead', 'b', at, revision)) ?? 0,
    })
    const lost = (work: Promise<unknown>): Promise<void> => rejectsWith('MR3049', work)
    await lost(first.putDocument(kind, 'state', 2, at))
    await lost(first.putDocument(kind, 'state', 2, at, 1, true))
    await lost(first.removeDocument(kind, 'state'))
    await lost(first.addDecision(decision(kind)))
    await lost(first.addEdges([{ from: kind, to: kind, relation: 'serves' }]))
    await lost(first.transaction(one => one.putDocument(kind, 'state', 2, at)))
    await lost(first.transaction(async () => 0))
    assert.equal((await first.getDocument(kind, 'state'))?.value, 1)
    assert.equal((await store.listDecisions({ subject: kind })).length, 1)
    await second.putDocument(kind, 'state', 3, at)
    assert.equal((await store.getDocument(kind, 'state'))?.value, 3)
    // It holds while it writes: of takings and writings of the same moment none mixes
    let held = 0
    const both = await Promise.allSettled([
      second.transaction(async one => {
        held = Number((await one.getDocument(kind, 'lead'))?.revision)
        await one.putDocument(kind, 'state', 4, at)
      }),
      store.putDocument(kind, 'lead', 'c', at, 2),
    ])
    assert.deepEqual(both[1].status, 'fulfilled')
    assert.equal(both[0].status === 'fulfilled' ? held : 2, 2)
    await lost(second.putDocument(kind, 'state', 5, at))
  })

  add('a document is written by compare-and-set: of rivals one wins', async store => {
    const kind = `kind-${ulid()}`
    assert.equal(await store.putDocument(kind, 'a', { n: 1 }, at, 0), 1)
    assert.equal(await store.putDocument(kind, 'a', { n: 2 }, at, 0), undefined)
    assert.equal(await store.putDocument(kind, 'a', { n: 2 }, at), 2)
    const rivals = await Promise.all([1, 2, 3].map(n => store.putDocument(kind, 'a', { n }, at, 2)))
    assert.deepEqual(
      rivals.filter(revision => revision !== undefined),
      [3],
    )
    assert.equal((await store.getDocument(kind, 'a'))?.revision, 3)
    assert.equal(await store.putDocument(kind, 'b', null, at, 0, true), 1)
    assert.equal(await store.putDocument(kind, 'b', null, at, 0, true), undefined)
    assert.deepEqual(
      (await store.listDocuments(kind)).map(d => d.id),
      ['a', 'b'],
    )
    await store.removeDocument(kind, 'a', 2)
    assert.equal((await store.getDocument(kind, 'a'))?.revision, 3)
    await store.removeDocument(kind, 'a', 3)
    assert.equal(await store.getDocument(kind, 'a'), undefined)
    await store.removeDocument(kind, 'a')
  })

  add('windows of a monitor are replaced by their place and listed in order of time', async store => {
    const monitor = `w-${ulid()}`
    const window = (series: string, from: number, n: number) => ({ monitor, series, from, to: from + 10, body: { n } })
    await store.addWindows([window('b', 20, 1), window('a', 20, 2), window('a', 10, 3)])
    await store.addWindows([window('a', 10, 4)])
    const listed = async (filter?: object): Promise<unknown[]> =>
      (await store.listWindows(monitor, filter)).map(w => w.body['n'])
    assert.deepEqual(await listed(), [4, 2, 1])
    assert.deepEqual(await listed({ series: 'a', limit: 1 }), [2])
    assert.deepEqual(await listed({ from: 20 }), [2, 1])
    assert.deepEqual(await listed({ to: 20 }), [4])
  })

  add('experiments have unique names and get an id', async store => {
    const name = `e ${ulid()}`
    const given = { name, createdAt: at, updatedAt: at, deleted: false, tags: { team: 'a' } }
    const made = await store.createExperiment(given)
    assert.match(made.id, /^\d+$/)
    assert.deepEqual(await store.getExperiment(made.id), { ...given, id: made.id })
    assert.deepEqual(await store.getExperimentByName(name), made)
    await rejectsWith('MR3024', store.createExperiment(given))
    await store.updateExperiment(made.id, { deleted: true, tags: {} })
    assert.deepEqual(await store.getExperiment(made.id), { ...made, deleted: true, tags: {} })
    await rejectsWith('MR3025', store.updateExperiment('absent', { deleted: true }))
    const named = await store.createExperiment({ ...given, id: ulid(), name: `${name} 2` })
    assert.deepEqual(await store.getExperiment(named.id), named)
    assert.ok((await store.listExperiments()).some(e => e.id === made.id))
  })

  add('a batch of params, metrics and tags is written whole or not at all', async store => {
    const { id } = run()
    await store.createRun(run({ id, kind: 'tracking' }))
    await store.logBatch(id, { params: { lr: '0.1' }, tags: { a: '1' }, metrics: [] })
    await store.logBatch(id, { params: { lr: '0.1' }, tags: { a: '2', b: '3' } })
    const point = { key: 'auc', value: 0.7, timestamp: 1, step: 1 }
    await rejectsWith('MR3023', store.logBatch(id, { params: { other: 'x', lr: '0.2' }, metrics: [point] }))
    assert.deepEqual(await store.runParams(id), { lr: '0.1' })
    assert.deepEqual(await store.latestMetrics(id), [])
    assert.deepEqual(await store.runTags(id), { a: '2', b: '3' })
    assert.equal(await store.deleteTag(id, 'b'), true)
    assert.equal(await store.deleteTag(id, 'b'), false)
    await rejectsWith('MR3020', store.logBatch('absent', { tags: { a: '1' } }))
  })

  add(
    'metrics keep NaN, infinities and their whole history; the latest is by step, then time, then value',
    async store => {
      const { id } = run()
      await store.createRun(run({ id, kind: 'tracking' }))
      const point = (value: number, timestamp: number, s: number) => ({ key: 'loss', value, timestamp, step: s })
      await store.logBatch(id, { metrics: [point(3, 10, 2), point(Number.NaN, 11, 1), point(-1e300, 12, 0)] })
      await store.logBatch(id, { metrics: [point(9, 99, 1), point(Number.POSITIVE_INFINITY, 10, 2)] })
      await store.logBatch(id, { metrics: [point(Number.NaN, 10, 2)] })
      assert.deepEqual(await store.latestMetrics(id), [point(Number.POSITIVE_INFINITY, 10, 2)])
      assert.deepEqual(await store.metricHistory(id, 'loss', 0, 10), [
        point(Number.NaN, 10, 2),
        point(3, 10, 2),
        point(Number.POSITIVE_INFINITY, 10, 2),
        point(Number.NaN, 11, 1),
        point(-1e300, 12, 0),
        point(9, 99, 1),
      ])
      assert.deepEqual(await store.metricHistory(id, 'loss', 1, 1), [point(3, 10, 2)])
      await store.logBatch(id, { metrics: Array.from({ length: 1000 }, (_, i) => point(i, i, i + 10)) })
      assert.equal((await store.latestMetrics(id))[0]?.step, 1009)
    },
  )

  return cases
}
