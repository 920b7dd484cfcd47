import { fail } from '../../../errors/index.ts'
import { gateInWords, isClosed, nextGate } from './obstacle.ts'
import { proceed } from './proceed.ts'
import type { CommandEvent, RolloutState } from './state.ts'
import { type Transition, decide, enter, noDecisions, rollBack } from './transition.ts'

/** Lets pass what waits for a person, and goes on where nothing else is waited for. */
function approve(state: RolloutState, { actor, at, reason }: CommandEvent, why: string): Transition {
  if (state.hold !== 'approval')
    throw fail('rolloutEvent', { event: 'approve', reason: 'nothing waits for an approval' })
  const gate = nextGate(state)
  const approval = { gate, actor, at, ...(reason === undefined ? {} : { reason }) }
  const { challenger } = state.config
  const approved = decide(
    state,
    { hold: null, approved: [...state.approved, approval] },
    at,
    'approved',
    `${actor} approved that ${challenger} may ${gateInWords(gate)}${why}`,
    { name: 'command approve', statistic: 'gate', value: gate },
    actor,
  )
  const next = proceed(approved.state, at)
  return { state: next.state, decisions: [...approved.decisions, ...next.decisions] }
}

/** An operator's word goes before hours, other rollouts and missing evidence; not before who has to approve. */
function promote(state: RolloutState, { actor, at }: CommandEvent, why: string): Transition {
  if (state.phase === 'bake') return { state, decisions: noDecisions }
  const closed = [...state.config.weights, 1].find(gate => gate > state.weight && isClosed(state, gate))
  const { challenger, deployment } = state.config
  if (closed !== undefined) throw fail('approvalMissing', { deployment, challenger, gate: gateInWords(closed) })
  const rule = { name: 'command promote' }
  const reason = `${actor} promoted ${challenger} by hand${why}`
  return decide(state, enter(state, 'bake', state.step, at), at, 'promoted', reason, rule, actor)
}

/** Takes an operator's word. */
export function onCommand(state: RolloutState, event: CommandEvent): Transition {
  const { command, actor, at } = event
  const why = event.reason === undefined ? '' : `: ${event.reason}`
  const rule = { name: `command ${command}` }
  const { challenger } = state.config
  switch (command) {
    case 'abort':
      return rollBack(state, at, `${actor} aborted the rollout of ${challenger}${why}`, rule, actor)
    case 'promote':
      return promote(state, event, why)
    case 'approve':
      return approve(state, event, why)
    case 'pause': {
      const reason = `${actor} paused the rollout of ${challenger}${why}`
      return decide(state, { hold: 'paused' }, at, 'held', reason, rule, actor)
    }
    case 'resume': {
      if (state.hold === null) return { state, decisions: noDecisions }
      if (state.hold === 'approval')
        throw fail('rolloutEvent', {
          event: 'resume',
          reason: 'it waits for an approval, which "rollout approve" gives',
        })
      const reason = `${actor} let the rollout of ${challenger} go on${why}`
      return decide(state, { hold: null, since: at }, at, 'resumed', reason, rule, actor)
    }
  }
}
