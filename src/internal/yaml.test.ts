import { expect, test } from 'vitest'
import { yaml, yamlDocuments } from './yaml.ts'

test('writes blocks in the given order, empty ones in place', () => {
  expect(yaml({ b: [{ x: 1, w: [] }, 'two', [true, null]], a: { z: {}, gone: undefined } })).toBe(
    ['b:', '  - x: 1', '    w: []', '  - two', '  - - true', '    - null', 'a:', '  z: {}', ''].join('\n'),
  )
  expect(yamlDocuments([{ a: 1 }, { b: 2 }])).toBe('a: 1\n---\nb: 2\n')
})

test('quotes whatever a reader could take for something else', () => {
  const texts = [
    'on',
    'No',
    '1e3',
    '0x1f',
    '12:30',
    '~',
    '',
    ' a',
    'a: b',
    'a #b',
    '- a',
    '@a',
    '.5',
    'a\nb',
    '*x',
    '{',
    '100%',
  ]
  for (const text of texts) expect(yaml({ k: text })).toBe(`k: ${JSON.stringify(text)}\n`)
  for (const text of ['a', 'ALL', '/readyz', 'registry.example.org/a/b:1', 'RuntimeDefault', 'a b'])
    expect(yaml({ k: text })).toBe(`k: ${text}\n`)
})
