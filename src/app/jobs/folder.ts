import { appendFileSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { jobProcess, jobResult } from '../../config/state-folder.ts'
import { publishFile } from '../../internal/publish.ts'
import type { ProcessIdentity } from '../../ports/executor.ts'
import type { UseCaseName } from '../use-cases.ts'

/** What is to be done, as it stands in `request.json` of a job's folder. */
export interface JobRequest {
  readonly id: string
  readonly useCase: UseCaseName
  readonly input: unknown
  /** Who asked. */
  readonly actor: string
  /** When it was asked for, microseconds. */
  readonly at: number
  /** The server that was asked: a job that never got a process is lost with it. */
  readonly server: ProcessIdentity
}

export type JobStatus = 'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'lost'

/** What came of it, as it stands in `result.json`. */
export interface JobResult {
  readonly status: 'done' | 'failed' | 'cancelled'
  readonly at: number
  /** The answer of the use case, where it is done. */
  readonly answer?: unknown
  /** A catalogued error as JSON, where it failed. */
  readonly error?: unknown
}

/** A line of `progress.ndjson`. */
export interface JobProgress {
  readonly type: 'chapter' | 'progress' | 'warning'
  readonly at: number
  readonly text: string
}

async function jsonOf<T>(path: string): Promise<T | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    // not written yet, or no job's folder at all
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  return text === undefined ? undefined : (JSON.parse(text) as T)
}

const pathOf = {
  request: (folder: string): string => join(folder, 'request.json'),
  progress: (folder: string): string => join(folder, 'progress.ndjson'),
  process: (folder: string): string => join(folder, jobProcess),
  result: (folder: string): string => join(folder, jobResult),
}

/** The files of one job. Whoever can read the folder can follow it: the server that started it, and the next one. */
export const jobFiles = {
  request: (folder: string) => jsonOf<JobRequest>(pathOf.request(folder)),
  process: (folder: string) => jsonOf<ProcessIdentity>(pathOf.process(folder)),
  result: (folder: string) => jsonOf<JobResult>(pathOf.result(folder)),
  writeRequest: (folder: string, request: JobRequest) =>
    publishFile(pathOf.request(folder), JSON.stringify(request), 0o600),
  writeProcess: (folder: string, identity: ProcessIdentity) =>
    publishFile(pathOf.process(folder), JSON.stringify(identity), 0o600),
  writeResult: (folder: string, result: JobResult) => publishFile(pathOf.result(folder), JSON.stringify(result), 0o600),
  /** At once: what is told just before the end must not be overtaken by it. */
  tell: (folder: string, line: JobProgress) =>
    appendFileSync(pathOf.progress(folder), `${JSON.stringify(line)}\n`, { mode: 0o600 }),
}

/** Whole lines of progress from a place in the file on, and where to read on. */
export async function progressFrom(
  folder: string,
  from: number,
): Promise<{ readonly lines: readonly JobProgress[]; readonly next: number }> {
  const file = await open(pathOf.progress(folder), 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!file) return { lines: [], next: from }
  try {
    const { size } = await file.stat()
    if (size <= from) return { lines: [], next: from }
    const bytes = Buffer.alloc(Math.min(size - from, maxRead))
    const { bytesRead } = await file.read(bytes, 0, bytes.length, from)
    const end = bytes.subarray(0, bytesRead).lastIndexOf('\n') + 1
    const lines = bytes.subarray(0, end).toString('utf8').split('\n').slice(0, -1)
    return { lines: lines.map(line => JSON.parse(line) as JobProgress), next: from + end }
  } finally {
    await file.close()
  }
}

/** Bytes of progress that are read at once; the rest comes with the next look. */
const maxRead = 262_144
