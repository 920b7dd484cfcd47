import type { ColumnSpec } from '../../../define/column.ts'
import type { Source } from '../../../define/source.ts'
import { ownChecks } from './carry.ts'
import { lineComment, keyText, literalText } from '../../../internal/typescript-text.ts'
import { shown } from './given.ts'
import type { NamedDataset } from './import.ts'
import type { ImportedColumn, ImportedRule } from './model.ts'

const comment = (indent: string, text: string): string => `${indent}// ${lineComment(text)}`

function specCode(spec: ColumnSpec): string {
  const { type, nullable, zone, length, pii, treatAsNull } = spec
  const inner =
    type === 'timestamp'
      ? zone === undefined
        ? ''
        : literalText(zone)
      : type === 'vector'
        ? String(length)
        : treatAsNull
          ? literalText({ treatAsNull })
          : ''
  const plain = `t.${type}(${inner})`
  const marked = pii ? `t.pii(${plain})` : plain
  return nullable ? `t.nullable(${marked})` : marked
}

function columnLine(column: ImportedColumn, known: ColumnSpec | undefined): string {
  const guessed = {
    type: column.type,
    nullable: column.nullable,
    ...(column.type === 'timestamp' ? { zone: 'UTC' } : {}),
  }
  const line = `    ${keyText(column.name)}: ${specCode(known ?? guessed)},`
  return known ? line : `${line} // ${lineComment(column.why)}`
}

/** Where the rows of what the rules alone tell of might be. */
function sourceOf({ source, known, name }: NamedDataset): Source {
  return source ?? known?.source ?? { kind: 'parquet', path: `data/${name}.parquet` }
}

function sourceCode({ kind, path, ...options }: Source): string {
  if (kind === 'sqlite' || kind === 'duckdb')
    return `${kind}(${literalText((options as { file: string }).file)}, ${literalText(path)})`
  return `${kind}(${[path, ...(Object.keys(options).length > 0 ? [options] : [])].map(literalText).join(', ')})`
}

function ruleLines(rule: ImportedRule): string[] {
  const notes = rule.notes.map(note => comment('    ', note))
  const why = rule.why === undefined ? '' : `: ${rule.why}`
  if (rule.outcome === 'left out') {
    const given = rule.given === rule.source ? '' : ` ${shown(rule.given, 160)}`
    return [...notes, comment('    ', `Left out: ${rule.source}${given}${why}`)]
  }
  const told = rule.why === undefined ? [] : [comment('    ', `${rule.source}${why}`)]
  return [...notes, ...told, ...rule.code.map(code => `    ${code},`)]
}

function datasetLines(made: NamedDataset): string[] {
  const { known, columns, rules } = made
  const own = ownChecks(made)
  const lines = [
    ...rules.flatMap(ruleLines),
    ...(own.length > 0
      ? [comment('    ', 'Millrace holds floats to be finite by itself; over no value that passes as well')]
      : []),
    ...own.map(code => `    ${code},`),
  ]
  const takes = lines.some(line => !line.trimStart().startsWith('//') && /\bc[.[]/.test(line)) ? 'c' : '()'
  return [
    ...made.remarks.map(remark => comment('', remark)),
    `export const ${made.constant} = dataset(${literalText(made.name)}, {`,
    ...(known || made.source ? [] : [comment('  ', 'The rules do not say where the rows are: name the source')]),
    `  source: ${sourceCode(sourceOf(made))},`,
    '  columns: {',
    ...columns.map(column => columnLine(column, known?.columns[column.name])),
    '  },',
    ...(known && known.treatAsNull.length > 0 ? [`  treatAsNull: ${literalText(known.treatAsNull)},`] : []),
    ...(known?.encryptWith === undefined ? [] : [`  encryptWith: ${literalText(known.encryptWith)},`]),
    `  expect: ${takes} => [`,
    ...lines,
    '  ],',
    '})',
  ]
}

/** What cannot be declared, for want of a column, as comments. */
function bareLines(made: NamedDataset): string[] {
  return [
    comment('', `${made.from}: nothing of it could be declared`),
    ...made.rules.flatMap(ruleLines).map(line => line.trimStart()),
  ]
}

/** The TypeScript module that declares the datasets with all their rules; what was left out stands as comments. */
export function moduleText(tool: string, made: readonly NamedDataset[]): string {
  const bodies = made.map(one => (one.columns.length > 0 ? datasetLines(one) : bareLines(one)))
  const code = bodies.flat().filter(line => !line.trimStart().startsWith('//'))
  const uses = (name: string, form = `\\b${name}[.(]`): boolean => code.some(line => new RegExp(form).test(line))
  const names = ['arrow', 'csv', 'dataset', 'duckdb', 'expect', 'json', 'parquet', 'postgres', 'sqlite', 't'].filter(
    name =>
      name === 'expect'
        ? uses(name, '\\bexpect\\.')
        : name === 't'
          ? uses(name, '\\bt\\.')
          : made.some(one => one.columns.length > 0) && (name === 'dataset' || used(made, name)),
  )
  const head = comment('', `Brought over from ${tool}: ${[...new Set(made.map(one => one.from))].join(', ')}`)
  return `${[head, ...(names.length > 0 ? [`import { ${names.join(', ')} } from 'millrace'`] : ['export {}']), ...bodies.flatMap(lines => ['', ...lines])].join('\n')}\n`
}

function used(made: readonly NamedDataset[], kind: string): boolean {
  return made.some(one => one.columns.length > 0 && sourceOf(one).kind === kind)
}
