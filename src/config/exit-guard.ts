import { fileURLToPath } from 'node:url'
import { fail, type MillraceError } from '../errors/index.ts'

/*
 * A project file is run inside of a command. If it ended the process, a check in CI would pass without having looked, so
 * its modules may not: they get an error instead. Everybody else's process.exit is left alone.
 */

const guarded = new Set<string>()
let installed = false

/** A frame of a stack: `at end (file:///a/b.mjs:3:11)`, `at /a (1)/b.ts:3:11`. Folders may have brackets in their names. */
const frame = /^\s*at (?:.*? \()?((?:file:\/\/)?(?:\/|[A-Za-z]:).*?):(\d+)(?::\d+)?\)?$/

/** Where in a module of a project a stack passes; undefined where it does not. */
function placeIn(stack: string): string | undefined {
  for (const line of stack.split('\n')) {
    const [, module = '', at] = frame.exec(line) ?? []
    const path = module.startsWith('file://') ? fileURLToPath(module) : module
    if (guarded.has(path)) return `${path}:${at}`
  }
  return undefined
}

function stackHere(): string {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 100
  const { stack = '' } = new Error('here')
  Error.stackTraceLimit = stackTraceLimit
  return stack
}

let loading = 0

/** Code that ends the process while it is loaded keeps the project from being loaded; later it has other consequences. */
export async function whileLoading<T>(work: () => Promise<T>): Promise<T> {
  loading++
  try {
    return await work()
  } finally {
    loading--
  }
}

/** From now on code of this module that ends the process throws `configThrew` or `codeExits` instead. */
export function refuseExitOf(module: string): void {
  guarded.add(module)
  if (installed) return
  installed = true
  const exit = process.exit.bind(process)
  process.exit = (code?: number | string | null): never => {
    const place = placeIn(stackHere())
    if (place === undefined) return exit(code)
    const call = `process.exit(${code ?? ''})`
    if (loading === 0) throw fail('codeExits', { place, call })
    throw fail('configThrew', { file: place, reason: `it calls ${call}, which ends every command` })
  }
}

/** Longest that modules of a project may take to be loaded: where a timer or a socket lives on, nothing else ends the wait. */
const maxLoadMs = 60_000

/**
 * The outcome of `work`; an error if nothing is left in this process that could still bring it about, as at a top-level
 * `await` of what never settles, or if it takes longer than `maxMs`. Node.js would end without a word in the one case, and
 * wait for ever in the other.
 */
export async function settling<T>(
  work: Promise<T>,
  stalled: (waitedMs?: number) => MillraceError,
  maxMs = maxLoadMs,
): Promise<T> {
  let idle = (): void => undefined
  let timer: NodeJS.Timeout | undefined
  const never = new Promise<never>((_, reject) => {
    // The immediate keeps the process alive for as long as the error takes to be told
    idle = () => void setImmediate(() => reject(stalled()))
    timer = setTimeout(() => reject(stalled(maxMs)), maxMs)
    timer.unref()
  })
  process.once('beforeExit', idle)
  try {
    return await Promise.race([work, never])
  } finally {
    clearTimeout(timer)
    process.off('beforeExit', idle)
  }
}
