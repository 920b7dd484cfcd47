import { useResource } from '../api.ts'
import { number, percent } from '../format.ts'
import { Bar, Empty, Loaded, Mark, Panel, Sparkline, Table, Time, Title, toneOf } from '../parts.tsx'
import { Link } from '../router.tsx'
import type { Check, Report, ReportLine } from '../types.ts'

interface Series {
  readonly id: string
  readonly measures: 'value' | 'bad share'
  readonly values: readonly (number | null)[]
}

interface Dataset {
  readonly name: string
  readonly last: Report | null
  readonly history: readonly ReportLine[]
  readonly series: readonly Series[]
}

/** What a check is about: its columns and its kind; the id where it was named. */
function titleOf({ id, kind, target }: Check): string {
  const about = [target?.columns?.join(', '), target?.slice].filter(Boolean).join(' in ')
  return about === '' ? id : `${about} ${kind}`
}

const worst = ['error', 'fail', 'warn', 'info', 'skipped', 'pass']

const mostSince = 5

/** What a check means for the whole, as the reports of the command line have it. */
function outcomeOf({ status, severity }: Check): string {
  if (status !== 'fail' && status !== 'warn') return status
  return severity === 'info' ? 'info' : severity === 'warning' ? 'warn' : status
}

/** What does not hold first, otherwise in the order of the declarations. */
function worstFirst(checks: readonly Check[]): readonly Check[] {
  return checks.toSorted((a, b) => worst.indexOf(outcomeOf(a)) - worst.indexOf(outcomeOf(b)))
}

function Trend({ of }: { of: Series | undefined }) {
  const values = of?.values.filter(value => value !== null) ?? []
  if (!of || values.length < 2) return null
  const text = of.measures === 'value' ? number(values.at(-1) ?? 0, 4) : percent(values.at(-1) ?? 0, 4)
  return <Sparkline values={values} label={`${of.measures} in the last ${values.length} validations, now ${text}`} />
}

function CheckRows({ checks, series }: { checks: readonly Check[]; series: readonly Series[] }) {
  const byId = new Map(series.map(one => [one.id, one]))
  return (
    <>
      {worstFirst(checks).map(check => (
        <tr key={check.id}>
          <td>
            <Mark state={outcomeOf(check)} />
          </td>
          <th scope="row" title={check.id}>
            {titleOf(check)}
          </th>
          <td class="wide">{check.message}</td>
          <td class="n">{number(check.bad)}</td>
          <td>
            {check.bad > 0 && (
              <Bar
                share={check.evaluated > 0 ? Math.sqrt(check.bad / check.evaluated) : 0}
                tone={toneOf(outcomeOf(check))}
                label={`${percent(check.bad / Math.max(1, check.evaluated), 4)} bad`}
              />
            )}
          </td>
          <td>
            <Trend of={byId.get(check.id)} />
          </td>
        </tr>
      ))}
    </>
  )
}

export function ReportView({
  report,
  name,
  series = [],
}: {
  report: Report
  name: string
  series?: readonly Series[]
}) {
  const samples = report.checks.filter(check => (check.sample?.length ?? 0) > 0)
  return (
    <>
      <Table caption={`Checks of ${name}`} heads={['State', 'Check', 'What was found', '#Bad', 'Share (√)', 'Before']}>
        <CheckRows checks={report.checks} series={series} />
      </Table>
      {samples.map(check => (
        <details key={check.id}>
          <summary>
            {(check.sample?.length ?? 0) > check.bad
              ? `What was looked at for ${titleOf(check)}: ${check.sample?.length}`
              : `Rows that break ${titleOf(check)}: ${check.sample?.length} of ${number(check.bad)}`}
          </summary>
          <Table caption={`Rows that break ${titleOf(check)}`} heads={Object.keys(check.sample?.[0] ?? {})}>
            {check.sample?.map((row, i) => (
              <tr key={i}>
                {Object.entries(row).map(([column, value]) => (
                  <td key={column} class={typeof value === 'number' ? 'n' : ''}>
                    {value === null ? '∅' : String(value)}
                  </td>
                ))}
              </tr>
            ))}
          </Table>
        </details>
      ))}
    </>
  )
}

/** What was looked at since the whole was, such as a file that arrived. */
function Since({ last, history }: Pick<Dataset, 'last' | 'history'>) {
  const since = history.filter(one => one.part !== null && one.at > (last?.at ?? 0))
  if (since.length === 0) return null
  return (
    <ul aria-label="Looked at since">
      {since.slice(0, mostSince).map(one => (
        <li key={one.id}>
          <Mark state={one.status} /> <Link to={`/reports/${one.id}`}>{one.part}</Link> <Time at={one.at} />
        </li>
      ))}
    </ul>
  )
}

/** The panel of a dataset: the last look at the whole of it, and what parts were looked at since. */
function DatasetFacts({ last, history }: { last: Report; history: readonly ReportLine[] }) {
  const line = history.find(one => one.id === last.id)
  const whole = history.filter(one => one.part === null)
  return (
    <div class="facts">
      <div>
        <Mark state={last.status} />
        <small>{line?.part ? `of ${line.part}` : `${last.checks.length} checks`}</small>
      </div>
      <div>
        <b>{number(line?.evaluated ?? 0)}</b>
        <small>rows</small>
      </div>
      <div>
        <b>{number(line?.bad ?? 0)}</b>
        <small>set aside</small>
      </div>
      <div class="grow">
        <Sparkline
          bars
          values={whole.map(one => one.bad).toReversed()}
          label={`Rows set aside in the last ${whole.length} validations`}
        />
        <small>set aside, last {whole.length} validations</small>
      </div>
    </div>
  )
}

export function DataPage() {
  const found = useResource<{ datasets: readonly Dataset[] }>('/v1/datasets')
  return (
    <>
      <Title note="What came in, which rules it was held against, and what was set aside.">Data</Title>
      <Loaded of={found}>
        {({ datasets }) =>
          datasets.map(({ name, last, history, series }) => (
            <Panel key={name} title={name} aside={last && <Time at={last.at} />}>
              {last ? (
                <>
                  <DatasetFacts last={last} history={history} />
                  <Since last={last} history={history} />
                  <ReportView report={last} name={name} series={series} />
                </>
              ) : (
                <Empty command="millrace validate">{name} has not been validated yet.</Empty>
              )}
            </Panel>
          ))
        }
      </Loaded>
    </>
  )
}

export function ReportPage({ id }: { id: string }) {
  const found = useResource<Report>(`/v1/reports/${encodeURIComponent(id)}`)
  return (
    <>
      <Title>Report</Title>
      <Loaded of={found}>
        {report => (
          <Panel title={`${report.kind}: ${report.subject}`} aside={<Mark state={report.status} />}>
            <ReportView report={report} name={report.subject} />
          </Panel>
        )}
      </Loaded>
    </>
  )
}
