import { fail } from '../../../../errors/index.ts'
import type { Json } from '../../../../internal/canonical-json.ts'
import type { Found } from '../carry.ts'
import { table } from '../code.ts'
import { contents, RuleSettings, isRecord, LeftOut, shown } from '../given.ts'
import { yamlOf } from '../read-text.ts'
import { leave, type Carrier, type RuleInFile } from '../rule.ts'
import { exactColumns } from '../schema-rule.ts'
import { declareType } from '../type-names.ts'
import { aliases, checks } from './checks.ts'

function rule(source: string, given: Json, carry: Carrier, notes: readonly string[] = []): RuleInFile {
  return { source, given, settings: given, notes, carry }
}

/** A setting of a schema or column that is a rule of its own: `unique: true`. */
function setting(name: string, value: Json, carry: Carrier): RuleInFile {
  return { source: name, given: { [name]: value }, settings: {}, carry }
}

interface NamedCheck {
  readonly name: string
  readonly settings: Json
}

/** A check as each version writes it: a list with the name among the options, or a mapping by name. */
function checksOf(value: Json | undefined): readonly NamedCheck[] {
  if (Array.isArray(value))
    return value.map((one: Json) => {
      const options = isRecord(one) ? one['options'] : undefined
      const name = isRecord(options) ? options['check_name'] : undefined
      return { name: typeof name === 'string' ? name : 'a check without a name', settings: one }
    })
  if (value !== undefined && value !== null && !isRecord(value)) return [{ name: 'checks', settings: value }]
  return isRecord(value) ? Object.entries(value).map(([name, one]) => ({ name, settings: one ?? null })) : []
}

function noteOf(settings: Json): readonly string[] {
  const parts = isRecord(settings) ? [settings, settings['options']] : []
  return parts
    .flatMap(part => (isRecord(part) ? [part['name'], part['title'], part['description'], part['error']] : []))
    .filter(one => typeof one === 'string')
}

/** One check; what is no mapping is its only argument. */
function check(column: string, { name, settings }: NamedCheck, regex: boolean): RuleInFile {
  const plain = Object.hasOwn(aliases, name) ? (aliases[name] as string) : name
  const carrier = Object.hasOwn(checks, plain) ? checks[plain] : undefined
  return {
    source: name,
    given: { [column]: { [name]: settings } },
    settings: isRecord(settings) ? settings : { value: settings },
    notes: noteOf(settings),
    carry(one) {
      if (regex) throw new LeftOut(`${shown(column)} is a pattern of column names; Millrace declares each column`)
      if (!carrier)
        throw new LeftOut(`Millrace has no counterpart of it; its settings: ${one.given.unread().join(', ') || 'none'}`)
      return carrier(one, column)
    },
  }
}

const columnKeys = [
  'title',
  'description',
  'dtype',
  'nullable',
  'checks',
  'name',
  'unique',
  'coerce',
  'required',
  'regex',
  'default',
  'report_duplicates',
  'drop_invalid_rows',
  'metadata',
  'parsers',
]

/** The rules of one column: its settings, then its checks, which newer versions write beside the settings. */
function columnRules(column: string, value: Json): readonly RuleInFile[] {
  if (value !== null && !isRecord(value)) return [rule(column, value, leave(`${shown(value)} is no column`))]
  const given = new RuleSettings(value)
  const regex = given.take('regex') === true
  const notes = [given.take('title'), given.take('description')].filter(one => typeof one === 'string')
  const whole = (carry: Carrier): Carrier =>
    regex ? leave(`${shown(column)} is a pattern of column names; Millrace declares each column`) : carry
  const settings: RuleInFile[] = []
  const told = (name: string, when: (value: Json) => boolean, carry: Carrier): void => {
    const one = given.take(name)
    if (one !== undefined && when(one)) settings.push(setting(name, one, whole(carry)))
  }
  const type = given.take('dtype')
  if (type !== undefined)
    settings.push(
      setting(
        'dtype',
        type,
        whole(one => declareType(one, column, [type])),
      ),
    )
  if (given.take('nullable') !== true)
    settings.push(
      setting(
        'nullable',
        false,
        whole(one => {
          one.neverNull.add(column)
          return one.call(one.column(column), 'notNull', [], { onEmpty: 'pass' })
        }),
      ),
    )
  told(
    'unique',
    one => one === true,
    one => one.call(one.column(column), 'unique', [], { nulls: 'equal', onEmpty: 'pass' }),
  )
  told('required', one => one === false, leave('a declared column must be there'))
  told('coerce', one => one === true, leave('nothing is cast when rows are read; another type is told by the schema'))
  told('default', () => true, leave('nothing is filled in'))
  told(
    'drop_invalid_rows',
    one => one === true,
    leave('bad rows go to the quarantine file, by the dataset’s own setting'),
  )
  told('parsers', () => true, leave('rows are not changed before they are checked'))
  const flat = given.names
    .filter(name => !columnKeys.includes(name))
    .map(name => ({ name, settings: given.take(name) ?? null }))
  const all = [...settings, ...[...checksOf(given.take('checks')), ...flat].map(one => check(column, one, regex))]
  return all.map((one, i) => ({
    ...one,
    columns: [column],
    given: { column, ...(isRecord(one.given) ? one.given : {}) },
    notes: i === 0 ? [...notes, ...(one.notes ?? [])] : (one.notes ?? []),
  }))
}

