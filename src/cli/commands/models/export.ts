import { relative, resolve } from 'node:path'
import { readPart } from '../../../stages/register/version-parts.ts'
import { describeForEdge } from '../../../stages/edge/describe.ts'
import type { EdgeTarget } from '../../../stages/edge/pages.ts'
import { writeEdgeFolder } from '../../../stages/edge/write.ts'
import type { Command } from '../../command.ts'
import { versionOf } from '../../../app/version-of.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

export const command: Command = {
  summary: 'write a version as a folder that scores rows in a browser or in Node.js',
  details: `The ONNX file, the inputs as data, the evaluator of their expressions, types, and for the web a page to try it. Features of views
are computed from history: there the caller gives them with each row.`,
  arguments: [{ name: 'version', description: 'lateness@3; without a number the champion', required: true }],
  options: [
    { flags: '--target <target>', description: 'where it runs', choices: ['web', 'node'], default: 'web' },
    {
      flags: '--out <folder>',
      description: 'where it is written: a folder that is empty or not there yet',
      default: 'edge',
    },
  ],
  run: ({ args, options, cwd, out }) =>
    withWorkspace(cwd, async services => {
      const record = await versionOf(services.store, args[0])
      const model = await readPart(services, record, 'declaration')
      const card = await readPart(services, record, 'card')
      const bytes = await services.artifacts.get(record.digest)
      const { description, onnx } = describeForEdge(record, model, card, bytes)
      const folder = resolve(cwd, options.out as string)
      const target = options.target as EdgeTarget
      const files = await writeEdgeFolder(folder, target, description, onnx)
      const features = description.columns.filter(column => column.feature).map(column => column.name)
      const shown = relative(cwd, folder) || '.'
      out.data({ folder: shown, target, version: `${record.model}@${record.version}`, files, features })
      out.line(`${record.model}@${record.version} is in ${shown}: ${files.length} files for ${target}`)
      if (features.length > 0) out.line(`the caller gives the features of views with each row: ${features.join(', ')}`)
    }),
}
