import { may, useResource } from '../api.ts'
import { figure, number, percent } from '../format.ts'
import { Bar, DecisionItem, Empty, Loaded, Mark, Panel, Table, Time, Title, Trouble } from '../parts.tsx'
import { SendButton, usePost } from '../post.tsx'
import { ContestPanel } from './deployment-contest.tsx'
import { TrafficCharts } from './deployment-charts.tsx'
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

interface Verb {
  readonly verb: string
  readonly label: string
  readonly tone: string
  readonly scope: string
  /** Asked for twice, with what it does. */
  readonly sure?: string
}

/** What may be said of a rollout as it stands. */
function verbsOf(rollout: NonNullable<Deployment['rollout']>): readonly Verb[] {
  const { hold, config } = rollout
  const challenger = config?.challenger ?? 'the challenger'
  const stable = config?.stable ?? 'stable'
  const halting: Verb =
    hold === 'alarm' || hold === 'paused' || hold === 'timeout'
      ? { verb: 'resume', label: 'Resume', tone: '', scope: 'operate' }
      : { verb: 'pause', label: 'Pause', tone: '', scope: 'operate' }
  return [
    ...(hold === 'approval'
      ? [{ verb: 'approve', label: 'Approve', tone: 'main', scope: 'approve', sure: 'Approve: sure?' }]
      : []),
    ...(rollout.phase === 'bake'
      ? []
      : [
          {
            verb: 'promote',
            label: 'Promote',
            tone: hold === 'approval' ? '' : 'main',
            scope: 'operate',
            sure: `All traffic to ${challenger}?`,
          },
        ]),
    halting,
    { verb: 'abort', label: 'Roll back', tone: 'stop', scope: 'operate', sure: `All traffic to ${stable}?` },
  ]
}

function Buttons({ name, rollout }: { name: string; rollout: NonNullable<Deployment['rollout']> }) {
  const { problem, post } = usePost()
  const verbs = verbsOf(rollout).filter(one => may(one.scope))
  if (verbs.length === 0) return <p class="quiet">Your token may look, and not operate.</p>
  return (
    <>
      <div class="buttons" role="group" aria-label={`Rollout of ${name}`}>
        {verbs.map(({ verb, label, sure, tone }) => (
          <SendButton
            key={verb}
            label={label}
            sure={sure}
            tone={tone}
            send={() => void post(`/v1/deployments/${encodeURIComponent(name)}:${verb}`)}
          />
        ))}
      </div>
      {problem && <Trouble problem={problem} />}
    </>
  )
}

const holds: Readonly<Record<string, string>> = {
  timeout: 'what it needs has not come in time; it goes on when it does',
  queries: 'waits for its queries to hold',
  hours: 'waits for its hours',
  after: 'waits for another rollout',
  approval: 'waits for an approval',
  alarm: 'asks a person',
  paused: 'paused by hand',
}

/** What predictions turned out to be worth, with each arm. */
function Worth({ metrics }: { metrics: RolloutEvidence['metrics'] }) {
  if (metrics.length === 0) return null
  return (
    <Table
      caption="What predictions turned out to be worth"
      heads={['Metric', '#Stable', '#Canary', 'Canary is worse by']}
    >
      {metrics.map(one => (
        <tr key={one.name}>
          <th scope="row">{one.name}</th>
          <td class="n">
            {figure(one.stable.mean)} <small>of {number(one.stable.n)}</small>
          </td>
          <td class="n">
            {figure(one.canary.mean)} <small>of {number(one.canary.n)}</small>
          </td>
          <td>
            {one.lower === null || one.upper === null
              ? 'not known yet'
              : `${figure(one.lower)} to ${figure(one.upper)} (up to ${figure(one.allowed)} allowed)`}
          </td>
        </tr>
      ))}
    </Table>
  )
}

const range = ({ min, max }: { min: number | null; max: number | null }): string =>
  [...(min === null ? [] : [`≥ ${figure(min)}`]), ...(max === null ? [] : [`≤ ${figure(max)}`])].join(', ')

/** What Prometheus says of the challenger. */
function Queries({ queries }: { queries: RolloutEvidence['queries'] }) {
  if (queries.length === 0) return null
  return (
    <Table caption="What Prometheus is asked" heads={['Query', '#Says', 'Promised', 'Stands']}>
      {queries.map(one => (
        <tr key={one.name}>
          <th scope="row">{one.name}</th>
          <td class="n">{one.value === null ? '–' : figure(one.value)}</td>
          <td>{range(one)}</td>
          <td title={one.says}>
            {one.verdict === 'beyond'
              ? `beyond, ${one.failures} of ${one.allowed} in a row`
              : one.verdict === 'open'
                ? 'not answered in this step'
                : 'holds'}
          </td>
        </tr>
      ))}
    </Table>
  )
}

/** What speaks against the challenger, beside what takes it back; `names`: what it is of. */
function GuardrailRow({
  names: [first, ...more],
  one,
}: {
  names: readonly string[]
  one: Omit<RolloutEvidence['guardrails'][number], 'name'>
}) {
  return (
    <tr>
      <th scope="row">{first}</th>
      {more.map(name => (
        <td key={name}>{name}</td>
      ))}
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
          {hold ? ` · ${holds[hold] ?? hold}` : ''}
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
          {!over && <Buttons name={deployment.name} rollout={rollout} />}
        </div>
        {evidence && (
          <div>
            <Table
              caption="Guardrails of the rollout"
              heads={['Guardrail', '#Against it', '#Arms differ', 'ln e-value to limit']}
            >
              {evidence.guardrails.map(one => (
                <GuardrailRow key={one.name} names={[one.name]} one={one} />
              ))}
            </Table>
            {evidence.segments.length > 0 && (
              <Table
                caption="Guardrails within segments, nearest to their limits first"
                heads={['Segment', 'Guardrail', '#Against it', '#Arms differ', 'ln e-value to limit']}
              >
                {evidence.segments.map(one => (
                  <GuardrailRow
                    key={`${one.segment} ${one.kind}`}
                    names={[one.segment ?? 'rare segments together', one.kind]}
                    one={one}
                  />
                ))}
              </Table>
            )}
            <Worth metrics={evidence.metrics} />
            <Queries queries={evidence.queries} />
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
                  </div>
                ) : (
                  <Empty command={`millrace deploy ${one.name}`}>Nothing is deployed here yet.</Empty>
                )}
                {one.contest && <ContestPanel name={one.name} contest={one.contest} />}
                <Rollout deployment={one} />
                {one.status && <TrafficCharts name={one.name} rolling={one.rollout !== null} />}
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
