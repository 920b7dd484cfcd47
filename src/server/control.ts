import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { packageVersion } from '../internal/package-version.ts'
import { createRecordApp } from './app.ts'
import { Guard } from './auth/guard.ts'
import type { RecordServices } from './services.ts'

export interface ControlOptions extends Pick<RecordServices, 'workspace' | 'log'> {
  /** Where the server itself listens, which says by what names it may be asked. */
  readonly host: string
  readonly auth: boolean
  readonly webFolder?: string
}

/**
 * Answers what records answer, on a free port of loopback: long searches, lists and files keep no prediction waiting that
 * another process answers. Whoever asks is judged as by the server itself.
 */
export async function startControl({ workspace, host, auth, log, webFolder }: ControlOptions): Promise<{
  readonly port: number
  close(): Promise<void>
}> {
  const { store, clock } = workspace
  const services: RecordServices = {
    workspace,
    guard: new Guard({ store, clock, host, auth, allowedHosts: [], limits: workspace.project.settings.serve ?? {} }),
    health: { open: true },
    lead: { leads: () => true, url: () => undefined },
    version: packageVersion(),
    log,
  }
  const handle = getRequestListener(createRecordApp(services, webFolder).fetch, { overrideGlobalObjects: false })
  // Who asks keeps the connection for the next time
  const server = createServer({ noDelay: true, keepAliveTimeout: 0 }, (request, response) => {
    void handle(request, response)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
