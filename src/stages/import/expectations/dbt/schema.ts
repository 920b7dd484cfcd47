import { fail } from '../../../../errors/index.ts'
import type { Json } from '../../../../internal/canonical-json.ts'
import type { Found } from '../carry.ts'
import { table } from '../code.ts'
import { contents, RuleSettings, isRecord, LeftOut, shown } from '../given.ts'
import { yamlOf } from '../read-text.ts'
import { leave, type RuleInFile } from '../rule.ts'
import { declareType } from '../type-names.ts'
import { duration, testNamed } from './tests.ts'

type Fields = { readonly [key: string]: Json | undefined }

/** A test as it is written: its name alone, or a mapping by its name, or one that has the name in `test_name`. */
function named(test: Json): { readonly name: string; readonly settings: Json } {
  if (typeof test === 'string') return { name: test, settings: {} }
  if (isRecord(test)) {
    const { test_name: told, ...settings } = test
    if (typeof told === 'string') return { name: told, settings }
    const [[name, inner], ...others] = Object.entries(test) as [[string, Json], ...[string, Json][]]
    if (name !== undefined)
      return {
        name,
        settings: {
          ...(isRecord(inner) ? inner : inner === null ? {} : { value: inner }),
          ...Object.fromEntries(others),
        },
      }
  }
  return { name: 'a test without a name', settings: {} }
}

function test(one: Json, column: string | undefined): RuleInFile {
  const { name, settings } =
    isRecord(one) && Object.keys(one).length === 0 ? { name: 'a test without a name', settings: {} } : named(one)
  const found = testNamed(name)
  const description = new RuleSettings(settings).take('description')
  return {
    source: name,
    given: column === undefined ? one : { column, test: one },
    settings,
    columns: column === undefined ? [] : [column],
    notes: typeof description === 'string' ? [description] : [],
    carry(rule) {
      if (!found)
        throw new LeftOut(
          `Millrace has no counterpart of it; its settings: ${rule.given.unread().join(', ') || 'none'}`,
        )
      return found(rule, column)
    },
  }
}

const list = (value: Json | undefined): readonly Json[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]

function typed(column: string, value: Json): RuleInFile {
  return {
    source: 'data_type',
    given: { column, data_type: value },
    settings: {},
    carry: rule => declareType(rule, column, [value]),
  }
}

/** Constraints of a model's contract. */
function constraint(value: Json, own: string | undefined): RuleInFile {
  const given = new RuleSettings(value)
  const type = given.take('type')
  return {
    source: `constraint ${typeof type === 'string' ? type : shown(value)}`,
    given: own === undefined ? value : { column: own, constraint: value },
    settings: value,
    carry(rule) {
      rule.given.ignore('type', 'name', 'warn_unenforced', 'warn_unsupported')
      const names = rule.given.texts('columns') ?? (own === undefined ? [] : [own])
      if (names.length === 0) throw new LeftOut('it names no column')
      const columns = rule.several(names)
      if (type === 'unique') return table('unique', [columns.map(one => one.code)], { onEmpty: 'pass' })
      if (type !== 'not_null' && type !== 'primary_key') throw new LeftOut('constraints of this type are not read')
      for (const { name } of columns) rule.neverNull.add(name)
      if (type === 'primary_key') return table('primaryKey', [columns.map(one => one.code)], { onEmpty: 'pass' })
      return columns.map(one => rule.call(one, 'notNull', [], { onEmpty: 'pass' }))
    },
  }
}

const asideOfColumn = ['name', 'description', 'tags', 'meta', 'quote', 'policy_tags', 'docs', 'config', 'granularity']

function columnRules(value: Json, remark: (text: string) => void): readonly RuleInFile[] {
  if (!isRecord(value) || typeof value['name'] !== 'string')
    return [
      { source: 'a column', given: value, settings: {}, carry: leave(`${shown(value)} is no column with a name`) },
    ]
  const given = new RuleSettings(value)
  const name = value['name']
  const type = given.take('data_type')
  const rules = [
    ...(type === undefined ? [] : [typed(name, type)]),
    ...list(given.take('constraints')).map(one => constraint(one, name)),
    ...[...list(given.take('tests')), ...list(given.take('data_tests'))].map(one => test(one, name)),
  ]
  given.ignore(...asideOfColumn)
  const unread = given.unread()
  if (unread.length > 0) remark(`Of the column ${name} nothing was made of ${unread.join(', ')}.`)
  return rules
}

