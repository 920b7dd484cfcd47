import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { trainedProject } from '../support/trained-project.ts'
import { trainedServer } from '../support/trained-server.ts'

const python = 'test/interop/.venv/bin/python'
const present = existsSync(python)
if (!present) console.warn('SKIPPED: tritonclient; run scripts/interop-venv.sh first')

test.skipIf(!present)('the unmodified client of Triton infers over HTTP, with its defaults', async () => {
  const trained = await trainedProject()
  const server = await trainedServer(trained, 'late-api', {}, {})
  try {
    const at = trained.clock.now()
    const rows = [
      [12, 'north'],
      [3.5, 'süd'],
      [40, 'west'],
    ].map(([km, zone]) => ({ row: { km: km as number, zone: zone as string, at } }))
    const own = await server.live.predict(rows)
    const { stdout } = await promisify(execFile)(
      python,
      ['test/interop/triton_client.py', server.url, 'late-api', String(at)],
      { timeout: 120_000 },
    )
    const { count, ...found } = JSON.parse(stdout) as Record<string, unknown>
    const scores = own.map(one => one.score)
    expect(found).toEqual({
      live: true,
      ready: true,
      modelReady: true,
      versionReady: true,
      otherVersionReady: false,
      extensions: ['binary_tensor_data', 'model_configuration', 'model_repository', 'statistics'],
      config: 'late-api',
      index: ['late-api'],
      ...Object.fromEntries(
        ['binary', 'json', 'binaryOut', 'jsonOut', 'version', 'gzip', 'deflate', 'options', 'async'].map(name => [
          name,
          scores,
        ]),
      ),
      labels: own.map(one => one.label),
      arms: ['stable', 'stable', 'stable'],
      unknown: expect.stringContaining("There is no deployment 'nothing'") as string,
    })
    expect(count).toBe(33)
  } finally {
    await server.close()
    await trained.close()
  }
})
