import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { existsSync } from 'node:fs'
import { fail, isMillraceError, type MillraceError } from '../errors/index.ts'
import { unwritableReason } from './unwritable.ts'

/** What the operating system says about files becomes a catalogued error; anything else is none. */
function ofSystem(error: unknown): MillraceError | undefined {
  const { path } = error as NodeJS.ErrnoException
  const reason = unwritableReason(error)
  return reason && path ? fail('folderUnwritable', { path, reason }, error) : undefined
}

function projectFolder(cwd: string): string | undefined {
  for (let at = cwd; ; at = dirname(at)) {
    if (existsSync(join(at, 'millrace.config.ts'))) return at
    if (dirname(at) === at) return undefined
  }
}

/** Writes the stack where it can be found; undefined when no place takes it. */
function writeCrash(error: unknown, cwd: string, words: readonly string[], version: string): string | undefined {
  const stamp = new Date().toISOString().replace(/[:.]/g, '-')
  const chain: string[] = []
  for (let at = error; at instanceof Error; at = at.cause) chain.push(at.stack ?? at.message)
  const text = [
    `millrace ${version}, node ${process.version}, ${process.platform}-${process.arch}`,
    `command: millrace ${words.join(' ')}`,
    '',
    ...(chain.length > 0 ? chain : [String(error)]),
    '',
  ].join('\n')
  const root = projectFolder(cwd)
  for (const folder of [...(root ? [join(root, '.millrace')] : []), join(tmpdir(), 'millrace')]) {
    try {
      mkdirSync(folder, { recursive: true })
      const file = join(folder, `crash-${stamp}.log`)
      writeFileSync(file, text, { mode: 0o600 })
      return file
    } catch {
      // the next place may take it
    }
  }
  return undefined
}

export interface Failed {
  readonly exit: 1 | 2 | 3
  /** For people, on stderr. */
  readonly text: string
  /** For `--json`, on stdout. */
  readonly json: unknown
}

/** A catalogued error for people: what, what next, and which code. */
export function failureText({ message, hint, code }: MillraceError): string {
  return `${message}\n\n  ${hint.replaceAll('\n', '\n  ')}\n\n  ${code}: "millrace explain-error ${code}" says more\n`
}

/**
 * How a command's failure is told. A catalogued error says what, which code and what next; anything else is our mistake
 * and leaves its stack in a file instead of on the screen.
 */
export function describeFailure(error: unknown, verb: string, cwd: string, version: string): Failed {
  const known = isMillraceError(error) ? error : ofSystem(error)
  if (known)
    return {
      exit: known.exit,
      text: failureText(known),
      json: { error: known.toJSON() },
    }
  const file = writeCrash(error, cwd, [verb], version)
  const shown = file === undefined ? undefined : relative(cwd, file).startsWith('..') ? file : relative(cwd, file)
  const message = error instanceof Error ? (error.message.split('\n')[0] as string) : String(error)
  return {
    exit: 3,
    text: `This is a bug in Millrace, not your mistake: ${message}

  ${shown ? `The details are in ${shown}.` : 'The details could not be written anywhere.'}
  Please report it with that file, the command and what you expected to the place where you got Millrace from;
  read the file before: it holds names of your files, no data.
`,
    json: { error: { type: 'millrace:bug', title: message, log: file ?? null } },
  }
}
