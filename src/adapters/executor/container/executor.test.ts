import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { StepJob } from '../../../ports/executor.ts'
import { containerArguments, containerExecutor, insideImage } from './executor.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-container-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const paths = [
  { here: '/srv/flights', inside: '/app' },
  { here: '/srv/flights/node_modules/millrace', inside: '/opt/millrace' },
]

function job(): StepJob {
  const folder = mkdtempSync(join(root, 'job-'))
  mkdirSync(join(folder, 'input', 'config'), { recursive: true })
  const step = {
    key: 'k',
    module: { file: '/srv/flights/steps.ts', export: 'train' },
    artifacts: { module: 'file:///srv/flights/node_modules/millrace/dist/open.js', export: 'open', argument: '/store' },
    moduleCache: '/srv/flights/.millrace/modules',
  }
  writeFileSync(join(folder, 'input', 'config', 'step.json'), JSON.stringify(step))
  const argv = ['/usr/bin/node', '/srv/flights/node_modules/millrace/dist/engine/host.js', folder]
  return { runId: '01R', step: 'train-late', attempt: 2, argv, cwd: folder, env: { TOKEN: 'hush' }, folder }
}

const options = { image: 'flights:1', mounts: ['/store'], paths }

test('paths to code become those of the image, all others stay', () => {
  expect(insideImage('/srv/flights/a.ts', paths)).toBe('/app/a.ts')
  expect(insideImage('/srv/flights/node_modules/millrace/x', paths)).toBe('/opt/millrace/x')
  expect(insideImage('/srv/flights-2/a.ts', paths)).toBe('/srv/flights-2/a.ts')
})

test('the step runs without rights, without network, and with its values out of sight', async () => {
  const given = job()
  const line = (await containerArguments(given, 'name', options)).join(' ')
  expect(line).toContain('--network none')
  expect(line).toContain('--cap-drop all --security-opt no-new-privileges')
  expect(line).toContain('--env TOKEN ')
  expect(line).not.toContain('hush')
  expect(line.endsWith(`flights:1 /opt/millrace/dist/engine/host.js ${given.folder}`)).toBe(true)
  const inside = JSON.parse(readFileSync(join(given.folder, 'container', 'step.json'), 'utf8')) as object
  expect(inside).toMatchObject({
    key: 'k',
    module: { file: '/app/steps.ts' },
    artifacts: { module: 'file:///opt/millrace/dist/open.js', argument: '/store' },
  })
})

test('the network is the one that is named; flags go before the run and before the image', async () => {
  const line = async (more: object) => (await containerArguments(job(), 'name', { ...options, ...more })).join(' ')
  expect(await line({ network: 'models' })).toContain(' --network models ')
  expect(await line({ globalFlags: ['--root', '/srv/containers'] })).toMatch(/^podman --root \/srv\/containers run /)
  expect(await line({ runFlags: ['--memory', '2g'] })).toMatch(/ --memory 2g flights:1 /)
  expect(await line({})).toMatch(/^podman run --rm /)
  expect(await line({ program: 'docker' })).toMatch(/^docker run --rm /)
})

test('says which program is missing', async () => {
  const executor = containerExecutor({ ...options, program: '/no/such/podman' })
  await expect(executor.start(job())).rejects.toMatchObject({ code: 'MR3330' })
})
