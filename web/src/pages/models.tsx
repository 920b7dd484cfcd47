import { useResource } from '../api.ts'
import { figure, shortDigest, shortNode } from '../format.ts'
import { Empty, Loaded, Mark, Panel, Table, Time, Title } from '../parts.tsx'
import { Link } from '../router.tsx'
import type { Edge, ModelVersion, Report } from '../types.ts'
import { ReportView } from './data.tsx'

interface Model {
  readonly name: string
  readonly versions: readonly ModelVersion[]
  readonly aliases: Readonly<Record<string, number>>
}

export function ModelsPage() {
  const found = useResource<{ models: readonly Model[] }>('/v1/models')
  return (
    <>
      <Title note="Each version was trained, exported, tested and registered as one immutable file.">Models</Title>
      <Loaded of={found}>
        {({ models }) =>
          models.map(({ name, versions, aliases }) => {
            const metrics = [...new Set(versions.flatMap(one => Object.keys(one.metrics)))].slice(0, 5)
            return (
              <Panel key={name} title={name}>
                {versions.length === 0 ? (
                  <Empty command={`millrace train ${name}`}>{name} has no version yet.</Empty>
                ) : (
                  <Table
                    caption={`Versions of ${name}`}
                    heads={['Version', 'Alias', ...metrics.map(metric => `#${metric}`), 'Registered', 'Digest']}
                  >
                    {versions.map(one => (
                      <tr key={one.version}>
                        <th scope="row">
                          <Link to={`/models/${name}/${one.version}`}>v{one.version}</Link>
                        </th>
                        <td>
                          {Object.entries(aliases)
                            .filter(([, version]) => version === one.version)
                            .map(([alias]) => (
                              <span key={alias} class="tag">
                                {alias}
                              </span>
                            ))}
                        </td>
                        {metrics.map(metric => (
                          <td key={metric} class="n">
                            {figure(one.metrics[metric] ?? '')}
                          </td>
                        ))}
                        <td>
                          <Time at={one.createdAt} />
                        </td>
                        <td>
                          <code>{shortDigest(one.digest)}</code>
                          {one.sameAs !== null && <small class="quiet"> = v{one.sameAs}</small>}
                        </td>
                      </tr>
                    ))}
                  </Table>
                )}
              </Panel>
            )
          })
        }
      </Loaded>
    </>
  )
}

function Lineage({ node }: { node: string }) {
  const found = useResource<{ from: readonly Edge[]; to: readonly Edge[] }>(
    `/v1/lineage?node=${encodeURIComponent(node)}`,
  )
  if (!found.data) return <p class="quiet pad">…</p>
  const row = (edge: Edge) => (
    <li key={`${edge.from} ${edge.to}`}>
      <code title={edge.from}>{shortNode(edge.from)}</code>
      <span class="quiet"> {edge.relation} → </span>
      <code title={edge.to}>{shortNode(edge.to)}</code>
    </li>
  )
  return <ol class="edges">{[...found.data.from.toReversed(), ...found.data.to].map(row)}</ol>
}

/** What does not hold is read; of what holds it is enough to know how much. */
function FoldedReport({ report, name }: { report: Report; name: string }) {
  const broken = report.checks.filter(check => check.status !== 'pass')
  const rest = report.checks.filter(check => check.status === 'pass')
  return (
    <>
      {broken.length > 0 && (
        <ReportView report={{ ...report, checks: broken }} name={`what does not hold of ${name}`} />
      )}
      {rest.length > 0 && (
        <details>
          <summary>{rest.length} checks that hold</summary>
          <ReportView report={{ ...report, checks: rest }} name={name} />
        </details>
      )}
    </>
  )
}

function Proofs({ reports, name }: { reports: readonly Report[]; name: string }) {
  return (
    <>
      {reports.map(report => (
        <Panel
          key={report.id}
          title={report.kind === 'model' ? 'Tests' : report.kind === 'export' ? 'Export to ONNX' : 'Scaler'}
          aside={<Mark state={report.status} />}
        >
          <FoldedReport report={report} name={name} />
        </Panel>
      ))}
    </>
  )
}

