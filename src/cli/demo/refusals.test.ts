import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { lateWith, type Trained, trainedProject } from '../../../test/support/trained-project.ts'
import { fail } from '../../errors/index.ts'
import { gbt } from '../../index.ts'
import { flightsFile } from './data.ts'
import type { Stage } from './stage.ts'
import { trainFirst } from './versions.ts'

// What the demo says where it cannot be played.

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())

describe('a training of the demo', () => {
  const stage = async (model: object): Promise<Stage> =>
    ({
      workspace: trained.workspace,
      runs: await trained.workspace.engineOf(),
      model,
      environments: async () => ({ stepEnvironment: null, runEnvironment: {} }),
    }) as never

  it('that gives no version says which step refused it, and why', async () => {
    const strict = lateWith(gbt({ trees: 5 }), m => [m.metric('auc', { min: 0.9999 })])
    await expect(trainFirst(await stage(strict))).rejects.toMatchObject({
      code: 'MR3001',
      details: { step: 'evaluate-late', reason: expect.stringContaining('auc is') as string },
    })
  })

  it('that gives one gives that of its own run', async () => {
    const version = await trainFirst(await stage(lateWith(gbt({ trees: 5 }))))
    const [newest] = await trained.workspace.store.listModelVersions('late')
    expect(version.runId).toBe(newest?.runId)
  })
})

it('flights that are not installed are said to be, with how to get them', async () => {
  // they are there beside Millrace, in this repository
  expect(flightsFile(mkdtempSync(join(tmpdir(), 'millrace-demo-')))).toMatch(
    /vega-datasets\/data\/flights-3m\.parquet$/,
  )
  vi.resetModules()
  vi.doMock('node:fs', async importOriginal => ({ ...(await importOriginal<object>()), existsSync: () => false }))
  const { flightsFile: elsewhere } = await import('./data.ts')
  expect(() => elsewhere('/')).toThrow(expect.objectContaining({ code: 'MR2010' }) as Error)
  vi.doUnmock('node:fs')
  expect(fail('demoDataMissing').hint).toContain('npm install --save-dev vega-datasets')
})
