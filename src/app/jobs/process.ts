import { readFileSync, writeFileSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { openWorkspace } from '../../config/workspace.ts'
import { fail, systemError } from '../../errors/index.ts'
import type { Listener, UseCase } from '../use-case.ts'
import { useCases } from '../use-cases.ts'
import { jobFiles, type JobProgress, type JobRequest, type JobResult } from './folder.ts'

const micros = (): number => Date.now() * 1000

/** Lines of the same chapter at most every so often: a step that tells each row would fill the disk. */
const betweenMs = 200

function listenerTo(folder: string): Listener {
  let last = Number.NEGATIVE_INFINITY
  const tell = (type: JobProgress['type'], text: string): void => jobFiles.tell(folder, { type, at: micros(), text })
  return {
    chapter(title) {
      last = Number.NEGATIVE_INFINITY
      if (title !== '') tell('chapter', title)
    },
    say(text) {
      if (text === '' || performance.now() - last < betweenMs) return
      last = performance.now()
      tell('progress', text)
    },
    warn: text => tell('warning', text),
  }
}

async function perform({ useCase, input }: JobRequest, listener: Listener): Promise<unknown> {
  const { principal, load } = useCases[useCase] as UseCase<unknown, unknown>
  const run = await load()
  const workspace = await openWorkspace(process.cwd(), {
    ...(principal === undefined ? {} : { principal }),
    note: listener.warn,
  })
  try {
    return await run(workspace, input, listener)
  } finally {
    await workspace.close()
  }
}

/**
 * What is asked for now goes before what is worked on: predictions are not to wait for a training on the same cores. Linux
 * shares cores between sessions before it looks at processes; a job is a session of its own, with all that it starts.
 */
function yieldCores(): void {
  const nice = constants.priority.PRIORITY_BELOW_NORMAL
  try {
    setPriority(nice)
    const stat = readFileSync('/proc/self/stat', 'utf8')
    const session = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3])
    if (session === process.pid) writeFileSync('/proc/self/autogroup', String(nice))
  } catch {
    // Another system shares as it does
  }
}

/** What is not catalogued is our mistake: its stack stays in the job's folder, and the answer names the job. */
function errorOf(error: unknown, id: string): unknown {
  const known = systemError(error)
  if (known) return known
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return fail('unexpected', { reference: `job ${id}` })
}

yieldCores()

const [folder = ''] = process.argv.slice(2)
const request = await jobFiles.request(folder)
if (!request) process.exit(64)
let result: JobResult
try {
  const answer = await perform(request, listenerTo(folder))
  result = { status: 'done', at: micros(), answer }
} catch (error) {
  result = { status: 'failed', at: micros(), error: errorOf(error, request.id) }
}
await jobFiles.writeResult(folder, result)
process.exit(0)
