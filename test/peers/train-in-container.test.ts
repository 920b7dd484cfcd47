import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ulid } from '../../src/internal/ids.ts'

const flags = process.env['MILLRACE_TEST_PODMAN']
if (flags === undefined) console.warn('SKIPPED: podman; MILLRACE_TEST_PODMAN is not set, see scripts/peers/podman.sh')
const globalFlags = (flags ?? '').split(' ').filter(flag => flag !== '')
const podman = (...rest: string[]): string =>
  execFileSync('podman', [...globalFlags, ...rest], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

const config = `import { csv, dataset, gbt, model, project, t } from 'millrace'
const rides = dataset('rides', {
  source: csv('data/rides.csv'),
  columns: { at: t.timestamp('UTC'), km: t.float(), zone: t.text(), paid: t.float() },
  eventTime: 'at',
})
const fare = model('fare', {
  task: 'regression', from: rides, label: c => c.paid, inputs: c => ({ km: c.km, zone: c.zone, hour: c.at.hour() }),
  split: { by: 'time', train: '20d', test: '5d' }, train: gbt({ trees: 12, depth: 4 }),
})
export default project('rides', { rides, fare }, JSON.parse(process.env.MILLRACE_TEST_SETTINGS ?? '{}'))
`

function rides(): string {
  const lines = ['at,km,zone,paid']
  for (let i = 0; i < 6000; i++) {
    const km = (i * 7919) % 200 === 0 ? '' : ((i * 7919) % 311) / 10
    const zone = 'abcd'[(i * 31) % 4] as string
    const at = new Date(Date.UTC(2026, 0, 1) + i * 360_000).toISOString().replace('T', ' ').replace('Z', '')
    lines.push(`${at},${km},${zone},${(Number(km) * 1.7 + zone.charCodeAt(0) / 50 + ((i * 13) % 7) / 10).toFixed(2)}`)
  }
  return `${lines.join('\n')}\n`
}

interface Trained {
  readonly code: number
  readonly said: string
  readonly status?: string
  readonly digests?: Readonly<Record<string, string>>
}

describe.skipIf(flags === undefined)('training in a container, by the settings of the project', () => {
  const roots: string[] = []
  const tag = `localhost/millrace-test-${ulid().toLowerCase()}:1`
  const bin = resolve('dist/cli/bin.js')

  function fresh(): string {
    const root = mkdtempSync(join(tmpdir(), 'millrace-train-'))
    roots.push(root)
    mkdirSync(join(root, 'data'))
    writeFileSync(join(root, 'data', 'rides.csv'), rides())
    writeFileSync(join(root, 'millrace.config.ts'), config)
    return root
  }
  const millrace = (
    root: string,
    settings: unknown,
    ...args: string[]
  ): Promise<{ code: number; out: string; said: string }> =>
    new Promise(done =>
      execFile(
        process.execPath,
        [bin, ...args],
        { cwd: root, env: { ...process.env, MILLRACE_TEST_SETTINGS: JSON.stringify(settings) }, maxBuffer: 1e8 },
        (error, out, said) => done({ code: error === null ? 0 : Number(error.code ?? 99), out, said: `${out}${said}` }),
      ),
    )
  async function train(settings: unknown, root = fresh()): Promise<Trained> {
    const { code, out, said } = await millrace(root, settings, 'train', '--json')
    if (code !== 0) return { code, said }
    const { run, status } = JSON.parse(out) as { run: string; status: string }
    const shown = await millrace(root, settings, 'runs', 'show', run, '--json')
    const { steps } = JSON.parse(shown.out) as {
      steps: { step: string; outputs?: Record<string, { digest: string }> }[]
    }
    const outputs = steps.find(one => one.step === 'train-fare')?.outputs ?? {}
    return {
      code,
      said,
      status,
      digests: Object.fromEntries(Object.entries(outputs).map(([name, one]) => [name, one.digest])),
    }
  }
  const inContainer = (image: string, program = 'podman'): unknown => ({
    run: {
      steps: 'container',
      image,
      program,
      globalFlags,
      runFlags: ['--ulimit', 'nofile=20000:20000', '--ulimit', 'nproc=1000:1000'],
      network: 'host',
    },
  })

  beforeAll(async () => {
    const root = fresh()
    const built = await millrace(root, {}, 'image', 'build', '--tag', tag, '--archive', '--json')
    expect(built.code, built.said).toBe(0)
    const { archive } = JSON.parse(built.out) as { archive: string }
    podman('load', '--quiet', '--input', resolve(root, archive))
  })
  afterAll(() => {
    podman('rmi', '--ignore', '--force', tag)
    for (const root of roots) rmSync(root, { recursive: true, force: true })
  })

  test('gives the same model, scaler and profile to the bit as a process of this machine, and as the command itself', async () => {
    const inside = await train(inContainer(tag))
    expect(inside.said).not.toMatch(/MR\d{4}/)
    expect(inside).toMatchObject({ code: 0, status: 'succeeded' })
    expect(Object.keys(inside.digests ?? {}).sort()).toEqual(['model', 'profile', 'scaler'])
    const apart = await train({ run: { steps: 'process' } })
    const here = await train({})
    expect(apart.digests).toEqual(inside.digests)
    expect(here.digests).toEqual(inside.digests)
  })

  test('says at once which image is missing, and that podman is', async () => {
    const root = fresh()
    const noImage = await train(inContainer('localhost/no-such-image:1'), root)
    expect(noImage.code).toBe(2)
    expect(noImage.said).toContain('MR3331')
    expect(noImage.said).toContain('localhost/no-such-image:1')
    const noProgram = await train(inContainer(tag, '/no/such/podman'), root)
    expect(noProgram.code).toBe(3)
    expect(noProgram.said).toContain('MR3330')
    const runs = await millrace(root, {}, 'runs', 'list', '--json')
    expect(JSON.parse(runs.out)).toEqual([])
  })
})
