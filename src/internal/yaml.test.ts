import { expect, test } from 'vitest'
import { readYaml, yaml, yamlDocuments } from './yaml.ts'

test('writes blocks in the given order, empty ones in place', () => {
  expect(yaml({ b: [{ x: 1, w: [] }, 'two', [true, null]], a: { z: {}, gone: undefined } })).toBe(
    ['b:', '  - x: 1', '    w: []', '  - two', '  - - true', '    - null', 'a:', '  z: {}', ''].join('\n'),
  )
  expect(yamlDocuments([{ a: 1 }, { b: 2 }])).toBe('a: 1\n---\nb: 2\n')
})

test('quotes whatever a reader could take for something else', () => {
  const texts = ['on', 'No', '1e3', '0x1f', '12:30', '~', '', ' a', 'a: b', 'a #b', '- a', '@a', '.5', '*x', '{']
  for (const text of texts) expect(yaml({ k: text })).toBe(`k: ${JSON.stringify(text)}\n`)
  for (const text of ['a', 'ALL', '/readyz', 'registry.example.org/a/b:1', 'RuntimeDefault', 'a b'])
    expect(yaml({ k: text })).toBe(`k: ${text}\n`)
})

test('a text of several lines stands as one, and a long line is not folded', () => {
  expect(yaml({ run: 'a\nb' })).toBe('run: |-\n  a\n  b\n')
  expect(yaml({ run: 'word '.repeat(60).trim() }).split('\n')).toHaveLength(2)
})

test('what is written is read again', () => {
  const value = { on: ['yes', '1e3', '2024-01-01', '', null, 1.5, true, 'a\nb'], 'a: b': { '': [] } }
  for (const words of [false, true]) expect(readYaml(yaml(value), { words })).toEqual({ value })
})

test('reads plain data: dates as texts, merged keys, words as truth values where asked for', () => {
  expect(readYaml('a: 2024-01-01\nb: &b {x: 1}\nc: {<<: *b, y: no}\ny: off')).toEqual({
    value: { a: '2024-01-01', b: { x: 1 }, c: { x: 1, y: 'no' }, y: 'off' },
  })
  expect(readYaml('y: off', { words: true })).toEqual({ value: { y: false } })
})

test('refuses tags, keys that stand twice, bytes, and endless aliases', () => {
  const bomb = [
    'a: &a [x]',
    ...[...'bcdefgh'].map((name, i) => `${name}: &${name} [${`*${'abcdefg'[i]},`.repeat(9)}]`),
  ].join('\n')
  for (const text of [
    'a: !!python/none x',
    'a: !mine 1',
    'a: 1\na: 2',
    'a: !!binary aGk=',
    'a: [',
    bomb,
    '['.repeat(100_000),
  ])
    expect(readYaml(text), text.slice(0, 40)).toHaveProperty('fault')
})
