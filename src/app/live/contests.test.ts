import { afterAll, beforeAll, expect, it } from 'vitest'
import { answeredJobs } from '../../../test/support/jobs.ts'
import { predicted, ridesOf } from '../../../test/support/rides-of.ts'
import { lateWith, trainOnce, type Trained, trainedProject } from '../../../test/support/trained-project.ts'
import { gbt } from '../../index.ts'
import { seeded } from '../../math/random/seeded.ts'
import { leaseMs } from '../../stages/instances/leadership.ts'
import type { LiveDeployment } from '../../stages/serve/deployment.ts'
import { type LiveInstance, oneInstance } from './instances.ts'

// A contest among several servers in one process, on one store and one folder, with a clock that the test moves.

let trained: Trained
let third: number
beforeAll(async () => {
  trained = await trainedProject()
  third = await trainOnce(trained.workspace, lateWith(gbt({ trees: 9, leaves: 4, seed: 3 })))
})
afterAll(() => trained.close())
const { many } = ridesOf(() => trained)

interface One {
  readonly instance: LiveInstance
  readonly live: LiveDeployment
}

async function begin(name: string): Promise<One> {
  const { project } = trained.deployed(name, {}, { window: '1h', labelHorizon: '1h' })
  const serving = await trained.serve(project)
  const workspace = { ...trained.workspace, project, clock: trained.clock }
  const instance = await oneInstance({ workspace, serving, jobs: answeredJobs(), log: () => undefined })
  return { instance, live: serving.get(name) as LiveDeployment }
}

/** A sign of life, and then the part that it gave. */
async function beats({ instance }: One): Promise<void> {
  await instance.beat()
  await instance.beat()
}

/** What is written down is there: the logs are written by real time. */
const written = (): Promise<void> => new Promise(done => setTimeout(done, 700))

let next = 0
const draw = seeded(5)
/** Answers rows by one instance, and tells another what came true of them: what stable says of their chances is right. */
async function asked({ live }: One, teller: One, count: number): Promise<void> {
  const answers = await predicted(
    live,
    many(count).map(request => ({ ...request, id: `i${next++}` })),
  )
  await teller.live.feedback(answers.map(({ id, score }) => ({ id, label: draw.next() < score ? 1 : 0 })))
}

const known = ({ live }: One): unknown => live.contest?.arms.map(one => [one.phase, one.shadow.rows, one.losses.n])

it('is one whoever is asked: evidence adds up, who leads next goes on from it, and all follow its end', async () => {
  const { versions, clock } = trained
  const [first, second] = [await begin('contested'), await begin('contested')]
  await first.live.deploy(versions.good, 'ada')
  await beats(second)
  await expect(second.live.startContest([versions.other, third])).rejects.toMatchObject({ code: 'MR5050' })
  await first.live.startContest([versions.other, third])
  await beats(second)
  expect([second.live.contesting, second.live.contest?.id]).toEqual([true, first.live.contest?.id])
  await expect(second.live.choose(third, 'ada')).rejects.toMatchObject({ code: 'MR5050' })

  await asked(first, second, 150)
  await asked(second, first, 250)
  await written()
  await beats(first)
  expect(known(first)).toEqual([
    ['shadow', 400, 0],
    ['shadow', 400, 0],
  ])
  expect(first.live.status().labels.waiting).toBe(400)

  // The first is as if it slept; the second leads, with all of it, and the labels count there
  await written()
  for (const wait of [leaseMs - 100, leaseMs + 100]) {
    await clock.advance(wait)
    await beats(second)
  }
  expect([first.instance.leads(), second.instance.leads()]).toEqual([false, true])
  expect(known(second)).toEqual([
    ['shadow', 400, 0],
    ['shadow', 400, 0],
  ])
  await beats(first)
  await clock.advance(3_600_000)
  await beats(second)
  const labelled = second.live.contest?.arms.map(one => one.losses.n)
  expect(labelled).toEqual([400, 400])

  await second.live.choose(third, 'ada', 'it is smaller')
  expect(second.live.rollout?.config.challenger).toBe(`late@${third}`)
  await beats(first)
  expect([first.live.contesting, first.live.rolling, first.live.rollout?.salt]).toEqual([
    false,
    true,
    second.live.rollout?.salt,
  ])
  await asked(first, first, 50)
  await written()
  await beats(second)
  expect(second.live.rollout?.shadow.rows).toBe(50)
  await first.instance.close()
  await second.instance.close()
}, 60_000)

it('takes out a challenger that cannot be loaded any more, and goes on with the others', async () => {
  const { versions, workspace } = trained
  const first = await begin('missing')
  await first.live.deploy(versions.good, 'ada')
  await first.live.startContest([versions.other, third])
  await asked(first, first, 30)
  await first.instance.close()
  await first.live.close()
  const { project } = trained.deployed('missing', {}, { window: '1h', labelHorizon: '1h' })
  const gone = (await workspace.store.getModelVersion('late', third))?.digest
  const runtime = async () => {
    const real = await workspace.runtime()
    const { digestBytes } = await import('../../internal/digest.ts')
    const load: typeof real.load = (bytes, binding) =>
      digestBytes(bytes) === gone ? Promise.reject(new Error('out of order')) : real.load(bytes, binding)
    return { name: real.name, load }
  }
  const serving = await trained.serve(project, { runtime })
  const live = serving.get('missing') as LiveDeployment
  const instance = await oneInstance({
    workspace: { ...workspace, project, clock: trained.clock },
    serving,
    jobs: answeredJobs(),
    log: () => undefined,
  })
  await live.settled()
  expect(live.contest?.arms.map(one => [one.phase, one.shadow.rows])).toEqual([
    ['shadow', 30],
    ['rolled-back', 30],
  ])
  const [decision] = await workspace.store.listDecisions({ kind: 'contest', subject: 'deployment missing' })
  expect(decision).toMatchObject({ verdict: 'rolled-back', actor: 'system' })
  expect(decision?.reason).toContain('cannot be loaded any more')
  await instance.close()
})
