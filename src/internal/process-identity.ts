import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** Structure of the port's `ProcessIdentity`. */
interface Identity {
  readonly host: string
  readonly bootId: string
  readonly pid: number
  readonly startTime: string
}

const unknown = 'unknown'

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Boot id and pid namespace: the same pid means the same process only within one boot and one namespace. */
function bootId(): string {
  const boot = read('/proc/sys/kernel/random/boot_id')?.trim()
  if (boot === undefined) return unknown
  try {
    return `${boot}/${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return boot
  }
}

/** Field 22 of /proc/<pid>/stat and the state; undefined when there is no such process, or no /proc. */
function stat(pid: number): { startTime: string; state: string } | undefined {
  const text = read(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  // The second field is the program's name in brackets and may itself hold spaces and brackets.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '?', startTime: fields[19] ?? unknown }
}

const here = { host: hostname(), bootId: bootId() }

/** Who process `pid` of this machine is. Off Linux the start time is unknown and a reused pid passes for the old one. */
export function identityOf(pid: number): Identity {
  return { ...here, pid, startTime: stat(pid)?.startTime ?? unknown }
}

let own: Identity | undefined

/** Who this process is. */
export function ownIdentity(): Identity {
  own ??= identityOf(process.pid)
  return own
}

/** True: it lives. False: it is certainly gone. Undefined: it is on another machine or in another container. */
export function isAlive(identity: Identity): boolean | undefined {
  if (identity.host !== here.host) return undefined
  if (identity.bootId !== here.bootId) {
    const [boot] = identity.bootId.split('/')
    return boot !== unknown && boot !== here.bootId.split('/')[0] ? false : undefined
  }
  if (here.bootId !== unknown) {
    const now = stat(identity.pid)
    if (now === undefined || now.state === 'Z' || now.state === 'X') return false
    return identity.startTime === unknown || now.startTime === identity.startTime
  }
  try {
    process.kill(identity.pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

export function sameProcess(a: Identity, b: Identity): boolean {
  return a.host === b.host && a.bootId === b.bootId && a.pid === b.pid && a.startTime === b.startTime
}
