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

// The library of gRPC is in the environment since it is asked for: an older one is made anew by scripts/interop-venv.sh
const withGrpc = present && existsSync('test/interop/.venv/lib/python3.11/site-packages/grpc')
if (!withGrpc) console.warn('SKIPPED: tritonclient[grpc]; run scripts/interop-venv.sh first')

test.skipIf(!withGrpc)(
  'the unmodified client of Triton infers over gRPC, sync, async and as a stream, as over HTTP',
  async () => {
    const trained = await trainedProject()
    const server = await trainedServer(trained, 'late-api', { grpcPort: 0 })
    try {
      const at = trained.clock.now()
      const kms = [12, 3.5, 40]
      const whole = [12, 3, 40]
      const scoresOf = async (values: readonly number[]): Promise<readonly number[]> => {
        const rows = values.map((km, i) => ({ km, zone: ['north', 'süd', 'west'][i], at }))
        const { body } = await server.ask('POST', '/v1/deployments/late-api/predict', { rows })
        return (body.predictions as { score: number }[]).map(one => one.score)
      }
      const scores = await scoresOf(kms)
      const { stdout } = await promisify(execFile)(
        python,
        ['test/interop/triton_grpc_client.py', server.grpc as string, 'late-api', String(at)],
        { timeout: 120_000 },
      )
      const { types, stream, ...found } = JSON.parse(stdout) as Record<string, unknown>
      expect(found).toEqual({
        live: true,
        ready: true,
        modelReady: true,
        versionReady: true,
        otherVersionReady: expect.stringContaining('NOT_FOUND') as string,
        name: 'millrace',
        config: 'late-api',
        index: ['late-api'],
        count: expect.any(Number) as number,
        labels: expect.any(Array) as unknown,
        arms: ['stable', 'stable', 'stable'],
        unknown: expect.stringMatching(/NOT_FOUND.*There is no deployment 'nothing'/) as string,
        missing: expect.stringMatching(/INVALID_ARGUMENT.*km/) as string,
        unload: expect.stringContaining('INVALID_ARGUMENT') as string,
        ...Object.fromEntries(
          ['plain', 'version', 'options', 'gzip', 'deflate', 'callback', 'deadline', 'asyncio'].map(name => [
            name,
            scores,
          ]),
        ),
        asyncioMany: Array.from({ length: 20 }, () => scores),
      })
      expect(stream).toEqual([scores, scores, scores])
      const of = await scoresOf(whole)
      expect(types).toEqual({
        ...Object.fromEntries(
          ['INT8', 'INT16', 'INT32', 'INT64', 'UINT8', 'UINT16', 'UINT32', 'UINT64'].map(name => [name, of]),
        ),
        ...Object.fromEntries(['FP16', 'FP32', 'FP64'].map(name => [name, scores])),
      })
    } finally {
      await server.close()
      await trained.close()
    }
  },
)
