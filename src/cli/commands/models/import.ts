import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { importModel } from '../../../app/import-model.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import { feedsForm } from '../../../define/script-trainer.ts'
import { fail } from '../../../errors/index.ts'
import { messageOf } from '../../../internal/message-of.ts'
import type { Command } from '../../command.ts'
import { listenerOf } from '../../listener.ts'
import { printVersion } from '../../print-version.ts'

type Feeds = Readonly<Record<string, string | readonly string[]>>

const wrong = (reason: string): never => {
  throw fail('usageWrong', { reason, verb: 'models import' })
}

/** `x=bill,mass` once or several times apart from each other by `;`, or a JSON file of the same. */
async function feedsOf(given: string, cwd: string): Promise<Feeds> {
  if (given.endsWith('.json')) {
    const text = await readFile(resolve(cwd, given), 'utf8').catch((error: unknown) =>
      wrong(`--inputs ${given} cannot be read: ${messageOf(error)}.`),
    )
    let found: unknown
    try {
      found = JSON.parse(text)
    } catch (error) {
      return wrong(`--inputs ${given} is no JSON: ${messageOf(error)}.`)
    }
    return feedsForm.holds(found) ? (found as Feeds) : wrong(`--inputs ${given} must be ${feedsForm.words}.`)
  }
  return Object.fromEntries(
    given.split(';').map(part => {
      const [name = '', names = ''] = part.split('=').map(one => one.trim())
      const list = names.split(',').map(one => one.trim())
      if (name === '' || list.some(one => one === '')) return wrong(`--inputs takes x=bill,mass;y=age, not "${given}".`)
      return [name, list] as const
    }),
  )
}

export const command: Command = {
  summary: 'take an ONNX file that was made elsewhere as a version',
  details: `What it predicts, from which inputs and how it is tested stands in the project; the file takes the place of what its trainer would
have made. It is verified, held to the answers that are expected of it, tested on the held-out rows, compared with the champion and
registered. Exit code 1 when a gate says no.

  millrace models import scorer.onnx --inputs "x=bill,mass" --expected rows.csv`,
  arguments: [{ name: 'file', description: 'the ONNX file', required: true }],
  options: [
    { flags: '--model <name>', description: 'which declared model it is a version of (default: the only one)' },
    {
      flags: '--inputs <mapping>',
      description:
        "the model's inputs by those of the graph, where names do not say it: x=bill,mass;y=age or a JSON file",
    },
    { flags: '--output <name>', description: 'which output has the scores (default: the one there is)' },
    { flags: '--expected <file>', description: 'rows with the answers that it is to give: Parquet, CSV or JSON lines' },
  ],
  resumable: true,
  run: ({ args, options, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const text = (name: string): string | undefined =>
        typeof options[name] === 'string' ? String(options[name]) : undefined
      const [inputs, expected] = [text('inputs'), text('expected')]
      const input = {
        file: resolve(cwd, args[0] ?? ''),
        model: text('model'),
        inputs: inputs === undefined ? undefined : await feedsOf(inputs, cwd),
        output: text('output'),
        expected: expected === undefined ? undefined : resolve(cwd, expected),
      }
      const { listener, end } = listenerOf(out)
      const answer = await importModel(workspace, input, listener).finally(end)
      out.data(answer)
      return printVersion(answer, workspace.project, out)
    }),
}
