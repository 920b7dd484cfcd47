import { afterEach, expect, it } from 'vitest'
import type { StepContext } from '../engine/index.ts'
import { ownCode } from '../stages/pipeline/code.ts'
import { codeVariable } from '../stages/pipeline/train-step.ts'
import { curve, train, trial } from './train-process.ts'

afterEach(() => {
  delete process.env[codeVariable]
})

/** A step whose folder is asked for once the code was found to be the same; there it ends. */
const context = {
  folder: () => Promise.reject(new Error('the folder was asked for')),
} as unknown as StepContext

it.each([
  ['train', train],
  ['trial', trial],
  ['curve', curve],
])('%s in an image with another version of Millrace is refused before anything is opened', async (_, step) => {
  process.env[codeVariable] = 'sha256:other'
  await expect(step(context)).rejects.toMatchObject({
    failure: 'contract',
    message: expect.stringMatching(/the image holds another version of Millrace/) as string,
  })
  // of the same version, or where nobody says which, it goes on
  process.env[codeVariable] = ownCode()
  await expect(step(context)).rejects.toThrow('the folder was asked for')
  delete process.env[codeVariable]
  await expect(step(context)).rejects.toThrow('the folder was asked for')
})
