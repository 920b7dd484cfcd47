import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { millrace, startUp, type Server } from '../support/command.ts'
import { runningProject } from '../support/running.ts'

const bin = resolve('test/interop/.venv-api/bin')
const present = existsSync(join(bin, 'schemathesis'))
if (!present) console.warn('SKIPPED: schemathesis; run scripts/interop-venv.sh api first')

describe.skipIf(!present)('the HTTP API, judged by others', () => {
  let root: string
  let server: Server
  let document: string
  beforeAll(async () => {
    root = await runningProject('')
    for (const words of [['train'], ['deploy']]) expect(await millrace(root, words)).toMatchObject({ code: 0 })
    server = await startUp(root)
    document = join(root, 'openapi.json')
    await writeFile(document, await (await fetch(`${server.url}/openapi.json`)).text())
  })
  afterAll(async () => {
    await server?.end('SIGTERM')
  })

  const run = (program: string, words: readonly string[]) =>
    promisify(execFile)(join(bin, program), words, { cwd: root, timeout: 280_000, maxBuffer: 1 << 26 }).then(
      ({ stdout }) => ({ code: 0, said: stdout }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, said: stdout + stderr }),
    )

  it('the document is OpenAPI 3.1', async () => {
    expect(await run('openapi-spec-validator', [document])).toMatchObject({ code: 0 })
  })

  // `:undeploy` is left out: after it the probes say 503, as they should
  it('whatever the document lets one ask, and beyond: never a 5xx, every answer of a form that it names', async () => {
    const { code, said } = await run(
      'schemathesis',
      [
        `run ${document} --url ${server.url} --phases coverage,fuzzing --max-examples 2`,
        '--checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance',
        '--exclude-path-regex events|tail|:undeploy --request-timeout 60 --seed 1 --no-color',
      ].flatMap(words => words.split(' ')),
    )
    expect(said).toMatch(/Tested: 1[0-9]{2}\n/)
    expect(code, said.slice(said.indexOf('= FAILURES =')).slice(0, 6000)).toBe(0)
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
  })
})
