import { describe, expect, it } from 'vitest'
import { digestBytes } from '../internal/digest.ts'
import type { ArtifactRef } from '../ports/metadata-store.ts'
import { cacheKeyOf, keyChanges, keyPartsOf, type KeyParts } from './cache-key.ts'
import type { StepDefinition } from './step.ts'

const [a, b] = [digestBytes('a'), digestBytes('b')]
const short = (digest: string): string => digest.slice('sha256:'.length).slice(0, 12)
const ref = (digest: ArtifactRef['digest'], over: object = {}) =>
  ({ type: 'json', digest, size: 1, meta: {}, ...over }) as ArtifactRef
const definition = {
  name: 'step',
  inputs: {},
  parameters: { depth: 3 },
  code: a,
  environment: { node: 'v20' },
  run: async () => ({ outputs: {} }),
} as unknown as StepDefinition

const parts = (over: Partial<StepDefinition> = {}, inputs: Record<string, ArtifactRef> = { rows: ref(a) }): KeyParts =>
  keyPartsOf({ ...definition, ...over }, inputs)
const key = (over: Partial<StepDefinition> = {}, inputs?: Record<string, ArtifactRef>) =>
  cacheKeyOf(parts(over, inputs))

describe('the key of a step', () => {
  it.each<[string, Partial<StepDefinition>, Record<string, ArtifactRef>?]>([
    ['code', { code: b }],
    ['environment', { environment: { node: 'v22' } }],
    ['parameters', { parameters: { depth: 4 } }],
    ['seed', { seed: 7 }],
    ['content of an input', {}, { rows: ref(b) }],
    ['type of an input', {}, { rows: ref(a, { type: 'dataset' }) }],
    ['role of an input', {}, { lines: ref(a) }],
    ['a further input', {}, { rows: ref(a), more: ref(a) }],
  ])('changes with its %s', (_, over, inputs) => {
    expect(key(over, inputs)).not.toBe(key())
  })

  it.each<[string, Partial<StepDefinition>, Record<string, ArtifactRef>?]>([
    ['the name of the step', { name: 'other' }],
    ['what its modules are', { modules: { 'a.ts': a } }],
    ['size and notes of an input', {}, { rows: ref(a, { size: 9, meta: { rows: 3 } }) }],
    ['the order of members', { environment: { node: 'v20' }, parameters: { depth: 3 } }],
  ])('does not change with %s', (_, over, inputs) => {
    expect(key(over, inputs)).toBe(key())
  })

  it('tells no seed from a seed of 0', () => {
    expect(key({ seed: 0 })).not.toBe(key())
  })
})

describe('what changed, in words', () => {
  const words = (before: KeyParts, after: KeyParts) => keyChanges(before, after).map(one => one.words)

  it.each<[string, Partial<StepDefinition>, string]>([
    ['code', { code: b }, `its code changed (${short(a)} → ${short(b)})`],
    ['a parameter', { parameters: { depth: 4 } }, 'parameter depth changed (3 → 4)'],
    ['a new parameter', { parameters: { depth: 3, rate: 0.1 } }, 'parameter rate changed (absent → 0.1)'],
    ['all parameters', { parameters: 'none' }, 'its parameters changed ({"depth":3} → "none")'],
    ['the environment', { environment: { node: 'v22' } }, 'environment: node changed ("v20" → "v22")'],
    ['the whole environment', { environment: null }, 'the environment changed ({"node":"v20"} → null)'],
    ['the seed', { seed: 1 }, 'the seed changed (absent → 1)'],
  ])('%s', (_, over, said) => {
    expect(words(parts(), parts(over))).toEqual([said])
  })

  it('inputs: new, gone, of other content or type', () => {
    const from = parts({}, { rows: ref(a), old: ref(a) })
    expect(words(from, parts({}, { rows: ref(b), more: ref(a) }))).toEqual([
      'input more is new',
      'input old is gone',
      `input rows has other content (${short(a)} → ${short(b)})`,
    ])
    expect(words(parts(), parts({}, { rows: ref(a, { type: 'dataset' }) }))).toEqual([
      'input rows changed its type ("json" → "dataset")',
    ])
  })

  it('names the modules whose code changed', () => {
    const [before, after] = [
      { 'a.ts': a, 'b.ts': a },
      { 'a.ts': b, 'b.ts': a, 'c.ts': a },
    ]
    expect(words(parts({ modules: before }), parts({ code: b, modules: after }))).toEqual([
      `its code changed (${short(a)} → ${short(b)}): a.ts, c.ts`,
    ])
    expect(words(parts({ modules: before }), parts({ modules: after }))).toEqual([])
  })

  it('members of a list by their names, and by their place where they have none', () => {
    const list = (...parameters: unknown[]) => parts({ parameters: { columns: parameters } as never })
    expect(
      words(list({ name: 'x', type: 'int' }, { name: 'y' }), list({ name: 'y' }, { name: 'x', type: 'float' })),
    ).toEqual(['parameter columns.x.type changed ("int" → "float")'])
    expect(words(list(1, 2), list(1, 3))).toEqual(['parameter columns.1 changed (2 → 3)'])
    expect(words(list(1, 2), list(1))).toEqual(['parameter columns changed ([1,2] → [1])'])
  })

  it('shortens what is long, and says nothing where nothing changed', () => {
    const long = 'x'.repeat(100)
    expect(words(parts(), parts({ parameters: { depth: long } }))[0]).toBe(
      `parameter depth changed (3 → "${'x'.repeat(56)}…)`,
    )
    expect(keyChanges(parts(), parts())).toEqual([])
  })

  it('gives both values beside the words', () => {
    expect(keyChanges(parts(), parts({ parameters: { depth: 4 } }))).toEqual([
      { part: 'parameters', path: ['depth'], before: 3, after: 4, words: 'parameter depth changed (3 → 4)' },
    ])
  })
  it('gives only the value that is there: a part that is new has none before, one that is gone none after', () => {
    const [made] = keyChanges(parts(), parts({ seed: 1 }))
    expect(made).toStrictEqual({ part: 'seed', path: [], after: 1, words: 'the seed changed (absent → 1)' })
    const [gone] = keyChanges(parts({ seed: 1 }), parts())
    expect(gone).toStrictEqual({ part: 'seed', path: [], before: 1, words: 'the seed changed (1 → absent)' })
  })

  it('another form of keys, deeper places, and modules only where the code changed', () => {
    expect(words({ ...parts(), v: 0 }, parts())).toEqual(['the form of cache keys changed (0 → 1)'])
    const deep = (rate: number) => parts({ parameters: { train: { rate } } })
    expect(words(deep(1), deep(2))).toEqual(['parameter train.rate changed (1 → 2)'])
    const [before, after] = [parts({ modules: { 'a.ts': a } }), parts({ seed: 1, modules: { 'a.ts': b } })]
    expect(words(before, after)).toEqual(['the seed changed (absent → 1)'])
    const environment = (values: object) => parts({ environment: values as never })
    expect(words(environment({ b: { c: 1 }, a: 1 }), environment({ a: 2, b: { c: 2 } }))).toEqual([
      'environment: a changed (1 → 2)',
      'environment: b.c changed (1 → 2)',
    ])
  })
})
