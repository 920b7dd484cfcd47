import { catalogue, fail } from '../../errors/index.ts'
import type { Command } from '../command.ts'

const blame = {
  user: 'the move is yours',
  system: 'the fault is in Millrace',
  environment: 'the fault is in the surroundings: a disk, a network, another program',
} as const

export const command: Command = {
  summary: 'the long form of an error code',
  arguments: [{ name: 'code', description: 'MR and four digits (default: all of them, in short)' }],
  async run({ args, out }) {
    const [given] = args
    if (given === undefined) {
      const all = Object.values(catalogue).toSorted((a, b) => (a.code < b.code ? -1 : 1))
      out.data(all)
      for (const one of all) out.line(`${one.code}  ${one.title}`)
      return
    }
    const code = given.toUpperCase()
    const entry = Object.values(catalogue).find(one => one.code === code)
    if (!entry) throw fail('errorCodeUnknown', { code })
    out.data(entry)
    out.line(`${entry.code}  ${entry.title}`)
    out.line(`  ${entry.message}`)
    out.line(`  What to do: ${entry.hint}`)
    out.line(`  Exit code ${entry.exit}, HTTP status ${entry.status}; ${blame[entry.blame]}.`)
  },
}
