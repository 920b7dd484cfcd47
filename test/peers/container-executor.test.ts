import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { containerExecutor } from '../../src/adapters/executor/container/executor.ts'
import { ulid } from '../../src/internal/ids.ts'
import { runContract } from '../../src/testing/contract.ts'
import { executorContract } from '../../src/testing/executor-contract.ts'
import { imageProject } from '../support/image.ts'

const flags = process.env['MILLRACE_TEST_PODMAN']
if (flags === undefined) console.warn('SKIPPED: podman; MILLRACE_TEST_PODMAN is not set, see scripts/peers/podman.sh')

const globalFlags = (flags ?? '').split(' ').filter(flag => flag !== '')
const podman = (...rest: string[]): void => {
  execFileSync('podman', [...globalFlags, ...rest], { stdio: ['ignore', 'pipe', 'pipe'] })
}

describe.skipIf(flags === undefined)('executor of containers', () => {
  const { root, build } = imageProject()
  const tag = `localhost/millrace-test-${ulid().toLowerCase()}:1`
  beforeAll(async () => {
    const image = await build({ tag, archive: true })
    podman('load', '--quiet', '--input', image.archive ?? '')
  })
  afterAll(() => {
    podman('rmi', '--ignore', '--force', tag)
    rmSync(root, { recursive: true, force: true, maxRetries: 5 })
  })

  runContract(
    test,
    executorContract(() =>
      containerExecutor({
        image: tag,
        globalFlags,
        runFlags: ['--ulimit', 'nofile=20000:20000', '--ulimit', 'nproc=1000:1000'],
        network: 'host',
        mounts: [],
        paths: [],
      }),
    ),
  )
})
