import { inspectModel } from '../../../onnx/index.ts'
import type { Command } from '../../command.ts'
import { bytesOf } from './verify.ts'

/** The model's inputs and what they are made of, as the file of our own export says; nothing for other files. */
function inputsOf(text: string | undefined): readonly { readonly name: string; readonly is?: string }[] {
  try {
    return JSON.parse(text ?? '[]') as { name: string; is?: string }[]
  } catch {
    return []
  }
}

export const command: Command = {
  summary: 'what is in an ONNX file',
  arguments: [{ name: 'file', description: 'an ONNX file', required: true }],
  async run({ args, cwd, out }) {
    const file = args[0] as string
    const summary = inspectModel(await bytesOf(cwd, file), file)
    out.data(summary)
    out.line(
      `${file}: ${summary.bytes.toLocaleString('en-US')} bytes, IR ${summary.irVersion}, ${Object.entries(
        summary.opsets,
      )
        .map(([domain, version]) => `${domain || 'ai.onnx'} ${version}`)
        .join(', ')}, by ${summary.producer}`,
    )
    for (const [kind, values] of [
      ['input', summary.inputs],
      ['output', summary.outputs],
    ] as const)
      for (const value of values)
        out.line(
          `  ${kind.padEnd(6)} ${value.name}: ${value.type} [${value.shape.map(size => size ?? '?').join(', ')}]`,
        )
    out.line(
      `  nodes  ${Object.entries(summary.operators)
        .map(([name, count]) => `${name} ×${count}`)
        .join(', ')}`,
    )
    for (const { name, is } of inputsOf(summary.metadata['millrace.inputs']))
      if (is !== undefined && is !== name) out.line(`  ${name} is ${is}`)
    if (summary.trees > 0) out.line(`  trees  ${summary.trees} with ${summary.treeNodes.toLocaleString('en-US')} nodes`)
    for (const [key, value] of Object.entries(summary.metadata))
      out.line(`  ${key} = ${value.length > 90 ? `${value.slice(0, 90)}…` : value}`)
  },
}
