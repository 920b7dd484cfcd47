import { useState } from 'preact/hooks'
import { ask, revision, useResource, type Problem } from '../api.ts'
import { figure, number, percent } from '../format.ts'
import { Bar, DecisionItem, Empty, Loaded, Mark, Panel, Table, Time, Title, Trouble } from '../parts.tsx'
import type { Deployment, RolloutEvidence } from '../types.ts'

function Ramp({ evidence, weight }: { evidence: RolloutEvidence; weight: number }) {
  return (
    <ol class="ramp" aria-label="Steps of the rollout">
      {evidence.ramp.map(step => (
        <li
          key={step}
          class={weight > step ? 'past' : weight === step ? 'now' : ''}
          aria-current={weight === step ? 'step' : undefined}
        >
          <i style={{ height: `${12 + 60 * step}px` }} />
          <small>{percent(step, 0)}</small>
        </li>
      ))}
    </ol>
  )
}

/** The interval of the loss difference on a line with zero and the allowed margin on it. */
function Interval({ loss }: { loss: NonNullable<RolloutEvidence['loss']> }) {
  const reach = Math.max(Math.abs(loss.lower), Math.abs(loss.upper), loss.allowed) * 1.25
  const x = (value: number): number => 200 + (190 * value) / reach
  const words = `Challenger's loss minus stable's: ${figure(loss.mean)}, between ${figure(loss.lower)} and ${figure(loss.upper)} on ${number(loss.rows)} labelled rows`
  return (
    <figure class="interval">
      <svg viewBox="0 0 400 56" role="img" aria-label={words}>
        <rect class="allowed" x="0" y="8" width={x(loss.allowed)} height="28" />
        <path class="axis" d={`M0 22H400M${x(0)} 4V40`} />
        <path class="span" d={`M${x(loss.lower)} 22H${x(loss.upper)}`} />
        <circle cx={x(loss.mean)} cy="22" r="5" />
        <text x={x(0)} y="53">
          0
        </text>
      </svg>
      <figcaption>{words}. Left of 0 the challenger is better; the shaded side is allowed.</figcaption>
    </figure>
  )
}

function Buttons({ name, held }: { name: string; held: boolean }) {
  const [problem, setProblem] = useState<Problem>()
  const [asked, setAsked] = useState<string>()
  const send = (verb: string) => async () => {
    if (verb !== 'pause' && verb !== 'resume' && asked !== verb) return setAsked(verb)
    setAsked(undefined)
    try {
      await ask(`/v1/deployments/${encodeURIComponent(name)}:${verb}`, {})
      setProblem(undefined)
      revision.value++
    } catch (error) {
      setProblem(error as Problem)
    }
  }
  const labels: readonly [string, string, string][] = [
    ['promote', 'Promote', 'main'],
    [held ? 'resume' : 'pause', held ? 'Resume' : 'Pause', ''],
    ['abort', 'Abort', 'stop'],
  ]
  return (
    <>
      <div class="buttons" role="group" aria-label={`Rollout of ${name}`}>
        {labels.map(([verb, label, tone]) => (
          <button
            key={verb}
            type="button"
            class={asked === verb ? `${tone} asked` : tone}
            onClick={() => void send(verb)()}
            onBlur={() => asked === verb && setAsked(undefined)}
          >
            {asked === verb ? `${label}: sure?` : label}
          </button>
        ))}
      </div>
      {problem && <Trouble problem={problem} />}
    </>
  )
}

function Rollout({ deployment }: { deployment: Deployment }) {
  const { rollout, evidence } = deployment
  if (!rollout?.phase) return null
  const { phase, weight = 0, hold, config } = rollout
  const over = phase === 'done' || phase === 'rolled-back'
  return (
    <div class="rollout">
      <div class="line">
        <Mark state={hold ? 'held' : phase} />
        <strong>{config?.challenger ?? 'challenger'}</strong>
        <span class="quiet">
          against {config?.stable ?? 'stable'}
          {hold ? ` · held: ${hold}` : ''}
        </span>
      </div>
      <div class="sides">
        <div>
          <p class="huge">
            {percent(weight, 0)} <small>of traffic</small>
          </p>
          {evidence && <Ramp evidence={evidence} weight={weight} />}
          {rollout.requests && !over && (
            <p class="quiet">
              {number(rollout.requests.canary)} of {number(config?.minRequests ?? 0)} canary requests in this step
            </p>
          )}
          {!over && <Buttons name={deployment.name} held={hold !== null && hold !== undefined} />}
        </div>
        {evidence && (
          <div>
            <Table
              caption="Guardrails of the rollout"
              heads={['Guardrail', '#Against it', '#Arms differ', 'ln e-value to limit']}
            >
              {evidence.guardrails.map(one => (
                <tr key={one.name}>
                  <th scope="row">{one.name}</th>
                  <td class="n">{one.canary}</td>
                  <td class="n">{one.all}</td>
                  <td>
                    <Bar
                      share={Math.max(0, one.logE) / one.limit}
                      tone={one.logE >= one.limit ? 'bad' : one.logE > one.limit / 2 ? 'care' : 'flow'}
                      label={`${figure(one.logE)} of ${figure(one.limit)}`}
                    />{' '}
                    <small class="tab">
                      {figure(Math.max(0, one.logE))} / {figure(one.limit)}
                    </small>
                  </td>
                </tr>
              ))}
            </Table>
            {evidence.loss ? <Interval loss={evidence.loss} /> : <p class="quiet pad">No labels have come back yet.</p>}
          </div>
        )}
      </div>
    </div>
  )
}

export function DeploymentsPage() {
  const found = useResource<{ deployments: readonly Deployment[] }>('/v1/deployments')
  return (
    <>
      <Title note="What answers now, and what is on its way in. Nothing is promoted by a timer.">Deployments</Title>
      <Loaded of={found} lines={10}>
        {({ deployments }) =>
          deployments.map(one => {
            const stable = one.status?.stable ?? one.stored
            return (
              <Panel
                key={one.name}
                title={one.name}
                aside={one.health && <Mark state={one.health.ready ? 'ready' : 'not ready'} />}
              >
                {one.health && !one.health.ready && <p class="trouble">{one.health.reasons.join('; ')}</p>}
                {stable ? (
                  <div class="facts">
                    <div>
                      <b>v{stable.version}</b>
                      <small>
                        stable since <Time at={stable.since} />
                      </small>
                    </div>
                    {one.status && (
                      <>
                        <div>
                          <b>{number(one.status.requests.stable + one.status.requests.canary)}</b>
                          <small>requests</small>
                        </div>
                        <div>
                          <b>{number(one.status.requests.errors)}</b>
                          <small>errors</small>
                        </div>
                        <div>
                          <b>{number(one.status.latencyMicros.p99 / 1000, 2)} ms</b>
                          <small>p99</small>
                        </div>
                      </>
                    )}
                  </div>
                ) : (
                  <Empty command={`millrace deploy ${one.name}`}>Nothing is deployed here yet.</Empty>
                )}
                <Rollout deployment={one} />
                {one.decisions.length > 0 && (
                  <details open>
                    <summary>Decisions</summary>
                    <ol class="decisions">
                      {one.decisions.slice(0, 8).map(decision => (
                        <DecisionItem key={decision.id} decision={decision} />
                      ))}
                    </ol>
                  </details>
                )}
              </Panel>
            )
          })
        }
      </Loaded>
    </>
  )
}
