import { useResource } from '../api.ts'
import { duration, number } from '../format.ts'
import { Empty, Loaded, Panel, Table, Time, Title } from '../parts.tsx'

interface View {
  readonly name: string
  readonly entity: { readonly name: string; readonly keys: readonly string[] }
  readonly source: string
  readonly online: boolean
  readonly knownTime: string
  readonly features: readonly {
    readonly name: string
    readonly aggregation: string
    readonly type: string
    readonly window: number | null
    readonly align: { readonly every: number; readonly zone?: string; readonly toDate?: true } | null
  }[]
  readonly materialisation: { readonly at: number; readonly rows?: number; readonly entities?: number } | null
  readonly verification: { readonly at: number; readonly compared?: number; readonly mismatches?: number } | null
}

/** The window of a feature in words. */
function windowOf({ aggregation, window, align }: View['features'][number]): string {
  if (aggregation === 'derived') return 'of other features'
  if (align === null) return window === null ? 'all, or the ttl' : duration(window)
  const zone = align.zone === undefined ? '' : `, ${align.zone}`
  if (align.toDate) return `since ${duration(align.every)} began${zone}`
  return `${duration(window ?? align.every)}, every ${duration(align.every)}${zone}`
}

function State({ view }: { view: View }) {
  const { materialisation, verification } = view
  if (!materialisation && !verification)
    return <Empty command="millrace features materialise">{view.name} is not in the online store yet.</Empty>
  return (
    <div class="facts">
      {materialisation && (
        <div>
          <b>{number(materialisation.rows ?? 0)}</b>
          <small>
            events materialised <Time at={materialisation.at} />
          </small>
        </div>
      )}
      {verification && (
        <div>
          <b class={verification.mismatches ? 'bad' : ''}>{number(verification.mismatches ?? 0)}</b>
          <small>
            mismatches in {number(verification.compared ?? 0)} values, <Time at={verification.at} />
          </small>
        </div>
      )}
    </div>
  )
}

export function FeaturesPage() {
  const found = useResource<{ views: readonly View[] }>('/v1/features')
  return (
    <>
      <Title note="Computed by one definition offline and online; verified by comparing both.">Features</Title>
      <Loaded of={found}>
        {({ views }) =>
          views.length === 0 ? (
            <Panel title="Feature views">
              <Empty command="features('name', { … })">The project declares no feature views.</Empty>
            </Panel>
          ) : (
            views.map(view => (
              <Panel
                key={view.name}
                title={view.name}
                aside={
                  <small>
                    {view.entity.keys.length === 0
                      ? 'all rows'
                      : `${view.entity.name} (${view.entity.keys.join(', ')})`}{' '}
                    from {view.source}
                  </small>
                }
              >
                <State view={view} />
                {view.knownTime === 'ignore' && (
                  <p class="trouble">
                    This view ignores when values became known: it leaks, and is of use only to show that.
                  </p>
                )}
                <Table caption={`Features of ${view.name}`} heads={['Feature', 'Aggregate', 'Window', 'Type']}>
                  {view.features.map(one => (
                    <tr key={one.name}>
                      <th scope="row">{one.name}</th>
                      <td>{one.aggregation}</td>
                      <td>{windowOf(one)}</td>
                      <td>{one.type}</td>
                    </tr>
                  ))}
                </Table>
              </Panel>
            ))
          )
        }
      </Loaded>
    </>
  )
}
