import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { openOnnxFile } from '../src/adapters/trainer/onnx-file/open.ts'
import { openOwnTrainer } from '../src/adapters/trainer/own/open.ts'
import { openProgramTrainer } from '../src/adapters/trainer/program/open.ts'
import { command, onnx } from '../src/define/script-trainer.ts'
import { gbt } from '../src/define/trainer.ts'
import type { ContractRequest } from '../src/testing/trainer-frame.ts'
import { runContract } from '../src/testing/contract.ts'
import { trainerContract } from '../src/testing/trainer-contract.ts'

// The trainers that are programs and files keep the same contract as our own. What they give was learnt from the rows of each case.

const project = mkdtempSync(join(tmpdir(), 'millrace-contract-'))
afterAll(() => rmSync(project, { recursive: true, force: true, maxRetries: 5 }))

/** A model of the training rows, and its scores of the held-out ones, as a program would leave them. */
async function prepare(request: ContractRequest): Promise<void> {
  const own = openOwnTrainer(() => Promise.reject(new Error('no rows here are worth a thread')))
  const { onnx: bytes, reference } = await own.train({ ...request, trainer: gbt({ trees: 6 }) })
  const { rows } = await request.frame.rows('test')
  const names = request.task === 'multiclass' ? request.classes : ['score']
  const lines = Array.from({ length: rows }, (_, row) =>
    names.map((__, at) => reference?.scores[row * names.length + at]).join(),
  )
  writeFileSync(join(project, 'model.onnx'), bytes)
  writeFileSync(join(project, 'scores.csv'), `${names.map(name => `"${name}"`).join()}\n${lines.join('\n')}\n`)
}

const program = `
import { copyFileSync } from 'node:fs'
for (const name of ['model.onnx', 'scores.csv']) copyFileSync(name, process.env.MILLRACE_OUTPUTS + '/' + name)
`

describe('trainer command', () => {
  const container = { program: 'podman', globalFlags: [], runFlags: [], network: 'none' }
  runContract(
    test,
    trainerContract({
      open: () =>
        Promise.resolve(openProgramTrainer({ project, environments: join(project, 'environments'), container })),
      async trainer(request) {
        await prepare(request)
        writeFileSync(join(project, 'train.mjs'), program)
        return command([process.execPath, 'train.mjs'], { files: ['train.mjs', 'model.onnx', 'scores.csv'] })
      },
    }),
  )
})

describe('trainer onnx', () => {
  runContract(
    test,
    trainerContract({
      open: () =>
        Promise.resolve(openOnnxFile({ project, artifacts: { localPath: () => Promise.reject(new Error('none')) } })),
      async trainer(request) {
        await prepare(request)
        return onnx('model.onnx')
      },
    }),
  )
})
