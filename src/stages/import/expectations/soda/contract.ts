import { fail } from '../../../../errors/index.ts'
import type { Json } from '../../../../internal/canonical-json.ts'
import type { Found } from '../carry.ts'
import type { Call } from '../code.ts'
import { contents, RuleSettings, isRecord, LeftOut, shown } from '../given.ts'
import { yamlOf } from '../read-text.ts'
import { leave, type Carrier, type Rule, type RuleInFile } from '../rule.ts'
import { exactColumns } from '../schema-rule.ts'
import { declareType } from '../type-names.ts'
import { isChecks, readChecks } from './checks-language.ts'
import { failedRows, freshness, metrics, unread, type Check, type Metric } from './metrics.ts'
import { atMostNone, contractLevels, someRows, type AllowedRange } from './threshold.ts'

interface Whole {
  readonly names: readonly string[]
  readonly optional: boolean
  readonly filters: readonly string[]
}

type ContractCheck = (rule: Rule, check: Check, whole: Whole) => Call | readonly Call[]

const metricNamed = (name: string): Metric => metrics[name] as Metric

/** Counted, or as a percentage of the rows, as the threshold says. */
const counted =
  (name: string): ContractCheck =>
  (rule, check) => {
    const of = rule.given.part('threshold')?.text('metric') ?? 'count'
    if (of !== 'count' && of !== 'percent') throw new LeftOut(`its threshold is of ${shown(of)}`)
    return metricNamed(`${name}_${of}`)(rule, check)
  }

const functions: Readonly<Record<string, string>> = {
  avg: 'avg',
  min: 'min',
  max: 'max',
  sum: 'sum',
  stddev: 'stddev',
  stddev_pop: 'stddev_pop',
  stddev_samp: 'stddev_samp',
  min_length: 'min_length',
  max_length: 'max_length',
  count_distinct: 'distinct',
}
const seconds: Readonly<Record<string, number>> = { minute: 60, hour: 3600, day: 86_400 }

function ages(rule: Rule): readonly (readonly ['fail' | 'warn', number])[] {
  const threshold = rule.given.part('threshold')
  const unit = seconds[threshold?.text('unit') ?? 'hour']
  if (unit === undefined) throw new LeftOut('its unit is no minute, hour or day')
  return Object.entries(contractLevels(threshold, undefined)).map(([level, allowed]: [string, AllowedRange]) => {
    if (allowed.max === undefined || allowed.min !== undefined) throw new LeftOut('its threshold is no greatest age')
    return [level as 'fail' | 'warn', allowed.max * unit] as const
  })
}

function invalid(rule: Rule, check: Check, whole: Whole): Call | readonly Call[] {
  const other = rule.given.part('valid_reference_data')
  if (!other) return counted('invalid')(rule, check, whole)
  const dataset = other.needed('dataset', other.text('dataset')).split('/').at(-1) as string
  const field = other.needed('column', other.text('column'))
  const [allowed] = Object.values(check.levels()) as readonly AllowedRange[]
  if (allowed?.max !== 0) throw new LeftOut('a threshold of values that are not found has no counterpart')
  return rule.refers(check.columns, dataset, [field])
}

const types: Readonly<Record<string, { readonly usual?: AllowedRange; readonly make: ContractCheck }>> = {
  missing: { usual: atMostNone, make: counted('missing') },
  invalid: { usual: atMostNone, make: invalid },
  duplicate: {
    usual: atMostNone,
    make: (rule, check, whole) => {
      const columns = rule.given.texts('columns') ?? check.columns
      return counted('duplicate')(rule, { ...check, columns }, whole)
    },
  },
  row_count: { usual: someRows, make: metricNamed('row_count') },
  aggregate: {
    make: (rule, check) => {
      const name = rule.given.needed('function', rule.given.text('function'))
      const metric = Object.hasOwn(functions, name) ? functions[name] : undefined
      if (metric === undefined) throw new LeftOut(`Millrace has no counterpart of the function ${shown(name)}`)
      return metricNamed(metric)(rule, check)
    },
  },
  failed_rows: {
    usual: atMostNone,
    make: (rule, check) => {
      const expression = rule.given.text('expression')
      if (expression === undefined)
        throw new LeftOut('its query is written for another engine; write it with expect.sql')
      return failedRows(rule, expression, check)
    },
  },
  freshness: {
    make: (rule, { filters }) =>
      freshness(rule, rule.given.needed('column', rule.given.text('column')), ages(rule), { filters }),
  },
  schema: {
    make: (rule, _, whole) => {
      if (whole.optional) throw new LeftOut('some columns are optional; a declared column must be there')
      const more = rule.given.flag('allow_extra_columns') ?? false
      const moved = rule.given.flag('allow_other_column_order') ?? false
      return exactColumns(
        rule,
        whole.names,
        { mode: more ? 'superset' : 'exact', ...(moved ? {} : { ordered: true }) },
        {},
      )
    },
  },
}

