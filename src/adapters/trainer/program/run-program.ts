import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

export interface ProgramRun {
  readonly argv: readonly [string, ...string[]]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** File that gets everything that it says. */
  readonly log: string
  /** Folder that must not grow beyond `maxBytes`. */
  readonly folder: string
  readonly maxBytes: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Hears each line as it comes. */
  readonly onLine: (line: string) => void
}

export type ProgramEnd =
  | { readonly kind: 'exit'; readonly code: number; readonly tail: readonly string[] }
  | { readonly kind: 'signal'; readonly signal: string; readonly tail: readonly string[] }
  | { readonly kind: 'missing'; readonly reason: string }
  | { readonly kind: 'timeout' | 'too large' | 'cancelled'; readonly tail: readonly string[] }

const graceMs = 5_000
const sizeEveryMs = 2_000
const tailLines = 20
const maxOfLine = 2_000
/** What a program says is kept up to this; the rest is counted. */
const maxLogBytes = 64 * 2 ** 20

/** What a process and everything that it starts carry, so that they can be found whatever they do to their groups. */
const tokenVariable = 'MILLRACE_PROCESS'

/** Ends every process that carries the token; on systems without /proc its group alone is ended. */
function endMarked(token: string, signal: NodeJS.Signals): void {
  const mark = `${tokenVariable}=${token}`
  let entries: readonly string[] = []
  try {
    entries = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  } catch {
    return
  }
  for (const pid of entries)
    try {
      if (readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(mark)) process.kill(Number(pid), signal)
    } catch {
      // it is gone, or another user's
    }
}

function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // it is gone
  }
}

/** Bytes below a folder; links are not followed. */
async function sizeOf(folder: string): Promise<number> {
  let sum = 0
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name)
    sum += entry.isDirectory()
      ? await sizeOf(path)
      : await lstat(path).then(
          one => one.blocks * 512,
          () => 0,
        )
  }
  return sum
}

/**
 * Runs a program to its end, never through a shell: what it says goes to a file and to whoever listens, and what it started
 * ends with it. One that takes too long, fills its folder or is not wanted any more is told to end, and ended.
 */
export async function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  const [program, ...args] = run.argv
  const token = randomUUID()
  const child = spawn(program, args, {
    cwd: run.cwd,
    env: { ...run.env, [tokenVariable]: token },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const tail: string[] = []
  let logged = 0
  const hear = (stream: Readable): Promise<void> =>
    new Promise(resolve => {
      const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })
      lines.on('line', line => {
        const shown = line.length > maxOfLine ? `${line.slice(0, maxOfLine)}…` : line
        if (logged < maxLogBytes) {
          logged += shown.length + 1
          appendFileSync(run.log, `${shown}\n`, { mode: 0o600 })
        }
        tail.push(shown)
        if (tail.length > tailLines) tail.shift()
        run.onLine(shown)
      })
      lines.on('close', resolve)
    })
  const heard = Promise.all([hear(child.stdout), hear(child.stderr)])
  let why: 'timeout' | 'too large' | 'cancelled' | undefined
  let hard: NodeJS.Timeout | undefined
  const stop = (reason: typeof why): void => {
    if (why !== undefined) return
    why = reason
    endGroup(child.pid, 'SIGTERM')
    hard = setTimeout(() => {
      endGroup(child.pid, 'SIGKILL')
      endMarked(token, 'SIGKILL')
    }, graceMs)
  }
  const late = setTimeout(() => stop('timeout'), Math.min(run.timeoutMs, 2 ** 31 - 1))
  const cancel = (): void => stop('cancelled')
  if (run.signal.aborted) cancel()
  run.signal.addEventListener('abort', cancel, { once: true })
  let measuring = false
  const watch = setInterval(() => {
    if (measuring) return
    measuring = true
    void sizeOf(run.folder).then(bytes => {
      measuring = false
      if (bytes > run.maxBytes) stop('too large')
    })
  }, sizeEveryMs)
  const ended = await new Promise<{ code: number | null; signal: string | null } | { error: Error }>(resolve => {
    child.once('error', error => resolve({ error }))
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  clearTimeout(late)
  clearInterval(watch)
  run.signal.removeEventListener('abort', cancel)
  if (hard) clearTimeout(hard)
  // What it left running has nobody to wait for it any more
  endGroup(child.pid, 'SIGKILL')
  endMarked(token, 'SIGKILL')
  if ('error' in ended) return { kind: 'missing', reason: ended.error.message }
  await heard
  if (why !== undefined) return { kind: why, tail }
  if (ended.signal !== null) return { kind: 'signal', signal: ended.signal, tail }
  return { kind: 'exit', code: ended.code ?? 0, tail }
}
