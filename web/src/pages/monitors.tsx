import { useResource } from '../api.ts'
import type { Line } from '../chart.ts'
import { Chart } from '../lines.tsx'
import { figure } from '../format.ts'
import { Empty, Loaded, Mark, Panel, Time, Title } from '../parts.tsx'
import type { Alert, Window } from '../types.ts'

interface Monitor {
  readonly name: string
  readonly deployment: string
  readonly alerts: readonly Alert[]
}

const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null)

function names(series: string): string {
  if (series === 'score') return "The model's score"
  if (series === 'performance') return 'Realised performance'
  return series.replace(/^column:/, '')
}

interface Shown {
  readonly what: string
  readonly value: (one: Window) => number | null
  readonly limit?: { readonly name: string; readonly value: (one: Window) => number | null }
}

/** Realised performance is an estimate: `{auc: {value, lower, upper}}`. */
function estimate(name: string): Shown {
  const read = (one: Window): number | null =>
    numberOf((one.body[name] as { readonly value?: unknown } | null | undefined)?.value)
  return { what: name === 'auc' ? 'AUC' : 'loss', value: read }
}

function shownOf(series: string, windows: readonly Window[]): Shown | undefined {
  if (series === 'performance') {
    const [auc, loss] = [estimate('auc'), estimate('loss')]
    return [auc, loss].find(one => windows.some(window => one.value(window) !== null))
  }
  if (!windows.some(one => typeof one.body.times === 'number')) return undefined
  return {
    what: 'change',
    value: one => numberOf(one.body.times),
    limit: { name: 'smallest that matters', value: () => 1 },
  }
}

function Series({ series, windows }: { series: string; windows: readonly Window[] }) {
  const shown = shownOf(series, windows)
  const last = windows.at(-1)
  if (!shown || !last) return null
  const { what, value, limit } = shown
  const now = figure(value(last) ?? '–')
  const verdict = last.body.verdict
  const lines: Line[] = [{ label: what, values: windows.map(value) }]
  if (limit) lines.push({ label: limit.name, values: windows.map(limit.value), limit: true })
  const words = `${what} of ${names(series)} over ${windows.length} windows, now ${now}`
  return (
    <Panel
      title={names(series)}
      id={series}
      aside={
        <span class="line">
          {typeof verdict === 'string' && <Mark state={verdict === 'drift' ? 'fail' : verdict} word={false} />}
          <small class="tab">
            {what} {now}
          </small>
        </span>
      }
    >
      <Chart
        times={windows.map(one => one.from)}
        lines={lines}
        label={limit ? `${words}, limit ${figure(limit.value(last) ?? '–')}` : words}
      />
    </Panel>
  )
}

function MonitorView({ monitor }: { monitor: Monitor }) {
  const found = useResource<{ windows: readonly Window[] }>(`/v1/monitors/${encodeURIComponent(monitor.name)}`)
  const bySeries = new Map<string, Window[]>()
  for (const one of found.data?.windows ?? []) bySeries.set(one.series, [...(bySeries.get(one.series) ?? []), one])
  const order = (series: string): number => (series === 'performance' ? 0 : series === 'score' ? 1 : 2)
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
      <Title note="The last windows are compared with the training baseline, whose own days and weeks are allowed for.">
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
