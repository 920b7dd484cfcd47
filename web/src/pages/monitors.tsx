import { useEffect, useRef } from 'preact/hooks'
import { useResource } from '../api.ts'
import type { Line } from '../chart.ts'
import { figure } from '../format.ts'
import { Empty, Loaded, Mark, Panel, Time, Title } from '../parts.tsx'
import type { Alert, Window } from '../types.ts'

interface Monitor {
  readonly name: string
  readonly deployment: string
  readonly alerts: readonly Alert[]
}

const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null)

function Chart({ times, lines, label }: { times: readonly number[]; lines: readonly Line[]; label: string }) {
  const place = useRef<HTMLDivElement>(null)
  const key = `${times.at(-1)} ${lines[0]?.values.at(-1)} ${times.length}`
  useEffect(() => {
    let gone = false
    let end = (): void => {}
    void import('../chart.ts').then(({ draw }) => {
      if (!gone && place.current) end = draw(place.current, times, lines)
    })
    return () => {
      gone = true
      end()
    }
  }, [key])
  return <div class="chart" ref={place} role="img" aria-label={label} />
}

function names(series: string): string {
  if (series === 'output') return "The model's score"
  if (series === 'performance') return 'Realised performance'
  return series.replace(/^column:/, '')
}

function Series({ series, windows }: { series: string; windows: readonly Window[] }) {
  const last = windows.at(-1)?.body ?? {}
  const drift = windows.some(one => typeof one.body.psi === 'number')
  const value = drift
    ? 'psi'
    : (['value', 'auc', 'logLoss', 'loss', 'metric'].find(name =>
        windows.some(one => typeof one.body[name] === 'number'),
      ) ?? 'value')
  const limit = drift ? 'thetaDrift' : 'floor'
  const what = drift ? 'PSI' : typeof last.metric === 'string' ? last.metric.toUpperCase() : value
  const lines: Line[] = [{ label: what, values: windows.map(one => numberOf(one.body[value])) }]
  if (windows.some(one => typeof one.body[limit] === 'number'))
    lines.push({
      label: drift ? 'drift above' : 'alarm below',
      values: windows.map(one => numberOf(one.body[limit])),
      limit: true,
    })
  if (lines[0]?.values.every(one => one === null)) return null
  return (
    <Panel
      title={names(series)}
      id={series}
      aside={
        <span class="line">
          {typeof last.verdict === 'string' && (
            <Mark state={last.verdict === 'drift' ? 'fail' : last.verdict} word={false} />
          )}
          <small class="tab">
            {what} {figure(last[value])}
          </small>
        </span>
      }
    >
      <Chart
        times={windows.map(one => one.from)}
        lines={lines}
        label={`${what} of ${names(series)} over ${windows.length} windows, now ${figure(last[value])}${limit in last ? `, limit ${figure(last[limit])}` : ''}`}
      />
    </Panel>
  )
}

function MonitorView({ monitor }: { monitor: Monitor }) {
  const found = useResource<{ windows: readonly Window[] }>(`/v1/monitors/${encodeURIComponent(monitor.name)}`)
  const bySeries = new Map<string, Window[]>()
  for (const one of found.data?.windows ?? []) bySeries.set(one.series, [...(bySeries.get(one.series) ?? []), one])
  const order = (series: string): number => (series === 'performance' ? 0 : series === 'output' ? 1 : 2)
  return (
    <>
      <Panel title={monitor.name} aside={<small>watches {monitor.deployment}</small>}>
        {monitor.alerts.length === 0 ? (
          <p class="quiet pad">No alerts.</p>
        ) : (
          <ul class="alerts">
            {monitor.alerts.map(alert => (
              <li key={alert.fingerprint}>
                <Mark state={alert.state} />
                <span>{alert.summary}</span>
                <Time at={alert.startsAt} />
              </li>
            ))}
          </ul>
        )}
        {found.data?.windows.length === 0 && (
          <Empty command="millrace up">
            No window has been closed yet: statistics appear as predictions are asked for.
          </Empty>
        )}
      </Panel>
      <Loaded of={found}>
        {() => (
          <div class="grid">
            {[...bySeries]
              .toSorted(([a], [b]) => order(a) - order(b))
              .map(([series, windows]) => (
                <Series key={series} series={series} windows={windows} />
              ))}
          </div>
        )}
      </Loaded>
    </>
  )
}

export function MonitorsPage() {
  const found = useResource<{ monitors: readonly Monitor[] }>('/v1/monitors')
  return (
    <>
      <Title note="Each window is compared with the training baseline, whose own week-to-week variation is allowed for.">
        Monitors
      </Title>
      <Loaded of={found}>
        {({ monitors }) =>
          monitors.length === 0 ? (
            <Panel title="Monitors">
              <Empty command="monitor('name', { deployment })">The project declares no monitor.</Empty>
            </Panel>
          ) : (
            monitors.map(one => <MonitorView key={one.name} monitor={one} />)
          )
        }
      </Loaded>
    </>
  )
}
