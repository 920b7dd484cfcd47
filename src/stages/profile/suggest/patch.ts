import { lineComment } from '../../../internal/typescript-text.ts'
import { codeOf, type Call } from './call.ts'
import { findPlace, keyOf, Unsafe, type Place } from './declaration.ts'
import { isSyntax, statementsOf, type Syntax } from './syntax.ts'

/** Characters of a comment beside an expectation. */
export const longestComment = 160

/** An expectation to be written, with what speaks for it. */
export interface Line {
  readonly call: Call
  readonly comment: string
}

interface Edit {
  readonly at: number
  /** Where what it takes the place of ends; by default it takes the place of nothing. */
  readonly to?: number
  readonly text: string
}

/** Edits of one place stay in their order. */
function apply(source: string, edits: readonly Edit[]): string {
  let from = 0
  let text = ''
  for (const { at, to = at, text: added } of edits.toSorted((a, b) => a.at - b.at)) {
    text += source.slice(from, at) + added
    from = to
  }
  return text + source.slice(from)
}

/** The place after white space and comments. */
function skip(source: string, from: number): number {
  const gap = /(?:\s|\/\/[^\n]*|\/\*[^]*?\*\/)*/y
  gap.lastIndex = from
  gap.exec(source)
  return gap.lastIndex
}

const lineStart = (source: string, at: number): number => source.lastIndexOf('\n', at - 1) + 1
const indentOf = (source: string, at: number): string => /^[ \t]*/.exec(source.slice(lineStart(source, at)))?.[0] ?? ''

function codeLines(
  lines: readonly Line[],
  indent: string,
  names: { columns: string; expect: string },
  end: string,
): string {
  return lines
    .map(({ call, comment }) => `${indent}${codeOf(call, names)}, // ${lineComment(comment, longestComment)}${end}`)
    .join('')
}

/** The places that make room after the last of some items, before the closing bracket: a comma where none is, and where the lines go. */
function roomAfter(
  source: string,
  items: readonly Syntax[],
  close: number,
  indent: string,
  end: string,
): {
  readonly comma: readonly Edit[]
  readonly at: number
  readonly to: number
  readonly before: string
  readonly after: string
} {
  const last = items.at(-1)
  const comma = last && source[skip(source, last.end)] !== ',' ? [{ at: last.end, text: ',' }] : []
  const start = lineStart(source, close)
  const ownLine = /^[ \t]*$/.test(source.slice(start, close))
  if (ownLine) return { comma, at: start, to: start, before: '', after: '' }
  const at = start + source.slice(start, close).trimEnd().length
  return { comma, at, to: close, before: end, after: indent }
}

/** Edits of a list that stands there. */
function inList(
  source: string,
  { node, columns, property }: NonNullable<Place['list']>,
  lines: readonly Line[],
  expect: string,
  unit: string,
  end: string,
): Edit[] {
  const indent = indentOf(source, property.start)
  const elements = node.elements as readonly Syntax[]
  const [first] = elements
  const { comma, at, to, before, after } = roomAfter(source, elements, node.end - 1, indent, end)
  const isInline =
    first !== undefined && before !== '' && lineStart(source, first.start) === lineStart(source, node.start)
  return [
    ...(isInline ? [{ at: first.start, text: `${end}${indent}${unit}` }] : []),
    ...comma,
    { at, to, text: `${before}${codeLines(lines, indent + unit, { columns, expect }, end)}${after}` },
  ]
}

function inOptions(
  source: string,
  options: Syntax,
  lines: readonly Line[],
  expect: string,
  unit: string,
  end: string,
): Edit[] {
  const properties = options.properties as readonly Syntax[]
  const first = properties[0]
  const outer = indentOf(source, options.start)
  const indent =
    first && lineStart(source, first.start) !== lineStart(source, options.start)
      ? indentOf(source, first.start)
      : outer + unit
  const { comma, at, to, before, after } = roomAfter(source, properties, options.end - 1, outer, end)
  const written = `${indent}expect: c => [${end}${codeLines(lines, indent + unit, { columns: 'c', expect }, end)}${indent}],${end}`
  return [...comma, { at, to, text: `${before}${written}${after}` }]
}

function importing({ from, dataset }: Place): Edit[] {
  const beside = (from.specifiers as readonly Syntax[]).find(one => isSyntax(one.local) && one.local.name === dataset)
  return beside ? [{ at: beside.end, text: ', expect' }] : []
}

/** Whether something of the file's own is called `expect`, so that the import would be another. */
function hasOwn(statements: readonly Syntax[], name: string): boolean {
  return statements.some(one => {
    const declared = one.type === 'ExportNamedDeclaration' && isSyntax(one.declaration) ? one.declaration : one
    if (declared.type === 'ImportDeclaration')
      return (declared.specifiers as readonly Syntax[]).some(each => isSyntax(each.local) && each.local.name === name)
    if (declared.type === 'VariableDeclaration')
      return (declared.declarations as readonly Syntax[]).some(each => isSyntax(each.id) && each.id.name === name)
    return isSyntax(declared.id) && declared.id.name === name
  })
}

/**
 * The file with the expectations at the end of the dataset's list, or with a list where it has none; imports `expect` where
 * it is needed. Throws `Unsafe` where the declaration is not written out plainly.
 */
export function patch(source: string, filename: string, dataset: string, lines: readonly Line[]): string {
  if (lines.length === 0) return source
  const place = findPlace(source, filename, dataset)
  const end = source.includes('\r\n') ? '\r\n' : '\n'
  const unit = /^\t/m.test(source) ? '\t' : '  '
  const needsImport = place.expect === undefined && lines.some(line => line.call.on === undefined)
  if (needsImport && hasOwn(statementsOf(source, filename) ?? [], 'expect'))
    throw new Unsafe("something else in it is called 'expect'")
  const expect = place.expect ?? 'expect'
  if (place.list?.columns === expect) throw new Unsafe(`its expect calls the columns '${expect}'`)
  const edits = [
    ...(needsImport ? importing(place) : []),
    ...(place.list
      ? inList(source, place.list, lines, expect, unit, end)
      : inOptions(source, place.options, lines, expect, unit, end)),
  ]
  const patched = apply(source, edits)
  proved(patched, filename, dataset, place, lines.length)
  return patched
}

/** The new text must read as the old one with just so many expectations more. */
function proved(patched: string, filename: string, dataset: string, before: Place, added: number): void {
  const after = placeIn(patched, filename, dataset)
  const count = (place: Place) => (place.list?.node.elements as readonly unknown[] | undefined)?.length ?? 0
  const names = (place: Place) =>
    (place.options.properties as readonly Syntax[])
      .map(keyOf)
      .filter(name => name !== 'expect')
      .join()
  if (!after || count(after) !== count(before) + added || names(after) !== names(before))
    throw new Unsafe('it would not read as it is meant')
}

function placeIn(source: string, filename: string, dataset: string): Place | undefined {
  try {
    return findPlace(source, filename, dataset)
  } catch (error) {
    if (error instanceof Unsafe) return undefined
    throw error
  }
}
