import { statfs } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Project } from '../define/project.ts'
import { messageOf } from '../internal/message-of.ts'
import { formatTime, asDuration } from '../internal/time.ts'
import type { Clock } from '../ports/clock.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'
import type { Serving } from '../stages/serve/types.ts'
import { type Freshness, freshnessOf } from '../stages/watch/freshness.ts'

/** An answer that is ready to be sent. */
export interface HealthPage {
  readonly status: number
  readonly body: Buffer
  readonly type: string
}

type Status = 'pass' | 'warn' | 'fail'

interface Check {
  readonly status: Status
  readonly componentType: string
  readonly time: string
  readonly observedValue?: number
  readonly observedUnit?: string
  readonly output?: string
}

export interface HealthOptions {
  readonly store: MetadataStore
  readonly project: Project
  readonly serving: Serving
  readonly clock: Clock
  readonly version: string
  /** Where the project's state lies. */
  readonly folder: string
  /** How often it is looked at; 1,000 ms. */
  readonly everyMs?: number
}

/** A store that has not answered for so long counts as away. */
const patience = 2000
const slowLoopMs = 200
const lowDiskMB = 500

function page(status: number, value: unknown, type = 'application/json'): HealthPage {
  return { status, body: Buffer.from(JSON.stringify(value)), type }
}

/** What is healthy, found out by a timer and kept as finished answers: asking costs neither inference nor a query. */
export class Health {
  readonly #options: HealthOptions
  readonly #delay = monitorEventLoopDelay({ resolution: 20 })
  readonly #timer: NodeJS.Timeout
  #open = true
  #started = false
  #ready = false
  #looking = false
  page = page(503, { status: 'fail', output: 'starting' }, 'application/health+json')
  readyPage = page(503, { status: 'fail', output: 'starting' })
  startupPage = page(503, { status: 'fail', output: 'starting' })
  readonly livePage = page(200, { status: 'pass' })
  readonly oipLivePage = page(200, { live: true })
  oipReadyPage = page(503, { live: true, ready: false })

  constructor(options: HealthOptions) {
    this.#options = options
    this.#delay.enable()
    this.#timer = setInterval(() => void this.look(), options.everyMs ?? 1000)
    this.#timer.unref()
  }

  /** False from the moment the server began to close. */
  get open(): boolean {
    return this.#open
  }
  get ready(): boolean {
    return this.#ready && this.#open
  }

