import { toEvaluator } from '../../define/expression/row.ts'
import { columnCatalogue } from '../../define/expectation/catalogue.ts'
import type { Kind } from '../../define/expectation/kind.ts'
import type { FormatName } from '../../define/expectation/kinds/format.ts'
import type { Node } from '../../define/expression/node.ts'
import { levelTest, type LevelTest } from '../validate/level-tests.ts'

/** A way in which texts are written: `AAA`, `99-aa`. */
export interface Form {
  /** `A` and `a` stand for letters of the Latin alphabet, `9` for a digit, `…` for more than is worth telling. */
  readonly shape: string
  readonly rows: number
  /** Source of a regular expression of just this form; undefined where it has no simple one. */
  readonly pattern?: string
  readonly example: string
}

interface Run {
  /** `A`, `a`, `9`, or the character itself. */
  readonly kind: string
  min: number
  max: number
}

const maxRuns = 12
/** Runs whose length varies by more than this may be of any length. */
const widest = 3

function kindOf(char: string): string {
  if (char >= 'A' && char <= 'Z') return 'A'
  if (char >= 'a' && char <= 'z') return 'a'
  return char >= '0' && char <= '9' ? '9' : char
}

function runsOf(text: string): Run[] | undefined {
  const runs: Run[] = []
  for (const char of text) {
    const kind = kindOf(char)
    const last = runs.at(-1)
    if (last?.kind === kind) last.max = ++last.min
    else if (runs.push({ kind, min: 1, max: 1 }) > maxRuns) return undefined
  }
  return runs
}

const classes: Readonly<Record<string, string>> = { A: '[A-Z]', a: '[a-z]', '9': '[0-9]' }

function patternOf(runs: readonly Run[]): string | undefined {
  // printable ASCII only: what else a text has is no code that one would write a pattern for
  if (runs.length === 0 || runs.some(run => !/^[ -~]$/.test(run.kind))) return undefined
  if (!runs.some(run => run.kind in classes)) return undefined
  const parts = runs.map(({ kind, min, max }) => {
    const one = classes[kind] ?? (/[A-Za-z0-9 _:,@#%&=;!~<>'"`-]/.test(kind) ? kind : `\\${kind}`)
    const times =
      max - min > widest
        ? min > 1
          ? `{${min},}`
          : '+'
        : min === max
          ? min === 1
            ? ''
            : `{${min}}`
          : `{${min},${max}}`
    return one + times
  })
  return `^${parts.join('')}$`
}

const shapeOf = (runs: readonly Run[]): string =>
  runs.map(({ kind, min, max }) => (min === max ? kind.repeat(Math.min(min, 24)) : `${kind}{${min},${max}}`)).join('')

/** The forms of texts, each with the rows that are written so, most frequent first. */
export function formsOf(texts: readonly string[], rows: readonly number[], most = 8): Form[] {
  const found = new Map<string, { runs: Run[] | undefined; rows: number; example: string; weight: number }>()
  texts.forEach((text, i) => {
    const runs = runsOf(text)
    const key = runs ? runs.map(run => run.kind).join('') : '…'
    const weight = rows[i] as number
    const known = found.get(key)
    if (!known) {
      found.set(key, { runs, rows: weight, example: text, weight })
      return
    }
    known.rows += weight
    if (weight > known.weight) Object.assign(known, { example: text, weight })
    known.runs?.forEach((run, j) => {
      run.min = Math.min(run.min, runs?.[j]?.min ?? 0)
      run.max = Math.max(run.max, runs?.[j]?.max ?? 0)
    })
  })
  return [...found.values()]
    .sort((a, b) => b.rows - a.rows)
    .slice(0, most)
    .map(({ runs, rows: count, example }) => {
      const pattern = runs && patternOf(runs)
      return { shape: runs ? shapeOf(runs) : '…', rows: count, example, ...(pattern ? { pattern } : {}) }
    })
}

const column: Node = { op: 'column', name: 'text', type: 'text' }
const { kind, make } = columnCatalogue.format as unknown as {
  readonly kind: Kind<unknown>
  readonly make: (of: Node, name: FormatName) => { readonly expectation: Parameters<Kind<unknown>['needs']>[0] }
}

/** Most specific first. */
const formats: readonly FormatName[] = [
  'uuid',
  'email',
  'url',
  'ipv4',
  'ipv6',
  'iban',
  'e164',
  'iso-datetime',
  'iso-date',
  'iso4217',
  'iso3166',
]

/** The test of a format, as the check itself makes it. */
function testOf(name: FormatName): LevelTest {
  const rule = kind.needs(make(column, name).expectation).rows
  if (rule?.by === 'levels') return levelTest(rule.test, undefined)
  if (rule?.by !== 'expression') throw new TypeError(`the format '${name}' is no rule of one text`)
  const good = toEvaluator(rule.good)
  return text => good(() => text) === true
}

const tests = new Map<FormatName, LevelTest>()

/** Different texts that a format must fit before it is more than chance. */
const fewestTexts = 5

/** The known format that at least `least` of the rows' texts are of. */
export function formatOf(texts: readonly string[], rows: readonly number[], least: number): FormatName | undefined {
  if (texts.length < fewestTexts) return undefined
  const all = rows.reduce((sum, one) => sum + one, 0)
  return formats.find(name => {
    const test = tests.get(name) ?? testOf(name)
    tests.set(name, test)
    let missing = all * (1 - least)
    for (const [i, text] of texts.entries()) if (!test(text) && (missing -= rows[i] as number) < -1e-9) return false
    return true
  })
}