function Pictures({ pictures, champion }: Pick<Detail, 'pictures' | 'champion'>) {
  return (
    <Panel
      title="Pictures"
      aside={
        champion !== null && (
          <span class="legend">
            <i class="swatch" /> this version <i class="swatch other" /> champion {champion}
          </span>
        )
      }
    >
      <div class="pictures">
        {pictures.map(({ title, note, svg }) => (
          <figure key={title}>
            <figcaption>
              <b>{title}</b>
              <small>{note}</small>
            </figcaption>
            {/* Drawn by the server, which escapes everything that comes from data */}
            <div dangerouslySetInnerHTML={{ __html: svg }} />
          </figure>
        ))}
      </div>
    </Panel>
  )
}

interface VersionScaling {
  readonly version: number
  readonly status: string
  readonly message: string
  readonly inputs: readonly {
    readonly name: string
    readonly mean: number
    readonly deviation: number
    readonly centre: number
    readonly scale: number
    readonly unit: string | null
  }[]
}

/** Whether inputs stayed what they were from version to version, and how each was scaled. */
function Scaling({ versions, name }: { versions: readonly VersionScaling[]; name: string }) {
  const inputs = [...new Set(versions.flatMap(one => one.inputs.map(input => input.name)))]
  return (
    <Panel title="Inputs over versions" aside={<span class="quiet">mean ± deviation, (x − centre) / scale</span>}>
      <Table
        caption={`Inputs of ${name} over its versions`}
        heads={['Input', ...versions.map(one => `v${one.version}`)]}
      >
        <tr>
          <th scope="row">As before</th>
          {versions.map(({ version, status, message }) => (
            <td key={version}>
              <Mark state={status} />
              {status !== 'pass' && <small class="quiet"> {message}</small>}
            </td>
          ))}
        </tr>
        {inputs.map(input => (
          <tr key={input}>
            <th scope="row">{input}</th>
            {versions.map(({ version, inputs: own }) => {
              const found = own.find(one => one.name === input)
              const scaled = found && (found.centre !== 0 || found.scale !== 1)
              return (
                <td key={version}>
                  {found ? (
                    <>
                      {figure(found.mean)} ± {figure(found.deviation)}
                      {found.unit !== null && ` ${found.unit}`}
                      {scaled && (
                        <small class="quiet">
                          {' '}
                          (x − {figure(found.centre)}) / {figure(found.scale)}
                        </small>
                      )}
                    </>
                  ) : (
                    <span class="quiet">–</span>
                  )}
                </td>
              )
            })}
          </tr>
        ))}
      </Table>
    </Panel>
  )
}

interface Detail {
  readonly scaling: readonly VersionScaling[]
  readonly version: ModelVersion
  readonly reports: readonly Report[]
  readonly aliases: readonly string[]
  readonly pictures: readonly { readonly title: string; readonly note: string; readonly svg: string }[]
  readonly champion: string | null
}

export function ModelPage({ name, version }: { name: string; version: string }) {
  const found = useResource<Detail>(`/v1/models/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}`)
  return (
    <>
      <Title note={found.data ? shortDigest(found.data.version.digest) : ' '}>
        {name} v{version}
      </Title>
      <Loaded of={found}>
        {({ version: whole, reports, aliases, pictures, champion, scaling }) => (
          <>
            <Panel
              title="Metrics"
              aside={
                <span>
                  {aliases.map(alias => (
                    <span key={alias} class="tag">
                      {alias}
                    </span>
                  ))}
                </span>
              }
            >
              <div class="facts">
                {Object.entries(whole.metrics)
                  .slice(0, 12)
                  .map(([key, value]) => (
                    <div key={key}>
                      <b>{figure(value)}</b>
                      <small>{key}</small>
                    </div>
                  ))}
              </div>
            </Panel>
            <Proofs reports={reports.filter(report => report.kind === 'model')} name={`${name} v${version}`} />
            {pictures.length > 0 && <Pictures pictures={pictures} champion={champion} />}
            <Proofs reports={reports.filter(report => report.kind !== 'model')} name={`${name} v${version}`} />
            {scaling.some(one => one.inputs.length > 0) && <Scaling versions={scaling} name={name} />}
            <Panel title="Lineage" aside={<Link to={`/runs/${whole.runId}`}>run {whole.runId.slice(-6)}</Link>}>
              <Lineage node={`model:${name}@${version}`} />
            </Panel>
          </>
        )}
      </Loaded>
    </>
  )
}
