import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { resolve } from 'node:path'

const bin = resolve('dist/cli/bin.js')

export interface Said {
  readonly code: number
  readonly out: string
  /** Both outputs. */
  readonly said: string
}

/** The command line in a folder, as a user has it. `settings` are for projects that read them from their environment. */
export function millrace(cwd: string, args: readonly string[], settings: unknown = {}): Promise<Said> {
  return new Promise(done =>
    execFile(
      process.execPath,
      [bin, ...args],
      { cwd, env: { ...process.env, MILLRACE_TEST_SETTINGS: JSON.stringify(settings) }, maxBuffer: 1e8 },
      (error, out, err) => done({ code: error === null ? 0 : Number(error.code ?? 99), out, said: `${out}${err}` }),
    ),
  )
}

export interface Server {
  readonly url: string
  readonly child: ChildProcess
  /** Its log lines so far. */
  readonly said: () => string
  /** What it wrote to its output so far. */
  readonly printed: () => string
  /** Sends the signal and waits for the end: the exit code, or the signal that ended it. */
  readonly end: (signal?: NodeJS.Signals) => Promise<number | string>
}

/** `millrace up` on a free port, in a process of its own. */
export function startUp(cwd: string, options: readonly string[] = [], port = ['--port', '0']): Promise<Server> {
  const child = spawn(process.execPath, [bin, 'up', ...port, '--json', ...options], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, log] = ['', '']
  const ended = new Promise<number | string>(done => child.once('exit', (code, signal) => done(code ?? signal ?? '')))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  return new Promise((started, refused) => {
    void ended.then(code => refused(new Error(`up ended with ${code}: ${out}\n${log}`)))
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      const url = /"url": "([^"]+)"/.exec(out)?.[1]
      if (!url) return
      started({
        url,
        child,
        said: () => log,
        printed: () => out,
        end(signal = 'SIGTERM') {
          child.kill(signal)
          return ended
        },
      })
    })
  })
}
