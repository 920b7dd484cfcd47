import { expect, it } from 'vitest'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import { partDigest, readPart, snapshotOfVersion, spansOfVersion, versionCalled, versionName } from './version-parts.ts'

const digest = `sha256:${'a'.repeat(64)}`
const versionWith = (facts: object): ModelVersion => ({ model: 'late', version: 3, facts }) as never
const holding = (text: string) => ({ artifacts: { get: async () => Buffer.from(text) } }) as never
const unreadable = (reason: RegExp) =>
  expect.objectContaining({ code: 'MR4108', message: expect.stringMatching(reason) as string }) as Error

it('a name says which version, and is read back', () => {
  expect(versionName({ model: 'late', version: 3 })).toBe('late@3')
  expect(versionCalled('late@3')).toEqual({ model: 'late', version: 3 })
})

it('what the registry does not name is said of the version; a snapshot that it did not use is none', () => {
  const version = versionWith({ frame: digest, card: 'none', 'data:rides': digest, 'data:weather': 7 })
  expect(partDigest(version, 'frame')).toBe(digest)
  expect(() => partDigest(version, 'card')).toThrow(unreadable(/late@3 .*names no card/))
  expect(() => partDigest(version, 'declaration')).toThrow(unreadable(/names no declaration/))
  expect(snapshotOfVersion(version, 'rides')).toBe(digest)
  for (const other of ['weather', 'trips']) expect(snapshotOfVersion(version, other)).toBeUndefined()
  expect(snapshotOfVersion(undefined, 'rides')).toBeUndefined()
})

it('its spans are those of its frame, all three', () => {
  expect(spansOfVersion(versionWith({ frameFacts: { from: 0, testFrom: 1, until: 2, train: 9 } }))).toEqual({
    from: 0,
    testFrom: 1,
    until: 2,
  })
  expect(spansOfVersion(versionWith({ frameFacts: { train: 9, test: 1 } }))).toBeUndefined()
  for (const frameFacts of [undefined, { from: 0, testFrom: 1, until: 2 }])
    expect(() => spansOfVersion(versionWith({ frameFacts }))).toThrow(unreadable(/no facts of its frame/))
})

it.each([
  ['declaration', '{"kind":"model","schema":2}', /the form model 2/],
  ['card', '{"kind":"model card","schema":2}', /its model card has a form/],
  ['golden', '{"kind":"model card","schema":1}', /its golden rows has a form/],
  ['profile', '[]', /baseline has a form/],
  ['card', 'half of a', /its card is no JSON/],
] as const)('a %s of another form is refused by name: %s', async (part, text, reason) => {
  await expect(readPart(holding(text), versionWith({ [part]: digest }), part)).rejects.toThrow(unreadable(reason))
})

it('a scaler of another form is one that is not proven; a part of the form is given', async () => {
  const version = versionWith({ scaler: digest, card: digest })
  await expect(readPart(holding('{"version":2}'), version, 'scaler')).rejects.toMatchObject({ code: 'MR4107' })
  const card = { kind: 'model card', schema: 1, inputs: [] }
  expect(await readPart(holding(JSON.stringify(card)), version, 'card')).toEqual(card)
})
