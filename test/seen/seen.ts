import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

// What the tables of this folder are made of and held by: what a user can meet (from the code itself) against the tests in
// which it was met (by file and title).

/** A test by its file and title. */
export interface Test {
  readonly file: string
  readonly title: string
}

/** Tests of one file by their titles. */
export const of =
  (file: string) =>
  (title: string): Test => ({ file, title })

const texts = new Map<string, string>()
const textOf = (file: string): string => {
  const known = texts.get(file) ?? (existsSync(file) ? readFileSync(file, 'utf8') : '')
  texts.set(file, known)
  return known
}

/** What is wrong with the place of a test; undefined when the file has a test of that title. */
export function misplaced({ file, title }: Test, needs?: RegExp): string | undefined {
  const text = textOf(file)
  if (text === '') return `there is no ${file}`
  const written = [`'${title}'`, `"${title}"`, `\`${title}\``]
  if (!written.some(one => text.replaceAll(/\(\s+/g, '(').includes(`(${one}`))) return `${file} has no test '${title}'`
  return needs && !needs.test(text) ? `${file} does not say ${needs.source}` : undefined
}

/**
 * Complaints: what can be met and was not, what is in the table and cannot be met, places that are not there, and entries of
 * the list of the unseen that have been seen meanwhile.
 */
export function complaints(
  canBeMet: readonly string[],
  met: Readonly<Record<string, readonly Test[]>>,
  unseen: readonly string[],
  needs?: (what: string) => RegExp,
): string[] {
  const all = new Set(canBeMet)
  const [known, left] = [new Set(Object.keys(met)), new Set(unseen)]
  return [
    ...canBeMet.filter(one => !known.has(one) && !left.has(one)).map(one => `${one}: no test has met it`),
    ...[...known, ...left].filter(one => !all.has(one)).map(one => `${one}: cannot be met (any more)`),
    ...[...left].filter(one => known.has(one)).map(one => `${one}: has a test, take it from the unseen`),
    ...Object.entries(met).flatMap(([what, tests]) =>
      tests.flatMap(test => {
        const wrong = misplaced(test, needs?.(what))
        return wrong === undefined ? [] : [`${what}: ${wrong}`]
      }),
    ),
  ]
}

/** Files below a folder, by their ending, without what lies in `except`. Neither links nor hidden folders are gone into. */
export function filesBelow(folder: string, ending: string, except: readonly string[] = []): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name.startsWith('.') ? [] : filesBelow(path, ending, except)
    return path.endsWith(ending) && !except.some(one => path.startsWith(one)) ? [path] : []
  })
}

/** Everything that a pattern finds in the text of files, once. */
export function found(files: readonly string[], pattern: RegExp): string[] {
  return [...new Set(files.flatMap(file => [...textOf(file).matchAll(pattern)].map(match => match[1] ?? '')))]
}