function frameRules(schema: RuleSettings, names: readonly string[], optional: boolean): readonly RuleInFile[] {
  const rules: RuleInFile[] = []
  const told = (name: string, when: (value: Json) => boolean, carry: (value: Json) => Carrier): void => {
    const value = schema.take(name)
    if (value !== undefined && when(value)) rules.push(setting(name, value, carry(value)))
  }
  const declared = (shape: Parameters<typeof exactColumns>[2]): Carrier =>
    optional
      ? leave('some columns may be missing, or are named by a pattern')
      : one => exactColumns(one, names, shape, {})
  const index = schema.take('index')
  for (const one of Array.isArray(index) ? index : index === undefined ? [] : [index])
    rules.push(rule('index', one as Json, leave('rows of a source have no index; where it is a column, declare it')))
  for (const { name, settings } of checksOf(schema.take('checks')))
    rules.push(rule(name, settings, leave('it is a check of the whole frame; write it for the columns it is about')))
  told(
    'dtype',
    () => true,
    () => leave('each column has its own type'),
  )
  told(
    'coerce',
    one => one === true,
    () => leave('nothing is cast when rows are read; another type is told by the schema'),
  )
  told(
    'strict',
    one => one !== false,
    one =>
      one === 'filter'
        ? leave('columns that are not declared are left alone, not taken away')
        : declared({ mode: 'exact' }),
  )
  told(
    'ordered',
    one => one === true,
    () => declared({ mode: 'superset', ordered: true }),
  )
  told(
    'unique',
    one => one !== false,
    one => rule => {
      const keys = typeof one === 'string' ? [one] : Array.isArray(one) ? one : []
      if (keys.length === 0 || keys.some(key => typeof key !== 'string'))
        throw new LeftOut(`${shown(one)} is no list of columns`)
      return table('unique', [rule.several(keys as string[]).map(key => key.code)], { nulls: 'equal', onEmpty: 'pass' })
    },
  )
  told(
    'unique_column_names',
    one => one === true,
    () => leave('a source with a column name twice is not read'),
  )
  told(
    'add_missing_columns',
    one => one === true,
    () => leave('nothing is filled in'),
  )
  told(
    'drop_invalid_rows',
    one => one === true,
    () => leave('bad rows go to the quarantine file, by the dataset’s own setting'),
  )
  return rules
}

/** Reads a schema that Pandera wrote with `to_yaml()`. Throws `importUnreadable`, `importOther`. */
export function readSchema(file: string, bytes: Uint8Array): Found {
  const value = yamlOf(file, bytes, { words: true })
  const wanted = 'a data frame schema of Pandera'
  if (!isRecord(value) || !('columns' in value || value['schema_type'] !== undefined))
    throw fail('importOther', { file, wanted, found: contents(value) })
  const schema = new RuleSettings(value)
  const type = schema.take('schema_type')
  if (type !== undefined && type !== 'dataframe')
    throw fail('importOther', { file, wanted, found: `its schema_type is ${shown(type)}` })
  const columns = schema.take('columns')
  if (columns !== undefined && !isRecord(columns))
    throw fail('importOther', { file, wanted, found: `its columns are ${shown(columns)}` })
  const name = schema.take('name')
  const entries = Object.entries(columns ?? {}).map(([column, one]) => [column, one ?? null] as const)
  const optional = entries.some(([, one]) => isRecord(one) && (one['regex'] === true || one['required'] === false))
  const notes = [schema.take('title'), schema.take('description')].filter(one => typeof one === 'string')
  schema.ignore('version', 'api', 'report_duplicates')
  const rules = [
    ...entries.flatMap(([column, one]) => columnRules(column, one)),
    ...frameRules(
      schema,
      entries.map(([column]) => column),
      optional,
    ),
  ]
  const unread = schema.unread()
  return {
    name: typeof name === 'string' && name ? name : (file.split(/[\\/]/).at(-1) as string).replace(/\.[^.]*$/, ''),
    from: file,
    rules,
    remarks: [
      ...notes,
      ...(unread.length > 0 ? [`Of the schema itself nothing was made of ${unread.join(', ')}.`] : []),
    ],
  }
}
