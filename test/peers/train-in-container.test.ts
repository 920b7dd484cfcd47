import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWorkspace } from '../../src/config/workspace.ts'
import { container, csv, dataset, model, project, t, type Trainer } from '../../src/index.ts'
import { ulid } from '../../src/internal/ids.ts'
import { graph, writeModel } from '../../src/onnx/index.ts'
import { startTraining } from '../../src/stages/pipeline/run.ts'
import { millrace } from '../support/command.ts'
import { ridesProject } from '../support/rides.ts'

const flags = process.env['MILLRACE_TEST_PODMAN']
if (flags === undefined) console.warn('SKIPPED: podman; MILLRACE_TEST_PODMAN is not set, see scripts/peers/podman.sh')
const globalFlags = (flags ?? '').split(' ').filter(flag => flag !== '')
const podman = (...rest: string[]): string =>
  execFileSync('podman', [...globalFlags, ...rest], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

const table = dataset('rides', {
  source: csv('data/rides.csv'),
  columns: { at: t.timestamp('UTC'), km: t.nullable(t.float()), zone: t.text(), paid: t.float() },
})
const fareBy = (train: Trainer) =>
  model('fare', {
    task: 'regression',
    from: table,
    label: c => c.paid,
    inputs: c => ({ km: c.km }),
    split: { by: 'random', test: 0.3 },
    train,
  })

/** 2 a kilometre. */
function sameForAll(): Uint8Array {
  const builder = graph('by hand')
  builder.input('features', 'float', ['N', 1])
  builder.node('ml.LinearRegressor', ['features'], 'fare', {
    coefficients: { floats: [2] },
    intercepts: { floats: [0] },
    targets: { int: 1 },
  })
  builder.output('fare', 'float', ['N', 1])
  return writeModel(builder.build(), {}, '', 'by hand')
}

interface Trained {
  readonly code: number
  readonly said: string
  readonly status?: string
  readonly digests?: Readonly<Record<string, string>>
}

describe.skipIf(flags === undefined)('training in a container, by the settings of the project', () => {
  const projects: ReturnType<typeof ridesProject>[] = []
  const tag = `localhost/millrace-test-${ulid().toLowerCase()}:1`
  function fresh(): string {
    const made = ridesProject()
    projects.push(made)
    return made.root
  }
  async function train(settings: unknown, root = fresh()): Promise<Trained> {
    const { code, out, said } = await millrace(root, ['train', '--json'], settings)
    if (code !== 0) return { code, said }
    const { run, status } = JSON.parse(out) as { run: string; status: string }
    const shown = await millrace(root, ['runs', 'show', run, '--json'], settings)
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
      kind: 'container',
      image,
      program,
      globalFlags,
      runFlags: ['--ulimit', 'nofile=20000:20000', '--ulimit', 'nproc=1000:1000'],
      network: 'host',
    },
  })

  beforeAll(async () => {
    const root = fresh()
    const built = await millrace(root, ['image', 'build', '--tag', tag, '--archive', '--json'])
    expect(built.code, built.said).toBe(0)
    const { archive } = JSON.parse(built.out) as { archive: string }
    podman('load', '--quiet', '--input', resolve(root, archive))
  })
  afterAll(() => {
    podman('rmi', '--ignore', '--force', tag)
    for (const made of projects) made.remove()
  })

  test('an image of one’s own trains by the step contract, with the parameters, the time and the variables that it is given', async () => {
    process.env['TRAINER_SECRET'] = 'told'
    const settings = inContainer(tag) as object
    const script = (then: string): string =>
      `const fs = require('node:fs'); const told = JSON.parse(fs.readFileSync(process.env.MILLRACE_PARAMS, 'utf8'));
       if (process.env.TRAINER_SECRET !== 'told' || process.env.MILLRACE_STEP !== '/millrace') process.exit(9);
       ${then}`
    const writes = script(
      `fs.writeFileSync(process.env.SM_MODEL_DIR + '/model.onnx', Buffer.from(told.params.onnx, 'base64'))`,
    )
    const options = { params: { onnx: Buffer.from(sameForAll()).toString('base64') }, env: ['TRAINER_SECRET'] }
    const trainer = (over: object, then = writes) =>
      container(tag, { command: ['/usr/local/bin/node', '-e', then, '--'], ...options, ...over })
    const of = async (given: Trainer) => {
      const root = fresh()
      const workspace = await openWorkspace(root, {
        project: project('own-image', { rides: table, fare: fareBy(given) }, settings as never),
      })
      try {
        const request = { model: fareBy(given), trigger: 'manual', stepEnvironment: null, runEnvironment: {} }
        const done = await (await startTraining(workspace, await workspace.engineOf(), request)).done
        const card = done.steps.find(one => one.step === 'train-fare')?.outputs?.['card']
        return {
          reason: String((done.error as { reason?: string } | undefined)?.reason ?? ''),
          card: card && (JSON.parse(Buffer.from(await workspace.artifacts.get(card.digest)).toString()) as object),
        }
      } finally {
        await workspace.close()
      }
    }
    const good = await of(trainer({ reproducible: 'none' }))
    expect(good.reason).not.toMatch(/did not train/)
    expect(good.card).toMatchObject({ trainer: 'container', reproducible: 'none' })
    const slow = await of(trainer({ timeout: '3s' }, script('setInterval(() => {}, 1000)')))
    expect(slow.reason).toMatch(/not done after 3 s/)
    const told = await of(trainer({ env: [] }))
    expect(told.reason).toMatch(/exit code 9/)
  })

  test('gives the same model, card, reference scores and scaler to the bit as a process of this machine, and as the command itself', async () => {
    const inside = await train(inContainer(tag))
    expect(inside.said).not.toMatch(/MR\d{4}/)
    expect(inside).toMatchObject({ code: 0, status: 'succeeded' })
    expect(Object.keys(inside.digests ?? {}).sort()).toEqual(['card', 'onnx', 'reference', 'scaler'])
    const apart = await train({ run: { kind: 'process' } })
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
    const runs = await millrace(root, ['runs', 'list', '--json'])
    expect(JSON.parse(runs.out)).toEqual([])
  })
})
