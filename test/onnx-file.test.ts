import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { inside as millrace } from './support/inside.ts'
import { ridesProject } from './support/rides.ts'

const { root, remove } = ridesProject()
afterAll(remove)

test('an exported file says what its inputs are made of', async () => {
  expect((await millrace(root, ['train'])).code).toBe(0)
  const [version] = JSON.parse((await millrace(root, ['models', 'list', '--json'])).out) as { digest: string }[]
  const hex = (version?.digest ?? '').slice('sha256:'.length)
  const file = join('.millrace/artifacts/cas/sha256', hex.slice(0, 2), hex.slice(2, 4), hex.slice(4))
  const shown = await millrace(root, ['onnx', 'inspect', file])
  expect(shown.said).toContain('hour is hour(at)')
  const { metadata } = JSON.parse((await millrace(root, ['onnx', 'inspect', file, '--json'])).out) as {
    metadata: Record<string, string>
  }
  expect(JSON.parse(metadata['millrace.inputs'] ?? '')).toEqual([
    { name: 'km', kind: 'number', is: 'km' },
    { name: 'zone', kind: 'text', is: 'zone' },
    { name: 'hour', kind: 'number', is: 'hour(at)' },
  ])
})
