import { useResource } from '../api.ts'
import { dateTime, duration, figure } from '../format.ts'
import { Empty, Loaded, Mark, Panel, Table, Time, Title, toneOf } from '../parts.tsx'
import { Link } from '../router.tsx'
import { Jobs } from './jobs.tsx'
import type { ReportLine, Run, Step } from '../types.ts'

export function RunsPage() {
  const found = useResource<{ runs: readonly Run[] }>('/v1/runs?limit=100')
  return (
    <>
      <Title note="Every execution, why it started, and how it ended.">Runs</Title>
      <Loaded of={found}>
        {({ runs }) => (
          <Panel title="All runs">
            {runs.length === 0 ? (
              <Empty command="millrace train">Nothing has run yet.</Empty>
            ) : (
              <Table caption="Runs, newest first" heads={['State', 'Run', 'Started because of', 'Started', '#Took']}>
                {runs.map(run => (
                  <tr key={run.id}>
                    <td>
                      <Mark state={run.status} />
                    </td>
                    <th scope="row">
                      <Link to={`/runs/${run.id}`}>
                        {run.name} <code>{run.id.slice(-6)}</code>
                      </Link>
                    </th>
                    <td>{run.trial ? `${run.trigger}: ${run.trial}` : run.trigger}</td>
                    <td>
                      <Time at={run.startedAt} />
                    </td>
                    <td class="n">{run.endedAt === undefined ? '…' : duration(run.endedAt - run.startedAt)}</td>
                  </tr>
                ))}
              </Table>
            )}
          </Panel>
        )}
      </Loaded>
      <Jobs />
    </>
  )
}

function Gantt({ steps, run }: { steps: readonly Step[]; run: Run }) {
  const end = run.endedAt ?? Math.max(...steps.map(step => step.endedAt ?? Date.now() * 1000))
  const length = Math.max(1, end - run.startedAt)
  return (
    <ol class="gantt">
      {steps.map(step => {
        const from = ((step.startedAt ?? run.startedAt) - run.startedAt) / length
        const to = ((step.endedAt ?? end) - run.startedAt) / length
        const took =
          step.startedAt !== undefined && step.endedAt !== undefined ? duration(step.endedAt - step.startedAt) : ''
        return (
          <li key={step.step}>
            <span class="line">
              <Mark state={step.status} />
              <strong>{step.step}</strong>
              <span class="quiet">{step.reason}</span>
              <span class="n">{step.status === 'skipped' ? '' : took}</span>
            </span>
            <span class="track" aria-hidden="true">
              {step.startedAt !== undefined && (
                <i
                  class={toneOf(step.status)}
                  style={{ left: `${100 * from}%`, width: `${Math.max(0.4, 100 * (to - from))}%` }}
                />
              )}
            </span>
          </li>
        )
      })}
    </ol>
  )
}

interface Detail {
  readonly run: Run & {
    readonly environment: Readonly<Record<string, unknown>>
    readonly parameters: Readonly<Record<string, unknown>>
  }
  readonly steps: readonly Step[]
  readonly metrics: readonly { readonly key: string; readonly value: number }[]
  readonly reports: readonly ReportLine[]
}

export function RunPage({ id }: { id: string }) {
  const found = useResource<Detail>(`/v1/runs/${encodeURIComponent(id)}`)
  const run = found.data?.run
  return (
    <>
      <Title note={run ? `Started ${dateTime(run.startedAt)} UTC by ${run.trigger}` : ' '}>{run?.name ?? 'Run'}</Title>
      <Loaded of={found}>
        {({ steps, metrics, reports, run: whole }) => (
          <>
            {whole.error?.title && <div class="trouble">{whole.error.title}</div>}
            <Panel title="Steps" aside={<Mark state={whole.status} />}>
              {steps.length > 0 ? (
                <Gantt steps={steps} run={whole} />
              ) : (
                <p class="quiet pad">A tracked run of an outside client has no steps.</p>
              )}
            </Panel>
            {reports.length > 0 && (
              <Panel title="Checks">
                <Table caption="Reports of this run" heads={['State', 'Report', 'Of', '#Failed']}>
                  {reports.map(one => (
                    <tr key={one.id}>
                      <td>
                        <Mark state={one.status} />
                      </td>
                      <th scope="row">
                        <Link to={`/reports/${one.id}`}>{one.kind}</Link>
                        {one.runId !== id && <span class="quiet"> reused</span>}
                      </th>
                      <td>{one.subject}</td>
                      <td class="n">{one.failed}</td>
                    </tr>
                  ))}
                </Table>
              </Panel>
            )}
            {metrics.length > 0 && (
              <Panel title="Metrics">
                <Table caption="Latest value of each metric" heads={['Metric', '#Value']}>
                  {metrics.map(one => (
                    <tr key={one.key}>
                      <th scope="row">{one.key}</th>
                      <td class="n">{figure(one.value)}</td>
                    </tr>
                  ))}
                </Table>
              </Panel>
            )}
            <Panel title="Ran with">
              <dl>
                {Object.entries({ ...whole.parameters, ...whole.environment }).map(([key, value]) => (
                  <div key={key}>
                    <dt>{key}</dt>
                    <dd>{(typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 120)}</dd>
                  </div>
                ))}
              </dl>
            </Panel>
          </>
        )}
      </Loaded>
    </>
  )
}
