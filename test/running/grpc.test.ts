import { createRequire } from 'node:module'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startUp } from '../support/command.ts'
import { inside } from '../support/inside.ts'
import { refused } from '../support/refused.ts'

const require = createRequire(import.meta.url)
const grpc = require('@grpc/grpc-js') as typeof import('@grpc/grpc-js')

/** Whether a server answers `ServerLive` at an address. */
function isLive(address: string): Promise<boolean> {
  const client = new grpc.Client(address, grpc.credentials.createInsecure())
  const same = (bytes: Buffer): Buffer => bytes
  return new Promise(done =>
    client.makeUnaryRequest(
      '/inference.GRPCInferenceService/ServerLive',
      same,
      same,
      Buffer.alloc(0),
      { deadline: Date.now() + 10_000 },
      (error, answer) => {
        client.close()
        // field 1, true
        done(error === null && answer?.toString('hex') === '0801')
      },
    ),
  )
}

const said = (printed: string): { readonly grpc: string | null } =>
  JSON.parse(printed) as { readonly grpc: string | null }

it('gRPC is spoken where the project or --grpc-port says so, and ends with the rest', async () => {
  const root = mkdtempSync(join(tmpdir(), 'millrace-grpc-'))
  const write = (serve: string): void =>
    writeFileSync(
      join(root, 'millrace.config.ts'),
      `import { project } from 'millrace'\nexport default project('empty', {}, { serve: ${serve} })\n`,
    )
  write('{}')
  const silent = await startUp(root)
  expect(said(silent.printed()).grpc).toBeNull()
  await silent.end()

  write('{ grpcPort: 0 }')
  const declared = await startUp(root)
  const { grpc: address } = said(declared.printed())
  expect(address).toMatch(/^127\.0\.0\.1:\d+$/)
  expect(await isLive(address as string)).toBe(true)
  expect(await declared.end('SIGTERM')).toBe(0)
  expect(await isLive(address as string)).toBe(false)

  const port = (address as string).split(':')[1] as string
  const asked = await startUp(root, ['--grpc-port', port])
  expect(said(asked.printed()).grpc).toBe(address)
  expect(await isLive(address as string)).toBe(true)
  await asked.end()

  refused(await inside(root, ['up', '--grpc-port', '70000']), 2, /--grpc-port must be at most 65535/)
})
