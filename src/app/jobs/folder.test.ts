import { appendFileSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ownIdentity } from '../../internal/process-identity.ts'
import { jobFiles, progressFrom } from './folder.ts'

const folder = (): string => mkdtempSync(join(tmpdir(), 'millrace-job-'))

it('what is told is read line by line, from where one has read to; half a line is left for the next look', async () => {
  const own = folder()
  expect(await progressFrom(own, 0)).toEqual({ lines: [], next: 0 })
  jobFiles.tell(own, { type: 'chapter', at: 1, text: 'one' })
  jobFiles.tell(own, { type: 'progress', at: 2, text: 'zwei: 50 % · ü' })
  const first = await progressFrom(own, 0)
  expect(first.lines.map(line => line.text)).toEqual(['one', 'zwei: 50 % · ü'])
  expect(await progressFrom(own, first.next)).toEqual({ lines: [], next: first.next })
  const whole = JSON.stringify({ type: 'warning', at: 3, text: 'three' })
  appendFileSync(join(own, 'progress.ndjson'), whole.slice(0, 10))
  expect(await progressFrom(own, first.next)).toEqual({ lines: [], next: first.next })
  appendFileSync(join(own, 'progress.ndjson'), `${whole.slice(10)}\n`)
  expect((await progressFrom(own, first.next)).lines).toEqual([{ type: 'warning', at: 3, text: 'three' }])
})

it('much that was told is read in pieces, none of it lost or twice', async () => {
  const own = folder()
  const texts = Array.from({ length: 3_000 }, (_, i) => `${i} ${'ä'.repeat(80)}`)
  for (const text of texts) jobFiles.tell(own, { type: 'progress', at: 0, text })
  const read: string[] = []
  let looks = 0
  for (let next = 0; ; looks++) {
    const found = await progressFrom(own, next)
    if (found.lines.length === 0) break
    read.push(...found.lines.map(line => line.text))
    next = found.next
  }
  expect(looks).toBeGreaterThan(1)
  expect(read).toEqual(texts)
})

it('request, process and result are what was written; what is not there yet is undefined', async () => {
  const own = folder()
  expect([await jobFiles.request(own), await jobFiles.process(own), await jobFiles.result(own)]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
  const request = {
    id: 'a',
    useCase: 'train',
    input: { model: 'm' },
    actor: 'me',
    at: 5,
    server: ownIdentity(),
  } as const
  await jobFiles.writeRequest(own, request)
  await jobFiles.writeProcess(own, ownIdentity())
  await jobFiles.writeResult(own, { status: 'done', at: 6, answer: [1] })
  expect([await jobFiles.request(own), await jobFiles.process(own), await jobFiles.result(own)]).toEqual([
    request,
    ownIdentity(),
    { status: 'done', at: 6, answer: [1] },
  ])
})
