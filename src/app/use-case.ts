import type { Workspace } from '../config/workspace.ts'

/** What a use case tells while it works, whoever asked for it: a terminal, a job's followers, nobody. */
export interface Listener {
  /** A part of the work begins. */
  chapter(title: string): void
  /** Where it stands within that part. */
  say(text: string): void
  /** What must be known although the work is done. */
  warn(text: string): void
}

/** One verb on an open project. What it takes and answers is JSON, so that it runs in a process of its own just as well. */
export type Run<Input, Answer> = (workspace: Workspace, input: Input, listener: Listener) => Promise<Answer>

export interface UseCase<Input, Answer> {
  /** What is done one after the other has the same line. */
  line(input: Input): string
  /** Who reads what is sealed, for grants and the audit log (default `pipeline`). */
  readonly principal?: string
  /** Loads the code: the table of use cases is read by whoever needs only one of them. */
  load(): Promise<Run<Input, Answer>>
}

export const useCase = <Input, Answer>(one: UseCase<Input, Answer>): UseCase<Input, Answer> => one
