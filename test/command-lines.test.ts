import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Command } from '../src/cli/command.ts'
import { table } from '../src/cli/table.ts'
import { catalogue } from '../src/errors/catalogue.ts'

// What a hint or a page tells people to type is a command that exists, with options and arguments that it takes.

const commands = new Map<string, Command>()
for (const [verb, entry] of Object.entries(table)) commands.set(verb, (await entry.load()).command)

/** Long flags of one command, each with whether a value follows. */
function flagsOf(command: Command): Map<string, boolean> {
  const flags = new Map([
    ['--json', false],
    ['--help', false],
  ])
  for (const option of command.options ?? [])
    for (const flag of option.flags.match(/--[a-z][a-z-]*/g) ?? []) flags.set(flag, option.flags.includes('<'))
  return flags
}

const everyFlag = new Set([...commands.values()].flatMap(command => [...flagsOf(command).keys()]))

/** The words of a command line up to where a shell, or a remark, ends it. */
function wordsOf(line: string): string[] {
  // what stands in quotes is one word
  const words = line.match(/(?:"[^"]*"|'[^']*'|\S)+/g) ?? []
  const end = words.findIndex(word => /^(#|&&|\||>|;|…|—)/.test(word))
  return end < 0 ? words : words.slice(0, end)
}

/** What is wrong with `words`, which follow "millrace"; undefined when nothing is. */
function wrong(words: readonly string[]): string | undefined {
  // The verb that was called
  if (words[0] === '{verb}') return undefined
  const name = [words.slice(0, 2).join(' '), words[0] ?? ''].find(verb => commands.has(verb))
  if (name === undefined) {
    // A word that stands for several (status|promote|abort), the overview, or the help of a group
    const alternatives = words[1]?.split('|') ?? []
    if (alternatives.length > 1)
      return alternatives.every(one => commands.has(`${words[0]} ${one}`)) ? undefined : 'verb'
    const group = [...commands.keys()].some(verb => verb.startsWith(`${words[0]} `))
    return words[0] === '--help' || (group && words.slice(1).every(word => word === '--help')) ? undefined : 'verb'
  }
  const command = commands.get(name) as Command
  const flags = flagsOf(command)
  const rest = words.slice(name.split(' ').length)
  let given = 0
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at] as string
    if (!word.startsWith('-')) given++
    else if (!word.startsWith('--')) return `${name}: ${word}`
    else {
      const flag = word.split('=')[0] as string
      const takes = flags.get(flag)
      if (takes === undefined) return `${name} has no ${flag}`
      if (takes && !word.includes('=') && (rest[++at] ?? '--').startsWith('--')) return `${name} ${flag} needs a value`
    }
  }
  const places = command.arguments ?? []
  const most = places.some(place => place.variadic) ? Number.POSITIVE_INFINITY : places.length
  return given > most ? `${name} takes ${most} arguments, not ${given}` : undefined
}

/** Command lines in prose: quoted, or between backticks. */
const quoted = (text: string): string[] =>
  [...text.matchAll(/"(?:npx )?millrace ([^"`]+)"|`(?:npx )?millrace ([^`]+)`/g)].map(
    found => (found[1] ?? found[2]) as string,
  )

/** Command lines that begin (or follow && in) a line of a code block. */
const typed = (page: string): string[] =>
  [...page.matchAll(/^```[a-z]*\n(.*?)^```/gms)].flatMap(block =>
    [...(block[1] as string).matchAll(/(?:^|&& |[-:] |\$ )\s*(?:npx )?millrace ([^\n]+)/gm)].map(
      found => (found[1] as string).split(' && ')[0] as string,
    ),
  )

const mistakes = (lines: readonly string[]): string[] =>
  lines.flatMap(line => {
    const what = wrong(wordsOf(line))
    return what === undefined ? [] : [`millrace ${line}: ${what}`]
  })

const root = join(import.meta.dirname, '..')
const pages = ['README.md', ...readdirSync(join(root, 'docs/guide')).map(name => `docs/guide/${name}`)]
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8')

/** Flags of other programs that are named: npm, podman load, podman run, curl, kubectl, pip-compile. */
const foreign = new Set(['--save-dev', '--input', '--memory', '--data-binary', '--from-literal', '--generate-hashes'])

const unknownFlags = (text: string): string[] =>
  [...text.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)]
    .map(found => found[0])
    .filter(flag => !everyFlag.has(flag) && !foreign.has(flag))

describe('what people are told to type', () => {
  it.each(Object.entries(catalogue))('error %s', (_, entry) => {
    const text = `${entry.message} ${entry.hint}`
    expect(mistakes(quoted(text))).toEqual([])
    expect(unknownFlags(text)).toEqual([])
  })

  it.each(pages)('page %s', page => {
    const text = textOf(page)
    expect(mistakes([...quoted(text), ...typed(text)])).toEqual([])
    expect(unknownFlags(text)).toEqual([])
  })

  it.each([...commands])('further help of %s', (_, command) => {
    const text = [command.details ?? '', ...(command.options ?? []).map(option => option.description)].join('\n')
    expect(mistakes(quoted(text))).toEqual([])
    expect(unknownFlags(text)).toEqual([])
  })

  it('finds what it looks at', () => {
    const lines = pages.flatMap(page => [...quoted(textOf(page)), ...typed(textOf(page))])
    expect(lines.length).toBeGreaterThan(60)
    expect(Object.values(catalogue).flatMap(entry => quoted(entry.hint)).length).toBeGreaterThan(25)
  })

  it.each([
    ['keys grant people --to serving', 'keys grant has no --to'],
    ['keys grants people', 'verb'],
    ['deploy flights late', 'deploy takes 1 arguments, not 2'],
    ['deploy --version', 'deploy --version needs a value'],
    ['import --help', undefined],
    ['rollout status|abort', undefined],
    ['rollout status|stop', 'verb'],
    ['deploy --version 3 flights # a remark', undefined],
  ])('%s is judged', (line, verdict) => {
    expect(wrong(wordsOf(line))).toBe(verdict)
  })
})
