import { resolve } from 'node:path'
import { fail } from '../../errors/index.ts'
import type { Command } from '../command.ts'
import { endSignal } from '../end-signal.ts'
import { usage } from '../number-option.ts'

function urlOf(given: unknown): string | undefined {
  if (typeof given !== 'string') return undefined
  if (URL.canParse(given) && /^https?:/.test(given)) return given.replace(/\/+$/, '')
  throw fail('usageWrong', {
    reason: `--advertise must be an address such as http://10.0.0.7:8790, not ${given}.`,
    verb: 'up',
  })
}

export const command: Command = {
  summary: 'serve predictions, the API and the dashboard',
  details:
    'Ends with SIGINT or SIGTERM: readiness off, running requests end, state is stored. Beyond loopback it asks for tokens.',
  options: [
    {
      flags: '--port <number>',
      description: "port to listen on; 0 takes a free one (default: the project's, else 8790)",
    },
    { flags: '--host <address>', description: "address to listen on (default: the project's, else 127.0.0.1)" },
    {
      flags: '--grpc-port <number>',
      description: "port of the inference protocol over gRPC; 0 takes a free one (default: the project's, else none)",
    },
    {
      flags: '--tls-cert <file>',
      description: 'speak TLS by this certificate in PEM; a renewed one is taken as it comes',
      onlyWith: '--tls-key',
    },
    { flags: '--tls-key <file>', description: 'the key of that certificate, in PEM', onlyWith: '--tls-cert' },
    {
      flags: '--workers <number>',
      description: "processes that answer predictions (default: the project's, else 1)",
    },
    { flags: '--auth', description: 'ask for tokens also on loopback' },
    {
      flags: '--advertise <url>',
      description: 'where other instances reach this one (default: where it listens)',
    },
  ],
  async run({ options, cwd, out }) {
    const portOf = (flag: string, given: unknown): number | undefined => {
      const port = usage.whole(flag, given as string | undefined)
      if (port === undefined || port <= 65_535) return port
      throw fail('usageWrong', { reason: `${flag} must be at most 65535.`, verb: 'up' })
    }
    const port = portOf('--port', options.port)
    const grpcPort = portOf('--grpc-port', options.grpcPort)
    const { up } = await import('../serve/up.ts')
    const running = await up({
      cwd,
      port,
      grpcPort,
      workers: usage.whole('--workers', options.workers as string | undefined, 1),
      host: typeof options.host === 'string' ? options.host : undefined,
      tls:
        typeof options.tlsCert === 'string' && typeof options.tlsKey === 'string'
          ? { cert: resolve(cwd, options.tlsCert), key: resolve(cwd, options.tlsKey) }
          : undefined,
      ...(options.auth === true ? { auth: true } : {}),
      advertise: urlOf(options.advertise),
      log: line => process.stderr.write(`${JSON.stringify(line)}\n`),
    })
    // Before anybody hears that it is up, and may end it
    const ended = endSignal()
    out.data({ url: running.url, grpc: running.grpc ?? null, auth: running.auth, pid: process.pid })
    out.line(`Millrace is up at ${running.url}`)
    if (running.grpc !== undefined) out.line(`It speaks the inference protocol over gRPC at ${running.grpc}`)
    if (running.auth) out.line('it asks for tokens: millrace token create <name> --scope admin makes one')
    out.line('Ctrl-C ends it.')
    await new Promise<void>(resolve => {
      ended.addEventListener('abort', () => resolve(), { once: true })
      if (ended.aborted) resolve()
    })
    out.note('ending')
    await running.close()
    return 0
  },
}
