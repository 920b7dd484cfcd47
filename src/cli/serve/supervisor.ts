import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { fail } from '../../errors/index.ts'
import { compiledModule } from '../../internal/compiled.ts'
import type { CompiledModule } from '../../internal/typescript-modules.ts'
import type { Log } from '../../ports/log.ts'

/** What a part of the server says: that it works (and on which port of loopback), or something that is its own. */
export type PartMessage = { readonly ready: number } | { readonly told: unknown }

/**
 * What a part makes the project of: also one that is begun anew serves what the server serves, whatever was written into the
 * project file since.
 */
export interface PartProject {
  readonly modules: readonly CompiledModule[]
}

export interface PartOptions {
  /** As a person knows it. */
  readonly name: string
  /** Its module, beside this one. */
  readonly module: string
  readonly args: readonly string[]
  /** The first that each one hears: the project as this process has read it. */
  readonly project: PartProject
  readonly log: Log
  /** Hears what it says besides. */
  readonly onTold?: (child: ChildProcess, told: unknown) => void
  /** Called when one has ended. */
  readonly onEnd?: (child: ChildProcess) => void
}

interface PendingPort {
  readonly promise: Promise<number>
  readonly resolve: (port: number) => void
  readonly reject: (error: Error) => void
}

function pending(): PendingPort {
  const functions: { resolve?: PendingPort['resolve']; reject?: PendingPort['reject'] } = {}
  const promise = new Promise<number>((resolve, reject) => Object.assign(functions, { resolve, reject }))
  // Nobody may be waiting
  promise.catch(() => undefined)
  return { promise, ...functions } as PendingPort
}

/** The wait before one is begun anew that ended by itself: doubled each time that it ends again soon, milliseconds. */
const [shortestWait, longestWait] = [250, 30_000]
/** One that worked for so long has not ended because it cannot work. */
const steadyMs = 60_000
/** One that does not end by itself when it is asked to is ended. */
const patienceMs = 35_000

/**
 * A child process that is a part of the server, begun anew when it ends by itself. It ends with this process, however this one
 * ends: it notices that the channel between them is gone.
 */
export class Supervisor {
  readonly #options: PartOptions
  #child: ChildProcess | undefined
  #ready = pending()
  #wait = shortestWait
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: PartOptions) {
    this.#options = options
    this.#start()
  }

  /** The port of the one that works, as soon as one does. */
  get port(): Promise<number> {
    return this.#ready.promise
  }

  get child(): ChildProcess | undefined {
    return this.#child
  }

  #start(): void {
    const { name, module, args, project, log, onTold, onEnd } = this.#options
    const began = performance.now()
    const child = fork(fileURLToPath(compiledModule(module, import.meta.url)), args, { execArgv: [] })
    this.#child = child
    // one that is gone already is heard of by its end
    child.send(project, () => undefined)
    child.on('message', (message: PartMessage) => {
      if (!('ready' in message)) return onTold?.(child, message.told)
      this.#ready.resolve(message.ready)
    })
    const over = (reason: string): void => {
      if (this.#child !== child) return
      this.#child = undefined
      onEnd?.(child)
      if (this.#closed) return
      log({ level: 'error', text: `${name} ended and is begun anew`, reason })
      this.#ready.reject(fail('partAway', { what: name, reason }))
      this.#ready = pending()
      this.#wait = performance.now() - began > steadyMs ? shortestWait : Math.min(2 * this.#wait, longestWait)
      this.#timer = setTimeout(() => this.#start(), this.#wait)
    }
    child.once('error', error => over(error.message))
    child.once('exit', (code, signal) => over(signal ? `by ${signal}` : `exit code ${code}`))
  }

  /** Asks it to end, and waits until it has. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
    if (child.connected) child.disconnect()
    const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs)
    await ended
    clearTimeout(timer)
  }
}
