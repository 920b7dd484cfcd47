import { useState } from 'preact/hooks'
import { ask, revision, type Problem } from './api.ts'

/** Sends to the server, and has everything on screen read again; `problem` is what it answered last time, if it refused. */
export function usePost(): {
  readonly problem: Problem | undefined
  readonly post: (path: string, body?: object) => Promise<void>
} {
  const [problem, setProblem] = useState<Problem>()
  const post = async (path: string, body: object = {}): Promise<void> => {
    try {
      await ask(path, body)
      setProblem(undefined)
      revision.value++
    } catch (error) {
      setProblem(error as Problem)
    }
  }
  return { problem, post }
}

/** A button; with `sure`, what it does is said first and asked for once more. */
export function SendButton({
  label,
  sure,
  tone,
  send,
}: {
  label: string
  sure?: string | undefined
  tone: string
  send: () => void
}) {
  const [asked, setAsked] = useState(false)
  const click = (): void => {
    if (sure !== undefined && !asked) return setAsked(true)
    setAsked(false)
    send()
  }
  return (
    <button type="button" class={asked ? `${tone} asked` : tone} onClick={click} onBlur={() => setAsked(false)}>
      {asked ? sure : label}
    </button>
  )
}
