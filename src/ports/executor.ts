/** What a step's process is told; everything else it reads from the run folder. */
export interface StepJob {
  readonly runId: string
  readonly step: string
  readonly attempt: number
  /** Program and arguments, never a shell line. */
  readonly argv: readonly string[]
  readonly cwd: string
  /** The whole environment of the process: nothing is inherited beyond PATH and HOME. */
  readonly env: Readonly<Record<string, string>>
  /** Folder of the execution contract: `input/`, `output/`, `failure`, `metrics.ndjson`. */
  readonly folder: string
  readonly timeoutMs?: number
}

/** Enough to say later, from another process, whether it still lives. */
export interface ProcessIdentity {
  readonly host: string
  readonly bootId: string
  readonly pid: number
  /** Clock ticks after boot at which it started: tells a process from a later one with the same pid. */
  readonly startTime: string
}

/** 0 ok, 10 gate said no, 64 contract broken, 75 retryable, 137/143 killed; anything else is a failure. */
export interface StepOutcome {
  readonly exitCode: number
  readonly signal?: string
  /** True when it was ended because its time was up. */
  readonly timedOut?: boolean
  readonly stdoutTail: string
  readonly stderrTail: string
}

export interface StepHandle {
  readonly identity: ProcessIdentity
  readonly outcome: Promise<StepOutcome>
  kill(signal?: 'SIGTERM' | 'SIGKILL'): void
}

/** Runs one step somewhere: a child process, a container, a Kubernetes Job. */
export interface Executor {
  readonly name: string
  /** Throws what keeps every step from starting here, in words: no such program, no such image. */
  check(): Promise<void>
  start(job: StepJob): Promise<StepHandle>
  /** False when the process of that identity is certainly gone; undefined when it cannot be told from here. */
  alive(identity: ProcessIdentity): boolean | undefined
  /** Ends a step that another process started here, and what it started; nothing happens when it is gone already. */
  kill(identity: ProcessIdentity): void
}
