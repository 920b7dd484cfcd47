import { expect, it } from 'vitest'
import { minute, Played } from '../../../test/support/played-rollout.ts'
import { createOutput } from '../output.ts'
import { advanceContest, startContest } from '../../stages/deploy/contest/index.ts'
import type { DeploymentNow } from './deployment-view.ts'
import { type Screen, watchRollout } from './watch-rollout.ts'

function taken(isTTY: boolean): Screen & { text: string } {
  const screen = {
    text: '',
    isTTY,
    columns: 60,
    write: (text: string | Uint8Array) => ((screen.text += String(text)), true),
  }
  return screen
}

/** What each look finds, one after another; the last one again and again. */
function looks(...played: readonly Played[]): () => Promise<DeploymentNow> {
  let i = 0
  return async () => {
    const one = played[Math.min(i++, played.length - 1)] as Played
    const stable = { model: 'm', version: 1, since: 0, declared: {} as never }
    return { name: 'api', model: 'm', stable, rollout: one.state, contest: null, decisions: one.decisions.toReversed() }
  }
}
const begun = (): Played => new Played({ bake: '1h' })
const stepped = (): Played => begun().request('ok', 10)
const done = (): Played =>
  stepped()
    .request('ok', 10)
    .tick(61 * minute)
const taker = (): Played => stepped().say('abort')

it('tells each change in a line where nobody looks, and how it ended by its exit code', async () => {
  const screen = taken(false)
  const out = createOutput(false, screen, screen)
  expect(await watchRollout(looks(begun(), stepped(), stepped(), done()), out, screen)).toBe(0)
  const lines = screen.text.trimEnd().split('\n')
  expect(lines.slice(0, 2)).toEqual(['api: stable is m@1', 'rollout of m@2: step, 20 % of traffic'])
  expect(lines.slice(2).map(line => line.split('  ')[1])).toEqual(['advanced', 'promoted', 'completed'])
  expect(screen.text).not.toContain('\u001b')

  const back = taken(false)
  expect(await watchRollout(looks(stepped(), taker()), createOutput(false, back, back), back)).toBe(1)
  expect(back.text).toContain('rolled-back  ada aborted the rollout of m@2')
})

it('gives each change as a line of JSON, the first look too', async () => {
  const screen = taken(false)
  expect(
    await watchRollout(looks(begun(), begun(), stepped(), taker()), createOutput(true, screen, screen), screen),
  ).toBe(1)
  const lines = screen.text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(lines.map(one => [one.rollout.phase, one.rollout.weight, one.decisions.length])).toEqual([
    ['step', 0.2, 0],
    ['step', 0.5, 1],
    ['rolled-back', 0, 1],
  ])
})

it('draws again on a terminal what it drew before, in lines no longer than it is wide', async () => {
  const screen = taken(true)
  await watchRollout(looks(begun(), stepped(), taker()), createOutput(false, screen, screen), screen)
  // each drawing after the first begins with so many lines up, and all below them gone
  const [first = '', ...others] = screen.text.split('\u001b[J')
  const back = screen.text.split('\u001b[').flatMap(part => /^(\d+)A/.exec(part)?.[1] ?? [])
  const drawn = [first, ...others].map(part => part.split('\u001b')[0] ?? '')
  const linesOf = (part: string): number => part.split('\n').length - 1
  expect(back.map(Number)).toEqual([drawn[0], drawn[1]].map(part => linesOf(part ?? '')))
  expect(drawn.every(part => part.split('\n').every(line => [...line].length <= 60))).toBe(true)
  expect(drawn[2]).toContain('rollout of m@2: rolled-back, 0 % of traffic')
})

it('knows how one ended that is followed by another before the next look', async () => {
  const screen = taken(false)
  const next = new Played({ challenger: 'm@3' }, 5)
  next.decisions = taker().decisions
  expect(await watchRollout(looks(stepped(), next), createOutput(false, screen, screen), screen)).toBe(1)
  const other = new Played({ challenger: 'm@3' }, 5)
  other.decisions = done().decisions
  expect(await watchRollout(looks(stepped(), other), createOutput(false, screen, screen), screen)).toBe(0)
})

it('follows a contest into the rollout of the one that is chosen, and ends with it where none is', async () => {
  const configs = [2, 3].map(
    version => ({ deployment: 'api', challenger: `m@${version}`, stable: 'm@1', task: 'binary' }) as const,
  )
  const running = startContest(configs, { now: 0, until: 86_400_000_000, seeds: [2, 3] })
  const ended = advanceContest(running, { type: 'end', at: 5, actor: 'ada' })
  const chosen = advanceContest(running, { type: 'choose', at: 5, actor: 'ada', challenger: 'm@2' })
  const watched = async (...looked: readonly Partial<DeploymentNow>[]): Promise<[number, string]> => {
    const screen = taken(false)
    let i = 0
    const look = async (): Promise<DeploymentNow> => ({
      name: 'api',
      model: 'm',
      stable: null,
      rollout: null,
      contest: running,
      decisions: [],
      ...looked[Math.min(i++, looked.length - 1)],
    })
    return [await watchRollout(look, createOutput(false, screen, screen), screen), screen.text]
  }
  const [none, told] = await watched({}, { contest: ended.state, decisions: ended.decisions })
  expect(none).toBe(1)
  expect(told).toContain('contest of m@2, m@3 against m@1: running, until 1970-01-02T00:00:00')
  expect(told).toContain('ended  ada ended the contest')
  const through = { contest: chosen.state, decisions: chosen.decisions }
  expect((await watched({}, { ...through, rollout: begun().state }, { ...through, rollout: done().state }))[0]).toBe(0)
  expect((await watched({}, { ...through, rollout: begun().state }, { ...through, rollout: taker().state }))[0]).toBe(1)
})

it('ends at once where there is no rollout', async () => {
  const screen = taken(false)
  const look = async (): Promise<DeploymentNow> => ({
    name: 'api',
    model: 'm',
    stable: null,
    rollout: null,
    contest: null,
    decisions: [],
  })
  expect(await watchRollout(look, createOutput(false, screen, screen), screen)).toBe(0)
  expect(screen.text).toBe('api: nothing is deployed. Next: npx millrace deploy api\nno rollout\n')
})
