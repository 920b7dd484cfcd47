import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { afterRides, hour, madeRides, trainedProject } from '../support/trained-project.ts'
import { trainedServer } from '../support/trained-server.ts'

const python = 'test/interop/.venv-feast/bin/python'
const present = existsSync(python)
if (!present) console.warn('SKIPPED: the Feast client; run scripts/interop-venv.sh feast first')

const plain = (zone: string) => {
  const own = madeRides.filter(one => one.zone === zone && one.at >= afterRides - 6 * hour && one.at < afterRides)
  return { rides: own.length, km: own.reduce((sum, one) => sum + one.km, 0) / own.length }
}

test.skipIf(!present)('the unmodified Feast SDK with a remote online store reads our vectors', async () => {
  const trained = await trainedProject()
  const server = await trainedServer(trained, 'feast')
  try {
    const { stdout } = await promisify(execFile)(python, ['test/interop/feast_client.py', server.url], {
      timeout: 200_000,
    })
    const [north, south] = [plain('north'), plain('south')]
    const said = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>
    expect(said).toEqual({
      version: expect.stringMatching(/^0\./) as string,
      read: {
        zone: ['north', 'south', 'nowhere'],
        rides_6h: [north.rides, south.rides, null],
        km_6h: [expect.closeTo(north.km, 9), expect.closeTo(south.km, 9), null],
      },
      unknown: expect.stringMatching(/Error|NotFound|Exception/) as string,
      registry: {
        view: ['recent', ['zone'], { rides_6h: 'Int64', km_6h: 'Float64' }, true],
        source: ['rides', 'PushSource', 'rides'],
        service: ['late', [['recent', ['rides_6h', 'km_6h']]]],
        entity: ['zone', 'zone', 'STRING'],
        projects: ['rides'],
      },
    })
  } finally {
    await server.close()
    await trained.close()
  }
})
