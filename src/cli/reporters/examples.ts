import type { CheckResult } from '../../define/report.ts'
import { shown, sourcesOf, valuesOf, type RenderOptions } from './subject.ts'

/** An annotation is a line beside the code, not a table. */
const maxLetters = 200
const maxValues = 3

function cut(text: string, most: number): string {
  const letters = [...text]
  return letters.length > most ? `${letters.slice(0, most - 1).join('')}…` : text
}
const valueText = (value: unknown): string => cut(shown(JSON.stringify(value)), 40)

function valuesText({ distinctBad = [], sample = [] }: CheckResult): string | undefined {
  if (distinctBad.length > 0) {
    const some = distinctBad.slice(0, maxValues).map(({ value }) => valueText(value))
    return `values: ${some.join(', ')}${distinctBad.length > maxValues ? ', …' : ''}`
  }
  const [first] = sample
  if (first === undefined) return undefined
  const values = Object.entries(valuesOf(first)).map(([name, value]) => `${shown(name)} = ${valueText(value)}`)
  return `row: ${values.join(', ')}`
}

/** What broke a check, for the end of its message: ` (data/a.csv:62, …; values: -5, 1440)`, or nothing. */
export function examplesOf(check: CheckResult, { folder }: RenderOptions): string {
  const place = sourcesOf(check, 1, folder)
  const parts = [place && cut(shown(place), maxLetters / 2), valuesText(check)].filter(Boolean)
  return parts.length === 0 ? '' : ` (${cut(parts.join('; '), maxLetters)})`
}