/** How old the newest row of a source may be. */
function freshness(value: Json, field: Json | undefined): RuleInFile {
  return {
    source: 'freshness',
    given: { freshness: value, ...(field === undefined ? {} : { loaded_at_field: field }) },
    settings: value,
    carry(rule) {
      if (typeof field !== 'string') throw new LeftOut('it has no loaded_at_field')
      const column = rule.column(field, ['timestamp'])
      const calls = (['error_after', 'warn_after'] as const).flatMap(level => {
        const after = rule.given.part(level)
        if (!after) return []
        const age = duration(after.needed('count', after.number('count')), after.needed('period', after.text('period')))
        return [rule.call(column, 'freshness', [age], level === 'warn_after' ? { severity: 'warning' } : {})]
      })
      if (calls.length === 0) throw new LeftOut('it has neither warn_after nor error_after')
      rule.differs('a newest value more than five minutes in the future fails')
      return calls
    },
  }
}

const asideOfModel = [
  'description',
  'docs',
  'meta',
  'tags',
  'access',
  'group',
  'latest_version',
  'deprecation_date',
  'identifier',
  'quoting',
  'database',
  'schema',
  'loader',
  'version',
]

/** One model, source table, seed or snapshot. */
function model(value: Fields, file: string, above: RuleSettings | undefined): Found {
  const given = new RuleSettings(value)
  const name = given.take('name')
  const remarks: string[] = []
  const description = given.take('description')
  const field = given.take('loaded_at_field') ?? above?.take('loaded_at_field')
  const age = given.take('freshness') ?? above?.take('freshness')
  const rules = [
    ...list(given.take('constraints')).map(one => constraint(one, undefined)),
    ...(age === undefined ? [] : [freshness(age, field)]),
    ...[...list(given.take('tests')), ...list(given.take('data_tests'))].map(one => test(one, undefined)),
    ...list(given.take('columns')).flatMap(one => columnRules(one, text => remarks.push(text))),
  ]
  given.ignore(...asideOfModel)
  const unread = given.unread()
  if (unread.length > 0) remarks.push(`Of the model itself nothing was made of ${unread.join(', ')}.`)
  return {
    name: typeof name === 'string' ? name : 'model',
    from: file,
    rules,
    remarks: [...(typeof description === 'string' && description.trim() ? [description.trim()] : []), ...remarks],
  }
}

/** Reads the models, sources, seeds and snapshots of a dbt properties file that have tests. Throws `importUnreadable`, `importOther`. */
export function readProperties(file: string, bytes: Uint8Array): readonly Found[] {
  const value = yamlOf(file, bytes, { words: true })
  const wanted = 'a properties file of dbt'
  const parts = ['models', 'sources', 'seeds', 'snapshots']
  if (!isRecord(value) || !parts.some(part => part in value)) {
    throw fail('importOther', { file, wanted, found: `${contents(value)}, and none of ${parts.join(', ')}` })
  }
  const whole = new RuleSettings(value)
  const founds: Found[] = []
  const rest: string[] = []
  for (const part of parts)
    for (const one of list(whole.take(part))) {
      if (!isRecord(one)) throw fail('importOther', { file, wanted, found: `${part} holds ${shown(one)}` })
      if (part !== 'sources') founds.push(model(one, file, undefined))
      else {
        const source = new RuleSettings(one)
        for (const each of list(source.take('tables'))) {
          if (!isRecord(each)) throw fail('importOther', { file, wanted, found: `a source holds ${shown(each)}` })
          founds.push(model(each, file, source))
        }
        source.ignore('name', ...asideOfModel, 'loaded_at_field', 'freshness')
        rest.push(...source.unread())
      }
    }
  whole.ignore('version')
  rest.push(...whole.unread())
  const told = founds.filter(one => one.rules.length > 0)
  const remarks = rest.length > 0 ? [`Of the file nothing was made of ${rest.join(', ')}.`] : []
  return told.map((one, i) => (i === 0 ? { ...one, remarks: [...remarks, ...one.remarks] } : one))
}
