import { describe, expect, it } from 'vitest'
import { bodyBudget, bodyLimit, checkDepth, checkJsonType, parseJson, readBytes, readJson } from './body.ts'

const post = (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }): Request =>
  new Request('http://localhost/', { method: 'POST', body, headers })

describe('depth of JSON', () => {
  it('is 32 and no more, of lists and objects alike', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const nested = (depth: number): string => `${open.repeat(depth)}1${close.repeat(depth)}`
      expect(() => checkDepth(nested(32))).not.toThrow()
      expect(() => checkDepth(nested(33))).toThrow(expect.objectContaining({ code: 'MR5014', details: { limit: 32 } }))
      expect(() => parseJson(nested(33))).toThrow(expect.objectContaining({ code: 'MR5014' }))
    }
    // one after another is not in one another
    expect(parseJson(`[${Array.from({ length: 100 }, () => '[{}]').join()}]`)).toHaveLength(100)
  })

  it('counts no brackets in texts, escaped quotes or not', () => {
    const text = JSON.stringify({ a: '['.repeat(100), b: `"${'{'.repeat(100)}\\`, c: '\\"[[['.repeat(40) })
    expect(parseJson(text)).toHaveProperty('c')
  })
})

describe('a body', () => {
  it('says why it is no JSON, and repeats little of it', () => {
    expect(() => parseJson('')).toThrow(expect.objectContaining({ code: 'MR5013', details: { reason: 'it is empty' } }))
    try {
      parseJson(`{"a":${'x'.repeat(5000)}`)
      expect.unreachable()
    } catch (error) {
      expect((error as { details: { reason: string } }).details.reason.length).toBeLessThanOrEqual(120)
    }
  })

  it.each([
    ['application/json', true],
    ['Application/JSON; charset=utf-8', true],
    ['application/problem+json', true],
    ['text/plain', false],
    ['application/jsonx', false],
    ['', false],
    [undefined, false],
  ])('of the type %s is taken: %s', (type, taken) => {
    if (taken) expect(() => checkJsonType(type)).not.toThrow()
    else expect(() => checkJsonType(type)).toThrow(expect.objectContaining({ code: 'MR5016', status: 415 }))
  })

  it('has at most 16 MiB, whether it says so or not', async () => {
    expect(bodyLimit).toBe(16 * 1024 * 1024)
    expect(await readBytes(post('x'.repeat(10)), 10)).toHaveLength(10)
    await expect(readBytes(post('x'.repeat(11)), 10)).rejects.toMatchObject({ code: 'MR5012', status: 413 })
    const said = post('x', { 'content-length': String(bodyLimit + 1) })
    await expect(readBytes(said)).rejects.toMatchObject({ details: { limit: 16 } })
    expect(await readBytes(new Request('http://localhost/'))).toHaveLength(0)
    expect(bodyBudget.held).toBe(0)
  })

  it('of several pieces is put together', async () => {
    const pieces = new ReadableStream({
      start(controller) {
        for (const piece of ['{"a"', ':', '1}']) controller.enqueue(new TextEncoder().encode(piece))
        controller.close()
      },
    })
    const request = new Request('http://localhost/', {
      method: 'POST',
      body: pieces,
      headers: { 'content-type': 'application/json' },
      duplex: 'half',
    } as never)
    expect(await readJson(request)).toEqual({ a: 1 })
    await expect(readJson(post('{}', { 'content-type': 'text/csv' }))).rejects.toMatchObject({ code: 'MR5016' })
  })

  it('waits for room with the others: 128 MiB together', async () => {
    const most = 128 * 1024 * 1024
    expect(bodyBudget.take(most - 5)).toBe(true)
    try {
      expect(await readBytes(post('x'.repeat(5)))).toHaveLength(5)
      await expect(readBytes(post('x'.repeat(6)))).rejects.toMatchObject({ code: 'MR5028', status: 503 })
      expect(bodyBudget.held).toBe(most - 5)
    } finally {
      bodyBudget.release(most - 5)
    }
  })
})
