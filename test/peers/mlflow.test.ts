import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createToken } from '../../src/server/index.ts'
import { testServer } from '../server/harness.ts'

const python = 'test/interop/.venv/bin/python'
const present = existsSync(python)
if (!present) console.warn('SKIPPED: the MLflow client; run scripts/interop-venv.sh first')

test.skipIf(!present)('the unmodified MLflow client tracks a run, with a token', async () => {
  const server = await testServer({ auth: true })
  try {
    const { token } = await createToken(server.workspace, { name: 'tracker', scopes: ['write'] })
    const run = promisify(execFile)
    const { stdout } = await run(python, ['test/interop/mlflow_client.py', server.url], {
      env: { ...process.env, MLFLOW_TRACKING_TOKEN: token },
      timeout: 200_000,
    })
    const { version, ...read } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>
    expect(version).toMatch(/^3\./)
    expect(read).toEqual({
      default: 'Default',
      status: 'FINISHED',
      name: 'first',
      params: { depth: '6', rate: '0.1', note: '' },
      auc: 0.68,
      nan: true,
      team: 'delays',
      history: [0.6, 0.62, 0.64, 0.66, 0.68],
      files: ['b.bin', 'notes'],
      below: ['notes/a.txt'],
      text: 'hello',
      bytes: 256_000,
      good: ['first'],
      like: ['first'],
      order: 2,
      best: 'first',
      errors: [
        'RESOURCE_DOES_NOT_EXIST',
        'INVALID_PARAMETER_VALUE',
        'RESOURCE_DOES_NOT_EXIST',
        'INVALID_PARAMETER_VALUE',
        'RESOURCE_ALREADY_EXISTS',
        'ENDPOINT_NOT_FOUND',
      ],
    })
  } finally {
    await server.end()
  }
})
