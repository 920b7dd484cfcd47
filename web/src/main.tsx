import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import {
  announcement,
  ask,
  connected,
  learnWho,
  listen,
  revision,
  session,
  signedOut,
  signOut,
  type Problem,
} from './api.ts'
import { DataPage, ReportPage } from './pages/data.tsx'
import { DecisionsPage } from './pages/decisions.tsx'
import { DeploymentsPage } from './pages/deployments.tsx'
import { FeaturesPage } from './pages/features.tsx'
import { JobPage } from './pages/jobs.tsx'
import { LoopPage } from './pages/loop.tsx'
import { ModelPage, ModelsPage } from './pages/models.tsx'
import { MonitorsPage } from './pages/monitors.tsx'
import { RunPage, RunsPage } from './pages/runs.tsx'
import { Panel, Title, Trouble } from './parts.tsx'
import { Link, path } from './router.tsx'

const nav: readonly [string, string][] = [
  ['/', 'Loop'],
  ['/data', 'Data'],
  ['/features', 'Features'],
  ['/runs', 'Runs'],
  ['/models', 'Models'],
  ['/deployments', 'Deployments'],
  ['/monitors', 'Monitors'],
  ['/decisions', 'Decisions'],
]

function Page() {
  const [, head = '', first = '', second = ''] = path.value.split('/').map(decodeURIComponent)
  if (head === '') return <LoopPage />
  if (head === 'data') return <DataPage />
  if (head === 'reports') return <ReportPage key={first} id={first} />
  if (head === 'features') return <FeaturesPage />
  if (head === 'runs') return first ? <RunPage key={first} id={first} /> : <RunsPage />
  if (head === 'jobs') return <JobPage key={first} id={first} />
  if (head === 'models') return first ? <ModelPage key={path.value} name={first} version={second} /> : <ModelsPage />
  if (head === 'deployments') return <DeploymentsPage />
  if (head === 'monitors') return <MonitorsPage />
  if (head === 'decisions') return <DecisionsPage />
  return <Title note="There is no such page.">Not here</Title>
}

function SignIn() {
  const [problem, setProblem] = useState<Problem>()
  const send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const token = String(new FormData(event.target as HTMLFormElement).get('token') ?? '')
    try {
      await ask('/v1/session', { token })
      signedOut.value = false
      revision.value++
      void learnWho()
      listen()
    } catch (error) {
      setProblem(error as Problem)
    }
  }
  return (
    <>
      <Title note="This server asks for a token.">Sign in</Title>
      <Panel title="Token">
        <form onSubmit={event => void send(event)}>
          <label for="token">
            Made by <code>millrace token create</code>
          </label>
          <input id="token" name="token" type="password" autocomplete="current-password" required />
          <button type="submit" class="main">
            Sign in
          </button>
        </form>
        {problem && <Trouble problem={problem} />}
      </Panel>
    </>
  )
}

function App() {
  const section = `/${path.value.split('/')[1] ?? ''}`.replace('/reports', '/data').replace('/jobs', '/runs')
  // the row of pages scrolls by itself where it is too long
  useEffect(() => {
    const current = document.querySelector<HTMLElement>('nav [aria-current]')
    current?.parentElement?.scrollTo({ left: current.offsetLeft - 60 })
  }, [section])
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="top">
        <Link to="/" class="brand">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <circle cx="16" cy="15" r="8.5" />
            <path d="M16 2v26M4.7 8.5l22.6 13M4.7 21.5l22.6-13M2 29q3.5-2.6 7 0t7 0 7 0 7 0" />
          </svg>
          Millrace
        </Link>
        <nav aria-label="Pages">
          {nav.map(([to, label]) => (
            <Link key={to} to={to} aria-current={section === to ? 'page' : undefined}>
              {label}
            </Link>
          ))}
        </nav>
        {session.value?.auth && !signedOut.value && (
          <button
            type="button"
            class="sign-out"
            title={`Signed in by ${session.value.name}`}
            onClick={() => void signOut()}
          >
            Sign out
          </button>
        )}
        <span class={connected.value ? 'live on' : 'live'}>{connected.value ? 'live' : 'offline'}</span>
      </header>
      <main id="main">{signedOut.value ? <SignIn /> : <Page />}</main>
      <p class="hidden" aria-live="polite">
        {announcement.value}
      </p>
    </>
  )
}

const root = document.getElementById('app')
if (root) render(<App />, root)
listen()
void learnWho()
