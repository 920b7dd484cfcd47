import { micros, type Duration, type Micros } from '../../../internal/time.ts'
import { duration, members, optional, wholeFrom, type Forms } from '../../forms.ts'
import { common, type Common, type TestContext, type Options } from '../declaring.ts'

// What a model costs where it serves.

export interface LatencyTest extends Common {
  readonly kind: 'latency'
  readonly p50Micros?: Micros
  readonly p99Micros?: Micros
}

export interface LatencyOptions extends Options {
  /** Greatest median, such as '200us'. */
  readonly p50?: Duration
  /** Greatest 99th percentile. */
  readonly p99?: Duration
}

export interface SizeTest extends Common {
  readonly kind: 'size'
  readonly maxBytes: number
}

export interface SizeOptions extends Options {
  /** Greatest size of the ONNX file in bytes. */
  readonly maxBytes: number
}

const latencyForms: Forms<LatencyOptions> = { ...common, p50: optional(duration), p99: optional(duration) }

export const latency = ({ make, named, refuse }: TestContext) =>
  make('latency', { options: members(latencyForms) }, (options: LatencyOptions): LatencyTest => {
    if (options.p50 === undefined && options.p99 === undefined) refuse('latency', 'checks nothing: it needs p50 or p99')
    return {
      kind: 'latency',
      ...(options.p50 ? { p50Micros: micros(options.p50) } : {}),
      ...(options.p99 ? { p99Micros: micros(options.p99) } : {}),
      ...named('latency', options),
    }
  })

const sizeForms: Forms<SizeOptions> = { ...common, maxBytes: wholeFrom(1) }

export const size = ({ make, named }: TestContext) =>
  make(
    'size',
    { options: members(sizeForms) },
    (options: SizeOptions): SizeTest => ({
      kind: 'size',
      maxBytes: options.maxBytes,
      ...named('size', options),
    }),
  )

export interface MemoryTest extends Common {
  readonly kind: 'memory'
  readonly maxBytes: number
}

export interface MemoryOptions extends Options {
  /** What the process may grow by in a thousand calls after warm-up, in bytes. */
  readonly maxBytes: number
}

const memoryForms: Forms<MemoryOptions> = { ...common, maxBytes: wholeFrom(1) }

export const memory = ({ make, named }: TestContext) =>
  make(
    'memory',
    { options: members(memoryForms) },
    (options: MemoryOptions): MemoryTest => ({
      kind: 'memory',
      maxBytes: options.maxBytes,
      ...named('memory', options),
    }),
  )
