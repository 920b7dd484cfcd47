import type { Listener } from '../app/use-case.ts'
import type { Output } from './command.ts'
import { createProgress } from './progress.ts'

/** What a use case tells, on stderr: chapters and progress for people, warnings always. End it before the answer is printed. */
export function listenerOf(out: Output): { readonly listener: Listener; readonly end: () => void } {
  const progress = createProgress(out.json)
  return {
    listener: { chapter: progress.chapter, say: progress.say, warn: text => out.warn(text) },
    end: progress.end,
  }
}
