import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fail } from '../../../errors/index.ts'
import { verdictOf, verifyModel } from '../../../onnx/index.ts'
import type { Command } from '../../command.ts'

export async function bytesOf(cwd: string, file: string): Promise<Uint8Array> {
  return readFile(resolve(cwd, file)).catch((error: unknown) => {
    throw fail(
      'sourceUnreadable',
      {
        source: file,
        reason: (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it does not exist' : String(error),
      },
      error,
    )
  })
}

export const command: Command = {
  summary: 'check an ONNX file without running it',
  details: `Whether it is an ONNX model (operators, attributes, types and shapes by the official schemas), and whether it is one that can
be served: rows of numbers and texts in, scores or classes out. Exit code 1 when it is no valid model, or a check of one that Millrace
wrote fails; what is valid and cannot be served is said with its reason.`,
  arguments: [{ name: 'file', description: 'an ONNX file', required: true }],
  async run({ args, cwd, out }) {
    const checks = verifyModel(await bytesOf(cwd, args[0] as string))
    out.data(checks)
    const failed = checks.filter(check => check.status !== 'pass')
    for (const check of failed) out.line(`${check.status === 'fail' ? '✗' : '!'} ${check.id}: ${check.message}`)
    out.line(
      failed.length === 0
        ? `✓ all ${checks.length} checks pass`
        : `${checks.length - failed.length} of ${checks.length} checks pass`,
    )
    const { valid, servable, reasons } = verdictOf(checks)
    if (!valid) out.line('not a valid ONNX model')
    else if (!servable) out.line(`valid, but not to be served: ${reasons.join('; ')}`)
    return checks.some(check => check.status === 'fail') ? 1 : 0
  },
}
