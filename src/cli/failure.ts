import { closeSync, constants, existsSync, lstatSync, mkdirSync, mkdtempSync, openSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { systemError, type MillraceError } from '../errors/index.ts'

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
  for (const folder of [...(root ? [join(root, '.millrace')] : []), privateFolder()]) {
    const file = folder && join(folder, `crash-${stamp}-${process.pid}.log`)
    if (file && writeNew(file, text)) return file
  }
  return undefined
}

/** A folder of this user for what no project takes: its own name, made now, so that nobody can have come first. */
function privateFolder(): string | undefined {
  try {
    return mkdtempSync(join(tmpdir(), 'millrace-crash-'))
  } catch {
    return undefined
  }
}

/** Into a file that is new and into no other: a link or a file that somebody laid there is not followed. */
function writeNew(file: string, text: string): boolean {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
  try {
    const folder = dirname(file)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const owner = lstatSync(folder)
    // Who owns the folder can lay another file in the place of this one
    if (!owner.isDirectory() || (process.getuid !== undefined && owner.uid !== process.getuid())) return false
    const handle = openSync(file, O_CREAT | O_EXCL | (O_NOFOLLOW ?? 0) | O_WRONLY, 0o600)
    try {
      writeFileSync(handle, text)
    } finally {
      closeSync(handle)
    }
    return true
  } catch {
    return false
  }
}

export interface Failure {
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
export function describeFailure(error: unknown, verb: string, cwd: string, version: string): Failure {
  const known = systemError(error)
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
