import { may } from '../api.ts'
import { figure, number } from '../format.ts'
import { Bar, Mark, Table, Time, Trouble } from '../parts.tsx'
import { SendButton, usePost } from '../post.tsx'
import type { Contest } from '../types.ts'

type Challenger = Contest['challengers'][number]

/** How near the nearest guardrail is to taking a challenger out. */
function Nearest({ guardrails }: Pick<Challenger['evidence'], 'guardrails'>) {
  const [first] = guardrails.toSorted((a, b) => b.logE / b.limit - a.logE / a.limit)
  if (!first) return null
  const share = Math.max(0, first.logE) / first.limit
  return (
    <>
      <Bar
        share={share}
        tone={share >= 1 ? 'bad' : share > 0.5 ? 'care' : 'flow'}
        label={`${first.name}: ${figure(Math.max(0, first.logE))} of ${figure(first.limit)}`}
      />{' '}
      <small class="tab">{first.name}</small>
    </>
  )
}

/** Several challengers beside each other, each compared with the stable version on the same requests. */
export function ContestPanel({ name, contest }: { name: string; contest: Contest }) {
  const { problem, post } = usePost()
  const running = contest.phase === 'running'
  const operates = running && may('operate')
  const send = (verb: string, body?: object): void =>
    void post(`/v1/deployments/${encodeURIComponent(name)}:${verb}`, body)
  const heads = ['Challenger', 'Stands', '#Rows', '#Labelled', 'Loss beside stable', 'Nearest guardrail']
  return (
    <div class="rollout">
      <div class="line">
        <Mark state={contest.phase} />
        <strong>Contest</strong>
        <span class="quiet">
          against {contest.stable}
          {contest.chosen !== null && ` · ${contest.chosen} was chosen`}
          {running && (
            <>
              {' '}
              · until <Time at={contest.until} />
            </>
          )}
        </span>
      </div>
      <Table caption={`Challengers of ${contest.stable}`} heads={operates ? [...heads, 'Take it'] : heads}>
        {contest.challengers.map(({ challenger, version, standing, evidence: { shadow, loss, guardrails } }) => (
          <tr key={challenger}>
            <th scope="row">{challenger}</th>
            <td>{standing}</td>
            <td class="n">{number(shadow.rows)}</td>
            <td class="n">{loss ? number(loss.rows) : '–'}</td>
            <td>{loss ? `${figure(loss.mean)} (${figure(loss.lower)} to ${figure(loss.upper)})` : 'not known yet'}</td>
            <td>
              <Nearest guardrails={guardrails} />
            </td>
            {operates && (
              <td>
                {standing !== 'out' && (
                  <SendButton
                    label="Choose"
                    sure={`Roll out ${challenger}?`}
                    tone={standing === 'better' ? 'main' : ''}
                    send={() => send('choose', { version })}
                  />
                )}
              </td>
            )}
          </tr>
        ))}
      </Table>
      {operates && (
        <div class="buttons" role="group" aria-label={`Contest of ${name}`}>
          <SendButton label="End contest" sure="End without a choice?" tone="stop" send={() => send('abort')} />
        </div>
      )}
      {problem && <Trouble problem={problem} />}
    </div>
  )
}
