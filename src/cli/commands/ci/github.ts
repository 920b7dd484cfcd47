import { readFile, realpath } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { findRoot, loadProject } from '../../../config/load.ts'
import { git } from '../../../config/environment.ts'
import { fail } from '../../../errors/index.ts'
import { publishFile } from '../../../internal/publish.ts'
import { githubWorkflow } from '../../../stages/ci/github.ts'
import type { Command } from '../../command.ts'

async function existing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

export const command: Command = {
  summary: 'write a GitHub workflow that validates',
  details: `Writes .github/workflows/millrace.yml at the repository's root. It validates on pull requests and pushes that
change data or project, and every day; findings stand on the lines of the project file.

  millrace ci github --branch main --schedule "17 4 * * *"`,
  options: [
    { flags: '--branch <name>', description: 'branch whose pushes are checked', default: 'main' },
    { flags: '--schedule <cron>', description: 'five cron fields, UTC', default: '17 4 * * *' },
    { flags: '--node <version>', description: 'Node.js version', default: '20' },
    { flags: '--no-sarif', description: 'no code scanning, so no write permission at all' },
    { flags: '--print', description: 'print it and write nothing' },
    { flags: '--force', description: 'replace a workflow that says something else' },
  ],
  async run({ options, cwd, out }) {
    const root = findRoot(cwd)
    const top = (await git(root, 'rev-parse', '--show-toplevel'))?.trim() || root
    const text = githubWorkflow(await loadProject(root), {
      folder: relative(await realpath(top), await realpath(root))
        .split(sep)
        .join('/'),
      ...(typeof options.branch === 'string' ? { branch: options.branch } : {}),
      ...(typeof options.schedule === 'string' ? { schedule: options.schedule } : {}),
      ...(typeof options.node === 'string' ? { node: options.node } : {}),
      sarif: options.sarif !== false,
    })
    const file = join(top, '.github', 'workflows', 'millrace.yml')
    const shownFile = relative(cwd, file) || file
    if (options.print === true) {
      for (const line of text.trimEnd().split('\n')) out.line(line)
      out.data({ file, text, written: false })
      return 0
    }
    const before = await existing(file)
    if (before !== undefined && before !== text && options.force !== true) throw fail('fileKept', { file: shownFile })
    if (before !== text) await publishFile(file, text)
    out.line(before === text ? `${shownFile} says this already.` : `Wrote ${shownFile}.`)
    out.data({ file, text, written: before !== text })
    return 0
  },
}
