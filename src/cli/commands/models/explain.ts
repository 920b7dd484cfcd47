import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { explainVersion, maxExplained, type VersionExplanation } from '../../../app/explain-version.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import { fail } from '../../../errors/index.ts'
import { messageOf } from '../../../internal/message-of.ts'
import type { Command, Output } from '../../command.ts'

/** Most inputs of a row that are printed; `--json` has them all. */
const maxPrinted = 12

/** JSON with a list of rows, or a row a line. Throws `usageWrong`. */
async function readRows(file: string): Promise<Readonly<Record<string, unknown>>[]> {
  const refuse = (reason: string): never => {
    throw fail('usageWrong', { reason: `--rows ${file} ${reason}.`, verb: 'models explain' })
  }
  const text = await readFile(file, 'utf8').catch((error: unknown) => refuse(`cannot be read: ${messageOf(error)}`))
  let rows: unknown
  try {
    rows = text.trimStart().startsWith('[')
      ? (JSON.parse(text) as unknown)
      : text
          .split('\n')
          .filter(line => line.trim() !== '')
          .map(line => JSON.parse(line) as unknown)
  } catch (error) {
    return refuse(`is neither a JSON list nor a JSON object a line: ${messageOf(error)}`)
  }
  const plain = Array.isArray(rows) && rows.every(row => typeof row === 'object' && row && !Array.isArray(row))
  if (!plain || !Array.isArray(rows) || rows.length === 0) return refuse('has no list of rows')
  if (rows.length > maxExplained) return refuse(`has ${rows.length} rows, at most ${maxExplained} are explained`)
  return rows as Readonly<Record<string, unknown>>[]
}

function wholeNumber(given: unknown): number | undefined {
  if (given === undefined) return undefined
  const number = Number(given)
  if (Number.isInteger(number) && number >= 1 && number <= maxExplained) return number
  throw fail('usageWrong', {
    reason: `--held-out must be a whole number from 1 to ${maxExplained}, got ${String(given)}.`,
    verb: 'models explain',
  })
}

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toPrecision(3)}`

function printImportance(out: Output, { importance, importanceIs, lossWithout }: VersionExplanation): void {
  if (importance.length === 0) return
  const rises = new Map(lossWithout?.map(one => [one.input, one.rise]))
  out.table(
    ['input', `importance (${importanceIs})`, 'loss rises without it by'],
    importance
      .slice(0, maxPrinted)
      .map(({ input, share }) => [input, `${(100 * share).toFixed(1)} %`, rises.get(input)?.toPrecision(3) ?? '–']),
  )
  out.line()
}

function printRow(
  out: Output,
  at: number,
  { score, label, answers }: VersionExplanation['explanations'][number],
): void {
  out.line(`row ${at + 1}: score ${score.toPrecision(4)}${label === undefined ? '' : ` (${String(label)})`}`)
  for (const answer of answers) {
    const { contributions, unit, expected } = answer
    const named = answer.class === undefined ? '' : `${answer.class}: `
    out.line(`  ${named}${unit} ${answer.answer.toPrecision(4)}, ${expected.toPrecision(4)} of any row`)
    out.table(
      ['  input', 'value', 'adds'],
      contributions
        .slice(0, maxPrinted)
        .map(({ input, value, contribution, error }) => [
          `  ${input}`,
          value === null ? 'missing' : String(value),
          `${signed(contribution)}${error === undefined ? '' : ` ± ${(1.96 * error).toPrecision(2)}`}`,
        ]),
    )
    const rest = contributions.slice(maxPrinted)
    if (rest.length > 0)
      out.line(`  and ${rest.length} more, together ${signed(rest.reduce((sum, one) => sum + one.contribution, 0))}`)
  }
}

export const command: Command = {
  summary: 'what matters to a version, and why it scores rows as it does',
  details:
    'Without --rows held-out rows are explained. Rows are given by the names of the inputs, null for a missing value.\n\n  millrace models explain lateness@3 --rows rows.json',
  arguments: [{ name: 'version', description: 'lateness@3; without a number the champion' }],
  options: [
    { flags: '--rows <file>', description: 'rows to explain: a JSON list, or a JSON object a line' },
    { flags: '--held-out <rows>', description: 'so many held-out rows (default 3)', notWith: '--rows' },
  ],
  async run({ args, cwd, out, options }) {
    const rows = typeof options.rows === 'string' ? await readRows(resolve(cwd, options.rows)) : undefined
    const heldOut = wholeNumber(options.heldOut)
    return withWorkspace(cwd, async workspace => {
      const explained = await explainVersion(workspace, { version: args[0], rows, heldOut })
      out.data(explained)
      out.line(`${explained.name}, against ${explained.background} training rows`)
      out.line(`  by ${explained.how}`)
      out.line()
      printImportance(out, explained)
      explained.explanations.forEach((one, at) => printRow(out, at, one))
    })
  },
}
