import { useResource } from '../api.ts'
import type { Feature, FeaturesPlan, View } from '../feature-types.ts'
import { duration, number } from '../format.ts'
import { Empty, Loaded, Mark, Panel, Table, Time, Title } from '../parts.tsx'
import { Link } from '../router.tsx'
import { Compared, Examples } from './feature-comparison.tsx'
import { Lineage } from './feature-lineage.tsx'
import { Lookup } from './feature-lookup.tsx'
import { Plan } from './feature-plan.tsx'
import { Reads } from './feature-reads.tsx'

/** The window of a feature in words. */
function windowOf({ aggregation, window, align }: Feature): string {
  if (aggregation === 'derived') return 'of other features'
  if (align === null) return window === null ? 'all, or the ttl' : duration(window)
  const zone = align.zone === undefined ? '' : `, ${align.zone}`
  if (align.toDate) return `since ${duration(align.every)} began${zone}`
  return `${duration(window ?? align.every)}, every ${duration(align.every)}${zone}`
}

/** The age of the newest event beside what is promised of it. */
function Fresh({ of: { newest, promise, isBroken } }: { of: NonNullable<View['freshness']> }) {
  return (
    <div>
      <b class={isBroken ? 'bad' : ''}>{newest === null ? '–' : duration(Date.now() * 1000 - newest)}</b>
      <small>
        since the newest event, {duration(promise)} promised {isBroken && <Mark state="firing" word={false} />}
      </small>
    </div>
  )
}

function State({ view }: { view: View }) {
  const { materialisation, verification, freshness } = view
  if (!view.online) return <p class="quiet pad">Of training sets only: it is not kept online.</p>
  if (!materialisation && !verification && !freshness)
    return <Empty command="millrace features materialise">{view.name} is not in the online store yet.</Empty>
  return (
    <div class="facts">
      {materialisation && (
        <div>
          <b>{number(materialisation.rows ?? 0)}</b>
          <small>
            events
            {materialisation.entities !== undefined && ` of ${number(materialisation.entities)} entities`} materialised{' '}
            <Time at={materialisation.at} />
          </small>
        </div>
      )}
      {freshness && <Fresh of={freshness} />}
      {verification && (
        <div>
          <b class={verification.mismatches ? 'bad' : ''}>{number(verification.mismatches)}</b>
          <small>
            mismatches in {number(verification.compared)} values, <Time at={verification.at} />
          </small>
        </div>
      )}
    </div>
  )
}

function Users({ view: { models, served } }: { view: View }) {
  if (models.length === 0 && served.length === 0) return <p class="quiet pad">Nothing reads it yet.</p>
  return (
    <p class="pad">
      Read by{' '}
      {models.map((name, i) => (
        <span key={name}>
          {i > 0 && ', '}
          <Link to={`/models/${name}`}>{name}</Link>
        </span>
      ))}
      {models.length > 0 && served.length > 0 && '; served with '}
      {served.map(({ deployment, arm, version }, i) => (
        <span key={`${deployment}-${arm}`}>
          {i > 0 && ', '}
          <Link to="/deployments">{deployment}</Link> (
          <Link to={`/models/${version.replace('@', '/')}`}>{version}</Link>, {arm})
        </span>
      ))}
      .
    </p>
  )
}

function ViewPanel({ view }: { view: View }) {
  const { entity, source, roleOf, ttl } = view
  const whose = entity.keys.length === 0 ? 'all rows' : `${entity.name} (${entity.keys.join(', ')})`
  return (
    <Panel
      title={view.name}
      aside={
        <small>
          {whose} from {source}
          {roleOf !== null && `, a role of ${roleOf}`}
          {ttl !== null && `, ttl ${duration(ttl)}`}
        </small>
      }
    >
      <State view={view} />
      {view.knownTime === 'ignore' && (
        <p class="trouble">This view ignores when values became known: it leaks, and is of use only to show that.</p>
      )}
      <Users view={view} />
      <Table caption={`Features of ${view.name}`} heads={['Feature', 'Aggregate', 'Window', 'Type', 'Of columns']}>
        {view.features.map(one => (
          <tr key={one.name}>
            <th scope="row">{one.name}</th>
            <td>{one.aggregation}</td>
            <td>{windowOf(one)}</td>
            <td>{one.type}</td>
            <td>{one.columns.join(', ') || 'the event itself'}</td>
          </tr>
        ))}
      </Table>
      <Compared view={view} />
      <Examples view={view} />
      <Reads view={view} />
      <Lineage view={view} />
      {view.online && <Lookup view={view} />}
    </Panel>
  )
}

export function FeaturesPage() {
  const found = useResource<{ views: readonly View[] }>('/v1/features')
  const plan = useResource<FeaturesPlan>('/v1/features/plan')
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
            <>
              <Loaded of={plan} lines={2}>
                {one => <Plan plan={one} />}
              </Loaded>
              {views.map(view => (
                <ViewPanel key={view.name} view={view} />
              ))}
            </>
          )
        }
      </Loaded>
    </>
  )
}