const aside = ['name', 'qualifier', 'attributes', 'description', 'store_failed_rows', 'path']

/** One check: a mapping of its type to its settings, or to nothing. */
function check(value: Json, column: string | undefined, whole: Whole): RuleInFile {
  const [entry, ...more] = isRecord(value) ? Object.entries(value) : []
  const [type = typeof value === 'string' ? value : shown(value), settings = null] = entry ?? []
  const found = Object.hasOwn(types, type) ? types[type] : undefined
  const name = isRecord(settings) ? settings['name'] : undefined
  return {
    source: type,
    given: column === undefined ? value : { column, check: value },
    settings: isRecord(settings) ? settings : {},
    columns: column === undefined ? [] : [column],
    notes: typeof name === 'string' ? [name] : [],
    carry(rule) {
      if (more.length > 0 || (settings !== null && !isRecord(settings)))
        throw new LeftOut(`${shown(value)} is no check`)
      rule.given.ignore(...aside)
      if (!found) return unread(rule)
      const filter = rule.given.text('filter')
      return found.make(
        rule,
        {
          columns: column === undefined ? [] : [column],
          levels: () => contractLevels(rule.given.part('threshold'), found.usual),
          filters: [...whole.filters, ...(filter === undefined ? [] : [filter])],
        },
        whole,
      )
    },
  }
}

/** What is no list is one thing that is then no check, and left out as such. */
const listOf = (value: Json | undefined): readonly Json[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value]

function columnRules(
  column: { readonly [key: string]: Json | undefined },
  whole: Whole,
  remark: (text: string) => void,
): readonly RuleInFile[] {
  const given = new RuleSettings(column)
  const name = column['name'] as string
  const told = (key: string, carry: (value: Json) => Carrier): readonly RuleInFile[] => {
    const value = given.take(key)
    return value === undefined
      ? []
      : [{ source: key, given: { column: name, [key]: value }, settings: {}, carry: carry(value) }]
  }
  const checks = given.take('checks')
  const rules = [
    ...told('data_type', value => rule => declareType(rule, name, [value])),
    ...told('character_maximum_length', () => leave('the width of a type is not checked; c.….length bounds texts')),
    ...told('optional', value => (value === true ? leave('a declared column must be there') : () => [])),
    ...listOf(checks).map(one => check(one, name, whole)),
  ]
  given.ignore('name', 'description')
  const rest = given.unread()
  if (rest.length > 0) remark(`Of the column ${name} nothing was made of ${rest.join(', ')}.`)
  return rules
}

function readContract(file: string, value: { readonly [key: string]: Json | undefined }): Found {
  const wanted = 'a contract of Soda'
  const contract = new RuleSettings(value)
  const dataset = contract.take('dataset')
  if (typeof dataset !== 'string')
    throw fail('importOther', { file, wanted, found: `its dataset is ${shown(dataset)}` })
  const columns = contract.take('columns') ?? []
  if (
    !Array.isArray(columns) ||
    columns.some(one => !isRecord(one as Json) || typeof (one as { name?: Json }).name !== 'string')
  )
    throw fail('importOther', { file, wanted, found: 'its columns are no list of columns with names' })
  const list = columns as readonly { readonly [key: string]: Json | undefined }[]
  const filter = contract.take('filter')
  const whole: Whole = {
    names: list.map(one => one['name'] as string),
    optional: list.some(one => one['optional'] === true),
    filters: typeof filter === 'string' ? [filter] : [],
  }
  const remarks: string[] = []
  const checks = contract.take('checks')
  const rules = [
    ...listOf(checks).map(one => check(one, undefined, whole)),
    ...list.flatMap(one => columnRules(one, whole, text => remarks.push(text))),
  ]
  const description = contract.take('description')
  contract.ignore('check_attributes', 'soda_runner', 'soda_agent')
  const rest = contract.unread()
  return {
    name: dataset.split('/').at(-1) as string,
    from: file,
    rules,
    remarks: [
      ...(typeof description === 'string' ? [description] : []),
      ...remarks,
      ...(rest.length > 0 ? [`Of the contract itself nothing was made of ${rest.join(', ')}.`] : []),
    ],
  }
}

/** Reads checks in SodaCL (version 3) or a contract (version 4). Throws `importUnreadable`, `importOther`. */
export function readSoda(file: string, bytes: Uint8Array): readonly Found[] {
  const value = yamlOf(file, bytes)
  if (isChecks(value)) return readChecks(file, value)
  if (isRecord(value) && 'dataset' in value) return [readContract(file, value)]
  throw fail('importOther', {
    file,
    wanted: 'a file of Soda',
    found: `${contents(value)}, and neither "checks for …" nor dataset`,
  })
}
