import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { containerExecutor } from '../../src/adapters/executor/container/executor.ts'
import type { RunResult } from '../../src/engine/step.ts'
import type { StepDefinition } from '../../src/engine/step.ts'
import { digestBytes } from '../../src/internal/digest.ts'
import { ulid } from '../../src/internal/ids.ts'
import type { Executor } from '../../src/ports/executor.ts'
import { openTestEngine } from '../support/engine.ts'
import { imageProject } from '../support/image.ts'

const flags = process.env['MILLRACE_TEST_PODMAN']
if (flags === undefined) console.warn('SKIPPED: podman; MILLRACE_TEST_PODMAN is not set, see scripts/peers/podman.sh')

const globalFlags = (flags ?? '').split(' ').filter(flag => flag !== '')
const podman = (...rest: string[]): string =>
  execFileSync('podman', [...globalFlags, ...rest], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

describe.skipIf(flags === undefined)('the image under podman', () => {
  const { root, build } = imageProject()
  const tag = `localhost/millrace-test-${ulid().toLowerCase()}:1`
  const folders: string[] = [root]
  afterAll(() => {
    podman('rmi', '--ignore', '--force', tag)
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  let loaded: Promise<void> | undefined
  const load = (): Promise<void> =>
    (loaded ??= build({ tag, archive: true }).then(
      image => void podman('load', '--quiet', '--input', image.archive ?? ''),
    ))

  const runFlags = ['--ulimit', 'nofile=20000:20000', '--ulimit', 'nproc=1000:1000']

  const container = (artifacts: string): Executor =>
    containerExecutor({
      image: tag,
      globalFlags,
      runFlags,
      network: 'host',
      mounts: [artifacts],
      paths: [
        { here: root, inside: '/app' },
        { here: resolve('.'), inside: '/app/node_modules/millrace' },
      ],
    })

  async function squares(inContainer: boolean, entry = 'square'): Promise<RunResult> {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-podman-'))
    folders.push(folder)
    const { engine, artifacts, close } = await openTestEngine(
      folder,
      inContainer ? { executor: container(folder) } : {},
    )
    try {
      const numbers = await artifacts.put('[1,2,3]')
      const step: StepDefinition = {
        name: 'square',
        inputs: { numbers: { from: { type: 'json', ...numbers } } },
        parameters: { factor: 2 },
        code: digestBytes(entry),
        environment: null,
        runsIn: 'process',
        module: { file: join(root, 'steps.mjs'), export: entry },
      }
      return await engine.run({ name: 'squares', steps: [step] })
    } finally {
      await close()
    }
  }

  test('runs a step with the same output digest as a process of this machine', async () => {
    await load()
    const [outside, inside] = [await squares(false), await squares(true)]
    expect(outside.status).toBe('succeeded')
    expect(inside).toMatchObject({ status: 'succeeded' })
    expect(inside.steps[0]?.outputs).toEqual(outside.steps[0]?.outputs)
    expect(inside.steps[0]?.outputs?.squares?.digest).toBe(digestBytes('[2,8,18]'))
  })

  test("a step's failure comes out in its own words", async () => {
    await load()
    const failed = await squares(true, 'cube')
    expect(failed.status).toBe('failed')
    expect(JSON.stringify(failed.error)).toContain('has no function cube')
  })

  test('has no shell, and its user is nobody', async () => {
    await load()
    const line = ['run', '--rm', '--network', 'host', ...runFlags, '--entrypoint', '/usr/local/bin/node', tag]
    expect(podman(...line, '-p', 'process.getuid() + " " + require("fs").existsSync("/bin/sh")').trim()).toBe(
      '65532 false',
    )
    expect(podman(...line, '-p', 'require("fs").readdirSync("/app").sort().join()').trim()).toBe(
      '.millrace,millrace.config.ts,node_modules,steps.mjs',
    )
  })
})