  /** Looks at everything now. */
  async look(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    try {
      this.#publish({
        ...(await this.#storeCheck()),
        ...(await this.#diskCheck()),
        ...this.#deploymentChecks(),
        ...(await this.#freshnessChecks()),
        ...this.#processChecks(),
      })
    } finally {
      this.#looking = false
    }
  }

  get #now(): string {
    return formatTime(this.#options.clock.now())
  }

  /**
   * A store that is away degrades: nothing new is decided or recorded, and what is deployed is answered from memory. Were it
   * to end readiness, one database would take all instances out of their balancers at once.
   */
  async #storeCheck(): Promise<Record<string, readonly Check[]>> {
    const { clock, store } = this.#options
    const before = clock.elapsed()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer for ${patience} ms`)), patience)
      timer.unref()
    })
    let output: string | undefined
    try {
      await Promise.race([store.getDocument('health', 'probe'), late])
    } catch (error) {
      output = (error as Error).message
    } finally {
      clearTimeout(timer)
    }
    return {
      'metadata:responseTime': [
        {
          status: output === undefined ? 'pass' : 'warn',
          componentType: 'datastore',
          time: this.#now,
          observedValue: Number((clock.elapsed() - before).toFixed(3)),
          observedUnit: 'ms',
          ...(output === undefined ? {} : { output }),
        },
      ],
    }
  }

  /** Predictions go on with a full disk; what is learned from them does not. */
  async #diskCheck(): Promise<Record<string, readonly Check[]>> {
    const told = (more: Omit<Check, 'componentType' | 'time'>): Record<string, readonly Check[]> => ({
      'disk:free': [{ componentType: 'system', time: this.#now, ...more }],
    })
    const disk = await statfs(this.#options.folder).catch((error: unknown) => messageOf(error))
    if (typeof disk === 'string') return told({ status: 'warn', output: `how much is free is unknown: ${disk}` })
    const free = Math.round((disk.bavail * disk.bsize) / 1e6)
    const low = free < lowDiskMB
    return told({
      status: low ? 'warn' : 'pass',
      observedValue: free,
      observedUnit: 'MB',
      ...(low ? { output: `${free} MB are left for .millrace` } : {}),
    })
  }

  #deploymentChecks(): Record<string, readonly Check[]> {
    const time = this.#now
    return Object.fromEntries(
      this.#options.serving.list().map(deployment => {
        const { ready, reasons } = deployment.health()
        const output = ready ? {} : { output: reasons.join('; ') }
        return [
          `deployment ${deployment.name}:ready`,
          [{ status: ready ? 'pass' : 'fail', componentType: 'component', time, ...output }],
        ]
      }),
    )
  }

  /** Promises of features that are broken make it degraded: what is old is answered all the same. */
  async #freshnessChecks(): Promise<Record<string, readonly Check[]>> {
    const time = this.#now
    // A store that does not answer is told by its own check
    const found = await freshnessOf(this.#options).catch(() => new Map<string, Freshness>())
    return Object.fromEntries(
      [...found].map(([view, { newest, promise, isBroken }]) => {
        const age =
          newest === null ? {} : { observedValue: (this.#options.clock.now() - newest) / 1e6, observedUnit: 's' }
        const output = isBroken ? { output: `older than the ${asDuration(promise)} that are promised` } : {}
        return [
          `features ${view}:freshness`,
          [{ status: isBroken ? 'warn' : 'pass', componentType: 'component', time, ...age, ...output }],
        ]
      }),
    )
  }

  #processChecks(): Record<string, readonly Check[]> {
    const time = this.#now
    const lag = this.#delay.percentile(99) / 1e6
    this.#delay.reset()
    const base = { componentType: 'system', time }
    const memory = Math.round(process.memoryUsage.rss() / 1e6)
    return {
      'event-loop:lag': [
        {
          ...base,
          status: lag > slowLoopMs ? 'warn' : 'pass',
          ...(lag > slowLoopMs ? { output: `answers wait ${Math.round(lag)} ms for others of this process` } : {}),
          observedValue: Number(lag.toFixed(2)),
          observedUnit: 'ms',
        },
      ],
      'memory:rss': [{ ...base, status: 'pass', observedValue: memory, observedUnit: 'MB' }],
    }
  }

  #publish(checks: Readonly<Record<string, readonly Check[]>>): void {
    const told = (wanted: Status): string[] =>
      Object.entries(checks)
        .filter(([, [check]]) => check?.status === wanted)
        .map(([name, [check]]) => `${name}: ${check?.output ?? wanted}`)
    const reasons = told('fail')
    const degraded = told('warn')
    this.#ready = reasons.length === 0
    this.#started = true
    const status: Status = reasons.length > 0 ? 'fail' : degraded.length > 0 ? 'warn' : 'pass'
    const { version } = this.#options
    const whole = {
      status,
      version,
      serviceId: 'millrace',
      ...(status === 'pass' ? {} : { output: [...reasons, ...degraded].join('; ') }),
      checks,
    }
    this.page = page(status === 'fail' ? 503 : 200, whole, 'application/health+json')
    this.#publishReady(reasons)
  }

  #publishReady(reasons: readonly string[]): void {
    const { ready } = this
    const why = this.#open ? reasons : ['the server is closing', ...reasons]
    this.readyPage = page(ready ? 200 : 503, ready ? { status: 'pass' } : { status: 'fail', output: why.join('; ') })
    this.startupPage = page(this.#started ? 200 : 503, { status: this.#started ? 'pass' : 'fail' })
    this.oipReadyPage = page(ready ? 200 : 503, { live: true, ready })
  }

  /** Readiness fails from now on; liveness does not. */
  beginClose(): void {
    this.#open = false
    this.#publishReady([])
  }

  close(): void {
    clearInterval(this.#timer)
    this.#delay.disable()
  }
}
