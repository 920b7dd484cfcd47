import type { Command } from '../command.ts'
import { usage } from '../number-option.ts'
import { createProgress } from '../progress.ts'

export const command: Command = {
  summary: 'play the whole loop on three million real flights',
  details:
    'Plays January to June 2001 in .millrace/demo and ends with one page of figures. --json prints them as one object (version 1).',
  options: [{ flags: '--rows <number>', description: 'thin the flights to about so many' }],
  async run({ options, cwd, out }) {
    const rows = usage.whole('--rows', options.rows, 50_000)
    const { playDemo } = await import('../demo/play.ts')
    const { printSummary } = await import('../demo/summary.ts')
    const progress = createProgress(out.json)
    try {
      const result = await playDemo({
        cwd,
        chapter: progress.chapter,
        say: progress.say,
        ...(rows === undefined ? {} : { rows }),
      })
      progress.end()
      out.data(result)
      printSummary(result, out)
    } finally {
      progress.end()
    }
  },
}
