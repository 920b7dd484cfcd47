import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fail } from '../../../errors/index.ts'
import { digestJson } from '../../../internal/digest.ts'
import { withFileLock } from '../../../internal/file-lock.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { runProgram } from './run-program.ts'

const execute = promisify(execFile)
/** Making an environment downloads its packages; half an hour is for slow ones. */
const timeoutMs = 30 * 60_000
const maxBytes = 50 * 2 ** 30

/** Requirements of a lock file: every one pinned and with a hash, or none of them is what was meant. */
function checkLock(text: string, lock: string): void {
  const joined = text.replaceAll(/\\\r?\n/g, ' ')
  for (const line of joined.split('\n')) {
    const requirement = line.replace(/(^|\s)#.*$/, '').trim()
    if (requirement === '' || requirement.startsWith('--')) continue
    if (!requirement.includes('--hash='))
      throw fail('pythonEnvironment', {
        lock,
        reason: `${requirement.split(/\s/)[0] ?? ''} has no hash`,
      })
  }
}

export interface EnvironmentOptions {
  /** Contents of the lock file, and its name for errors. */
  readonly text: string
  readonly lock: string
  readonly python: string
  /** Folder that holds all environments. */
  readonly folder: string
  readonly signal: AbortSignal
  readonly onLine: (line: string) => void
}

/**
 * The Python of an environment with just the packages of a lock file: made once for each lock and version of Python, below
 * `.millrace/python`, by the venv and pip of that Python. Throws `pythonEnvironment`.
 */
export async function pythonEnvironment(options: EnvironmentOptions): Promise<string> {
  const { text, lock, python, folder, signal, onLine } = options
  checkLock(text, lock)
  const refuse = (reason: string, cause?: unknown): never => {
    throw fail('pythonEnvironment', { lock, reason }, cause)
  }
  const version = await execute(python, [
    '-c',
    'import sys, platform; print(sys.version, platform.machine(), sys.executable)',
  ]).then(
    ({ stdout }) => stdout.trim(),
    (error: unknown) => refuse(`${python} does not start: ${messageOf(error)}`, error),
  )
  const place = join(folder, digestJson({ text, version }).slice('sha256:'.length, 'sha256:'.length + 24))
  const made = join(place, 'bin', 'python')
  const complete = join(place, 'complete')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // Two runs at once make it once
  const busy = () => fail('pythonEnvironment', { lock, reason: 'another process has been making it for half an hour' })
  return withFileLock(`${place}.lock`, busy, make, timeoutMs)

  async function make(): Promise<string> {
    if (existsSync(complete)) return made
    await rm(place, { recursive: true, force: true })
    const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...pipSettings() }
    const run = async (argv: readonly [string, ...string[]], what: string): Promise<void> => {
      const end = await runProgram({
        argv,
        cwd: folder,
        env,
        log: `${place}.log`,
        folder: place,
        maxBytes,
        timeoutMs,
        signal,
        onLine,
      })
      if (end.kind === 'exit' && end.code === 0) return
      const other = 'tail' in end ? otherThanLocked(end.tail) : undefined
      const said = 'tail' in end ? (end.tail.at(-1) ?? '') : end.reason
      await rm(place, { recursive: true, force: true })
      if (other !== undefined) refuse(`${other} is not the file whose hash it has`)
      refuse(
        `${what} ended with ${end.kind === 'exit' ? `exit code ${end.code}` : end.kind}${said === '' ? '' : `: ${said}`}`,
      )
    }
    onLine(`making the Python environment of ${lock}`)
    await run([python, '-m', 'venv', place], 'python -m venv')
    const requirements = join(place, 'requirements.lock')
    await writeFile(requirements, text)
    await run(
      [
        made,
        '-m',
        'pip',
        'install',
        '--require-hashes',
        '--no-input',
        '--disable-pip-version-check',
        '--requirement',
        requirements,
      ],
      'pip install',
    )
    await writeFile(complete, '')
    return made
  }
}

/** Of what pip says where a package is not the one that was locked: which one; its last line is a hash alone. */
function otherThanLocked(tail: readonly string[]): string | undefined {
  const at = tail.findIndex(line => line.includes('DO NOT MATCH THE HASHES'))
  return at < 0 ? undefined : /^\s*(\S+==\S+)/.exec(tail[at + 1] ?? '')?.[1]
}

/** Where pip looks for packages is the machine's to say. */
function pipSettings(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && /^(PIP_|SSL_CERT_|REQUESTS_CA_|https?_proxy$|no_proxy$)/i.test(name)
        ? [[name, value]]
        : [],
    ),
  )
}

/** The text of a lock file. Throws `pythonEnvironment`. */
export async function readLock(path: string, lock: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw fail('pythonEnvironment', { lock, reason: messageOf(error) }, error)
  }
}
