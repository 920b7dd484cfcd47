import { useResource } from '../api.ts'
import { DecisionItem, Loaded, Mark, Panel, Time, Title } from '../parts.tsx'
import { Link } from '../router.tsx'
import type { Decision, Stage } from '../types.ts'

const pages: Readonly<Record<string, string>> = {
  validate: '/data',
  features: '/features',
  train: '/runs',
  test: '/models',
  export: '/models',
  register: '/models',
  deploy: '/deployments',
  watch: '/monitors',
  retrain: '/decisions',
}

/** The race: one channel through all nine stages and over the wheel, drawn behind them. */
function Channel() {
  const way = 'M100 100H900Q970 100 970 170V230Q970 300 900 300H100Q30 300 30 230V170Q30 100 100 100Z'
  return (
    <svg class="channel" viewBox="0 0 1000 400" preserveAspectRatio="none" aria-hidden="true">
      <path class="bed" d={way} />
      <path class="water" d={way} />
    </svg>
  )
}

function Wheel() {
  return (
    <div class="wheel" aria-hidden="true">
      <svg viewBox="0 0 100 100">
        <g class="turning">
          <circle cx="50" cy="50" r="39" />
          <circle cx="50" cy="50" r="29" />
          <circle cx="50" cy="50" r="6" class="hub" />
          {Array.from({ length: 12 }, (_, i) => (
            <path key={i} d="M50 44V21M50 21l7-14" transform={`rotate(${i * 30} 50 50)`} />
          ))}
        </g>
      </svg>
    </div>
  )
}

function StageCard({ stage }: { stage: Stage }) {
  return (
    <li class={`stage s-${stage.id} ${stage.state}`}>
      <Link to={pages[stage.id] ?? '/'}>
        <span class="line">
          <strong>{stage.title}</strong>
          <Mark state={stage.state} word={false} />
        </span>
        {stage.figure ? (
          <span class="figure">
            <b>{stage.figure.value}</b>
            <small>{stage.figure.label}</small>
          </span>
        ) : (
          <span class="figure">
            <b class="none">–</b>
            <small>
              <code>{stage.command}</code>
            </small>
          </span>
        )}
        <span class="said">{stage.decision ? stage.decision.reason : stage.state === 'idle' ? 'nothing yet' : ''}</span>
        <span class="quiet">{stage.at === null ? '' : <Time at={stage.at} />}</span>
      </Link>
    </li>
  )
}

export function LoopPage() {
  const loop = useResource<{ project: string; stages: readonly Stage[] }>('/v1/loop')
  const recent = useResource<{ decisions: readonly Decision[] }>('/v1/decisions?limit=6')
  return (
    <>
      <Title note="Data comes in, models go out, and what is seen in between decides what runs next.">
        {loop.data?.project ?? 'The loop'}
      </Title>
      <div class="race">
        <Channel />
        <Wheel />
        {loop.data ? (
          <ol class="stages">
            {loop.data.stages.map(stage => (
              <StageCard key={stage.id} stage={stage} />
            ))}
          </ol>
        ) : (
          <Loaded of={loop}>{() => null}</Loaded>
        )}
      </div>
      <Panel title="Last decisions" aside={<Link to="/decisions">All decisions</Link>}>
        {recent.data?.decisions.length === 0 && (
          <p class="quiet pad">None yet. Every automatic choice will be listed here with its reason.</p>
        )}
        <ol class="decisions two">
          {recent.data?.decisions.map(one => (
            <DecisionItem key={one.id} decision={one} />
          ))}
        </ol>
      </Panel>
    </>
  )
}
