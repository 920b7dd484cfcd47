import { signal } from '@preact/signals'
import type { Session } from './types.ts'
import { useEffect, useState } from 'preact/hooks'

/** Grows whenever the server says that something changed; everything on screen is then read again. */
export const revision = signal(0)
export const connected = signal(false)
export const signedOut = signal(false)
/** Last change, for people who hear the page. */
export const announcement = signal('')

export interface Problem {
  readonly title: string
  readonly hint: string
  readonly code: string
}

async function problemOf(answer: Response): Promise<Problem> {
  try {
    return (await answer.json()) as Problem
  } catch {
    return { title: `The server answered ${answer.status}.`, hint: 'Look at its log.', code: '' }
  }
}

/** Who looks, and what they may do; undefined until the server has said. */
export const session = signal<Session | undefined>(undefined)

/** Whether who looks may do that; the server decides, this only says what is worth showing. */
export const may = (scope: string): boolean =>
  session.value?.scopes.some(held => held === 'admin' || held === scope) ?? false

export async function learnWho(): Promise<void> {
  try {
    session.value = await ask<Session>('/v1/session')
  } catch {
    session.value = undefined
  }
}

/** Ends the session on the server: the cookie opens nothing any more, whoever has a copy of it. */
export async function signOut(): Promise<void> {
  await fetch('/v1/session', { method: 'DELETE' })
  source?.close()
  connected.value = false
  session.value = undefined
  signedOut.value = true
}

export async function ask<T>(path: string, body?: unknown): Promise<T> {
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const answer = await fetch(path, body === undefined ? {} : post)
  if (answer.status === 401) signedOut.value = true
  if (!answer.ok) throw await problemOf(answer)
  return (await answer.json()) as T
}

export interface Resource<T> {
  readonly data: T | undefined
  readonly problem: Problem | undefined
}

/** What a path answers, read again at every change; the old answer stays on screen until the new one is there. */
export function useResource<T>(path: string): Resource<T> {
  const [state, setState] = useState<Resource<T> & { readonly path: string }>({
    path,
    data: undefined,
    problem: undefined,
  })
  const seen = revision.value
  useEffect(() => {
    let current = true
    ask<T>(path).then(
      data => current && setState({ path, data, problem: undefined }),
      (error: unknown) => {
        const offline = { title: 'The server does not answer.', hint: 'Is "millrace up" still running?', code: '' }
        const problem = error instanceof TypeError ? offline : (error as Problem)
        if (current) setState(old => ({ path, data: old.path === path ? old.data : undefined, problem }))
      },
    )
    return () => {
      current = false
    }
  }, [path, seen])
  return state.path === path ? state : { data: undefined, problem: undefined }
}

let pending: ReturnType<typeof setTimeout> | undefined
function changed(): void {
  pending ??= setTimeout(() => {
    pending = undefined
    revision.value++
  }, 250)
}

function words(type: string, data: Readonly<Record<string, unknown>>): string {
  if (type === 'decision') return `Decision: ${String(data.subject)} ${String(data.verdict)}`
  if (type === 'run') return `Run ${String(data.name)} ${String(data.status)}`
  return ''
}

let source: EventSource | undefined

/** Listens for changes as long as the page is open; reads everything again after a lost connection. */
export function listen(): void {
  source?.close()
  const own = new EventSource('/v1/events')
  source = own
  own.onopen = () => {
    connected.value = true
    changed()
  }
  own.onerror = () => {
    connected.value = false
    if (own.readyState === EventSource.CLOSED && own === source && !signedOut.value) setTimeout(listen, 5000)
  }
  for (const type of ['run', 'step', 'decision', 'report', 'rollout', 'deployment', 'alert', 'windows', 'job'])
    own.addEventListener(type, event => {
      changed()
      const said = words(type, JSON.parse((event as MessageEvent<string>).data) as Record<string, unknown>)
      if (said) announcement.value = said
    })
}
