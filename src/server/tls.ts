import { readFileSync } from 'node:fs'
import { createSecureContext, type Server as TlsServer } from 'node:tls'
import { fail } from '../errors/index.ts'
import { messageOf } from '../internal/message-of.ts'
import type { Log } from '../ports/log.ts'

/** Files in PEM: the certificate with those that lead to its root, and its key. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

/** Whoever renews a certificate writes two files, one after the other: what does not fit yet is looked at again. */
const everyMs = 1_000

interface Pair {
  readonly cert: Buffer
  readonly key: Buffer
}

/** Throws `tlsUnusable` where the files cannot be read, are no certificate and key, or are not of each other. */
export function readTls({ cert, key }: TlsFiles): Pair {
  try {
    const read = { cert: readFileSync(cert), key: readFileSync(key) }
    createSecureContext(read)
    return read
  } catch (error) {
    throw fail('tlsUnusable', { cert, key, reason: messageOf(error) }, error)
  }
}

/** Serves new connections by what the files hold now, and by what they held where they hold nothing usable. */
export function followTls(server: Pick<TlsServer, 'setSecureContext'>, files: TlsFiles, log: Log): () => void {
  let known = readTls(files)
  let told: string | undefined
  const timer = setInterval(() => {
    try {
      const now = readTls(files)
      told = undefined
      if (now.cert.equals(known.cert) && now.key.equals(known.key)) return
      server.setSecureContext(now)
      known = now
      log({ level: 'info', text: 'the certificate was renewed', cert: files.cert })
    } catch (error) {
      const reason = messageOf(error)
      if (reason !== told) log({ level: 'warn', text: 'the old certificate stays', reason })
      told = reason
    }
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
