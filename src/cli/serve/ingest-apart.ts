import type { Dataset } from '../../define/dataset.ts'
import { fail, reviveError } from '../../errors/index.ts'
import { ulid } from '../../internal/ids.ts'
import type { IngestFile, IngestAnswer } from '../../server/index.ts'
import type { Apart } from './apart.ts'

/** Takes files in by processes of their own, one after the other for each dataset: answers never wait for a validation. */
export function ingestApart(apart: Apart): (dataset: Dataset, file: IngestFile) => Promise<IngestAnswer> {
  const lines = new Map<string, Promise<unknown>>()
  const take = async (dataset: Dataset, { path, name }: IngestFile): Promise<IngestAnswer> => {
    const words = ['data', 'ingest', dataset.name, path, '--name', name, '--json']
    const { exitCode, stdoutTail, stderrTail } = await (await apart.start(ulid(), words)).outcome
    const said: unknown = exitCode <= 3 && stdoutTail !== '' ? JSON.parse(stdoutTail) : undefined
    if (Array.isArray(said)) return said[0] as IngestAnswer
    const told = (said as { readonly error?: unknown } | undefined)?.error
    throw reviveError(told) ?? fail('unexpected', { reference: stderrTail.slice(-200) || `exit code ${exitCode}` })
  }
  return (dataset, file) => {
    const before = lines.get(dataset.name) ?? Promise.resolve()
    const own = before.then(
      () => take(dataset, file),
      () => take(dataset, file),
    )
    lines.set(dataset.name, own)
    return own
  }
}
