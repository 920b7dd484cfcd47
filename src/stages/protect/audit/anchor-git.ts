import { spawn } from 'node:child_process'
import { digestBytes } from '../../../internal/digest.ts'
import { gitEnvironment } from '../../../internal/git-environment.ts'
import { type AnchorPlace, readAnchored } from './anchor.ts'

/** Above this many tries somebody else writes to the ref without pause. */
const maxTries = 10

class GitError extends Error {}

/** Git without a shell, prompts, hooks, or a look at the index or a working tree: objects and one ref are all that is written. */
function plumbing(repository: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((done, refuse) => {
    const child = spawn(
      'git',
      ['-C', repository, '-c', 'core.fsync=loose-object,reference', '-c', 'core.hooksPath=/dev/null', ...args],
      {
        env: {
          ...gitEnvironment(),
          GIT_AUTHOR_NAME: 'millrace',
          GIT_AUTHOR_EMAIL: 'millrace@localhost',
          GIT_COMMITTER_NAME: 'millrace',
          GIT_COMMITTER_EMAIL: 'millrace@localhost',
        },
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    )
    let [out, err] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    // Git may end without having read what it is given
    child.stdin.on('error', () => undefined)
    child.once('error', error => refuse(new GitError(`git cannot be run: ${error.message}`, { cause: error })))
    child.once('close', code =>
      code === 0
        ? done(out)
        : refuse(new GitError(`git ${String(args[0])} in ${repository}: ${err.trim().split('\n')[0] ?? ''}`)),
    )
    child.stdin.end(input)
  })
}

const isRefused = (error: unknown): undefined => {
  if (error instanceof GitError) return undefined
  throw error
}

/**
 * In a git repository: each anchor is a commit on a ref, whose tree holds one line of JSON for each log. The history of the
 * ref has all anchors there ever were; a copy of it elsewhere (a mirror, a push) proves them without this machine.
 */
export function anchorsInGit(
  { repository, ref = 'refs/millrace/audit', shown = repository }: { repository: string; ref?: string; shown?: string },
  log: string,
): AnchorPlace {
  const git = (args: readonly string[], input?: string): Promise<string> => plumbing(repository, args, input)
  const file = `${log.replace(/[^a-zA-Z0-9._-]+/g, '-').slice(0, 80)}-${digestBytes(Buffer.from(log)).slice(-12)}.json`

  /** The commit that the ref is at, or undefined where there is none yet. Throws where there is no repository. */
  async function tip(): Promise<string | undefined> {
    await git(['rev-parse', '--git-dir'])
    return (await git(['rev-parse', '--verify', '--quiet', `${ref}^{commit}`]).catch(isRefused))?.trim()
  }

  async function checkedOut(): Promise<boolean> {
    const worktrees = await git(['worktree', 'list', '--porcelain'])
    return worktrees.split('\n').includes(`branch ${ref}`)
  }

  async function commit(anchored: string, message: string): Promise<boolean> {
    const before = await tip()
    const blob = (await git(['hash-object', '-w', '--stdin'], `${anchored}\n`)).trim()
    const entries = before === undefined ? [] : (await git(['ls-tree', '-z', before])).split('\0').filter(Boolean)
    const others = entries.filter(entry => !entry.endsWith(`\t${file}`))
    const listed = [...others, `100644 blob ${blob}\t${file}`].map(entry => `${entry}\0`).join('')
    const tree = (await git(['mktree', '-z'], listed)).trim()
    const made = await git(['commit-tree', tree, ...(before === undefined ? [] : ['-p', before]), '-m', message])
    // Only if nobody else moved it meanwhile
    const moved = await git(['update-ref', '-m', message, ref, made.trim(), before ?? '0'.repeat(blob.length)]).catch(
      isRefused,
    )
    return moved !== undefined || (await tip()) === made.trim()
  }

  return {
    name: `${ref} of the repository ${shown}`,
    async read() {
      const at = await tip()
      if (at === undefined) return undefined
      const text = await git(['cat-file', 'blob', `${at}:${file}`]).catch(isRefused)
      if (text === undefined) return undefined
      try {
        return readAnchored(text)
      } catch (error) {
        throw new Error(`${file} at ${ref} of ${shown} is no anchor`, { cause: error })
      }
    },
    async write(anchored) {
      if (await checkedOut())
        throw new Error(`${ref} is checked out in a working tree of ${shown}: name another ref for the anchors`)
      const { records, checkpoints } = anchored.current
      const message = `Audit anchor of ${log}: ${records} records, checkpoint ${checkpoints}`
      for (let tries = 0; tries < maxTries; tries++) if (await commit(JSON.stringify(anchored), message)) return
      throw new Error(`${ref} of ${shown} cannot be moved`)
    },
  }
}
