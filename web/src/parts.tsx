import type { ComponentChildren } from 'preact'
import type { Problem, Resource } from './api.ts'
import { ago, dateTime } from './format.ts'
import { Link } from './router.tsx'
import type { Decision } from './types.ts'

const tones: Readonly<Record<string, string>> = {
  pass: 'good',
  ok: 'good',
  succeeded: 'good',
  passed: 'good',
  promoted: 'good',
  completed: 'good',
  resolved: 'good',
  ready: 'good',
  done: 'good',
  advanced: 'good',
  reused: 'calm',
  skipped: 'calm',
  idle: 'calm',
  pending: 'calm',
  queued: 'calm',
  cancelled: 'calm',
  suppressed: 'calm',
  running: 'flow',
  step: 'flow',
  shadow: 'flow',
  bake: 'flow',
  fired: 'flow',
  info: 'flow',
  resumed: 'flow',
  warn: 'care',
  held: 'care',
  quarantined: 'care',
  paused: 'care',
  timeout: 'care',
  alarm: 'care',
  fail: 'bad',
  error: 'bad',
  failed: 'bad',
  refused: 'bad',
  'rolled-back': 'bad',
  firing: 'bad',
  stopped: 'bad',
  'not ready': 'bad',
  new: 'flow',
  materialise: 'care',
  gone: 'care',
  breaking: 'bad',
  present: 'good',
  stale: 'care',
  uncovered: 'care',
  unreachable: 'bad',
}
/** Shape as well as colour says the state. */
const marks: Readonly<Record<string, string>> = {
  good: 'M3 8.5l3.2 3.2L13 5',
  calm: 'M4 8h8',
  flow: 'M2 9q3-4 6 0t6 0',
  care: 'M8 3v6M8 12.5v.1',
  bad: 'M4 4l8 8M12 4l-8 8',
}

export const toneOf = (state: string): string => tones[state] ?? 'calm'

export function Mark({ state, word = true }: { state: string; word?: boolean }) {
  const tone = toneOf(state)
  return (
    <span class={`mark ${tone}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={marks[tone] ?? ''} />
      </svg>
      <span class={word ? '' : 'hidden'}>{state}</span>
    </span>
  )
}

export function Time({ at }: { at: number }) {
  return (
    <time dateTime={new Date(at / 1000).toISOString()} title={`${dateTime(at)} UTC`}>
      {ago(at)}
    </time>
  )
}

export function Title({ children, note }: { children: ComponentChildren; note?: string }) {
  return (
    <header class="title">
      <h1 tabIndex={-1}>{children}</h1>
      {note && <p>{note}</p>}
    </header>
  )
}

export function Panel({
  title,
  aside,
  children,
  id,
}: {
  title: string
  aside?: ComponentChildren
  children: ComponentChildren
  id?: string
}) {
  const heading = `panel-${(id ?? title).replace(/\W+/g, '-')}`
  return (
    <section class="panel" aria-labelledby={heading}>
      <header>
        <h2 id={heading}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  )
}

export function Empty({ children, command }: { children: ComponentChildren; command: string }) {
  return (
    <div class="empty">
      <svg viewBox="0 0 120 24" aria-hidden="true">
        <path d="M2 14q14.5-11 29 0t29 0 29 0 29 0" />
      </svg>
      <p>{children}</p>
      <code>{command}</code>
    </div>
  )
}

export function Trouble({ problem }: { problem: Problem }) {
  return (
    <div class="trouble" role="alert">
      <strong>{problem.title}</strong> {problem.hint} {problem.code && <code>{problem.code}</code>}
    </div>
  )
}

/** Content of a resource, a skeleton of about its size before it is there, or what went wrong. */
export function Loaded<T>({
  of,
  children,
  lines = 6,
}: {
  of: Resource<T>
  children: (data: T) => ComponentChildren
  lines?: number
}) {
  return (
    <>
      {of.problem && <Trouble problem={of.problem} />}
      {of.data !== undefined && children(of.data)}
      {of.data === undefined && !of.problem && (
        <div class="panel skeleton" role="status" aria-label="Loading">
          {Array.from({ length: lines }, (_, i) => (
            <i key={i} />
          ))}
        </div>
      )}
    </>
  )
}

/** A table with a caption; scrolls by itself on narrow screens. */
export function Table({
  caption,
  heads,
  children,
}: {
  caption: string
  heads: readonly string[]
  children: ComponentChildren
}) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            {heads.map(head => (
              <th key={head} scope="col" class={head.startsWith('#') ? 'n' : ''}>
                {head.replace(/^#/, '')}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}

/** A line of figures without axes; its words carry the meaning. */
export function Sparkline({
  values,
  label,
  bars = false,
}: {
  values: readonly number[]
  label: string
  bars?: boolean
}) {
  const top = Math.max(...values, 1e-12)
  const width = 160 / Math.max(1, values.length)
  // bars stand on zero; a line shows how it moves, however far from zero it is
  const low = bars ? 0 : Math.min(...values)
  const span = bars ? top : Math.max(...values) - low
  const y = (value: number): number => (span === 0 ? 16 : 30 - (26 * (value - low)) / span)
  return (
    <svg class="spark" viewBox="0 0 160 32" preserveAspectRatio="none" role="img" aria-label={label}>
      {bars ? (
        values.map((value, i) => (
          <rect
            key={i}
            x={i * width + 1}
            width={Math.max(1, width - 2)}
            y={value === 0 ? 29 : y(value)}
            height={value === 0 ? 1 : 30 - y(value)}
          />
        ))
      ) : (
        <polyline points={values.map((value, i) => `${i * width + width / 2},${y(value)}`).join(' ')} />
      )}
    </svg>
  )
}

export function Bar({ share, tone = 'flow', label }: { share: number; tone?: string; label: string }) {
  return (
    <span class={`bar ${tone}`} role="img" aria-label={label}>
      <i style={{ width: `${Math.min(100, Math.max(share > 0 ? 1 : 0, 100 * share))}%` }} />
    </span>
  )
}

function evidenceLink(node: string) {
  const model = /^model:(.+)@(\d+)$/.exec(node)
  if (model) return <Link to={`/models/${model[1]}/${model[2]}`}>{node.slice(6)}</Link>
  if (node.startsWith('run:')) return <Link to={`/runs/${node.slice(4)}`}>run {node.slice(-6)}</Link>
  if (node.startsWith('sha256:')) return <code>{node.slice(7, 19)}</code>
  return <Link to={`/reports/${node}`}>report {node.slice(-6)}</Link>
}

export function DecisionItem({ decision }: { decision: Decision }) {
  const { rule } = decision
  const shown = (value: unknown): string =>
    typeof value === 'number'
      ? String(Number(value.toPrecision(4)))
      : typeof value === 'string'
        ? value
        : JSON.stringify(value)
  return (
    <li class={`decision ${toneOf(decision.verdict)}`} id={decision.id}>
      <div class="line">
        <Mark state={decision.verdict} />
        <strong>{decision.subject}</strong>
        <Time at={decision.at} />
      </div>
      <p>{decision.reason}</p>
      <p class="quiet">
        {rule.name}
        {rule.value !== undefined && `: ${rule.statistic ? `${rule.statistic} ` : ''}${shown(rule.value)}`}
        {rule.threshold !== undefined && ` (limit ${shown(rule.threshold)})`}
        {decision.actor !== 'system' && ` · by ${decision.actor}`}
        {decision.evidence.length > 0 && ' · '}
        {decision.evidence.map((node, i) => (
          <span key={node}>
            {i > 0 && ', '}
            {evidenceLink(node)}
          </span>
        ))}
      </p>
    </li>
  )
}
