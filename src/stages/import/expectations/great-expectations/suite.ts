import { fail } from '../../../../errors/index.ts'
import type { Json } from '../../../../internal/canonical-json.ts'
import type { Found } from '../carry.ts'
import { contents, RuleSettings, isRecord, LeftOut, shown } from '../given.ts'
import { jsonOf } from '../read-text.ts'
import type { Carrier, RuleInFile } from '../rule.ts'
import { figures } from './figures.ts'
import { kwargs } from './options.ts'
import { rows } from './rows.ts'
import { tables } from './tables.ts'

const carriers = new Map<string, Carrier>(Object.entries({ ...tables, ...rows, ...figures }))

/** The names of expectations that have an entry; the rest is left out by name. */
export const knownExpectations: readonly string[] = [...carriers.keys()]

/** Versions from 1.0 may name the class: `ExpectColumnToExist`. */
function plainName(name: string): string {
  return /^[A-Z]/.test(name) ? name.replace(/(?!^)([A-Z])/g, '_$1').toLowerCase() : name
}

/** What says how a result is told, and who keeps the suite: nothing of it changes a verdict. */
const aside = ['id', 'ge_cloud_id', 'rendered_content', 'success_on_last_run', 'expectation_context', 'description']
const asideOfKwargs = ['result_format', 'catch_exceptions', 'include_config', 'batch_id', 'description']

function texts(value: Json | undefined): readonly string[] {
  if (typeof value === 'string') return value.trim() ? [value] : []
  if (Array.isArray(value)) return value.flatMap(one => texts(one as Json))
  return isRecord(value) && 'content' in value ? texts(value['content']) : []
}

/** Remarks of people are carried as comments. */
function notesOf(config: RuleSettings): readonly string[] {
  const meta = config.take('meta')
  const kwargsOf = config.part('kwargs', '') ?? new RuleSettings({})
  const { notes, ...other } = isRecord(meta) ? meta : { notes: meta }
  const rest = Object.keys(other).length === 0 ? [] : [`meta: ${shown(other, 200)}`]
  return [
    ...texts(config.take('notes')),
    ...texts(config.take('description')),
    ...texts(kwargsOf.take('description')),
    ...texts(notes),
    ...rest,
  ]
}

function columnsOf(kwargs: RuleSettings | undefined): readonly string[] {
  const named = ['column', 'column_A', 'column_B', 'column_list'].map(name => kwargs?.take(name))
  return named.flat().filter(one => typeof one === 'string')
}

function stated(config: Json): RuleInFile {
  const given = new RuleSettings(config)
  const type = [given.take('type'), given.take('expectation_type')].find(one => typeof one === 'string')
  const source = typeof type === 'string' ? type : 'an expectation without a type'
  const carrier = carriers.get(plainName(source))
  return {
    source,
    given: config,
    settings: config,
    notes: notesOf(given),
    columns: columnsOf(given.part('kwargs', '')),
    carry(rule) {
      if (!isRecord(config)) throw new LeftOut(`${shown(config)} is no expectation`)
      rule.given.ignore('type', 'expectation_type', 'meta', 'notes', ...aside)
      kwargs(rule).ignore(...asideOfKwargs)
      if (carrier) return carrier(rule)
      throw new LeftOut(`Millrace has no counterpart of it; its settings: ${rule.given.unread().join(', ') || 'none'}`)
    },
  }
}

/** Reads a suite of Great Expectations, 0.x or 1.x. Throws `importUnreadable`, `importOther`. */
export function readSuite(file: string, bytes: Uint8Array): Found {
  const value = jsonOf(file, bytes)
  const wanted = 'a suite of Great Expectations'
  if (!isRecord(value)) throw fail('importOther', { file, wanted, found: contents(value) })
  const suite = new RuleSettings(value)
  const list = suite.take('expectations')
  const name = [suite.take('name'), suite.take('expectation_suite_name')].find(one => typeof one === 'string')
  if (!Array.isArray(list))
    throw fail('importOther', {
      file,
      wanted,
      found: `${contents(value)}, and no list of expectations`,
    })
  suite.ignore('id', 'ge_cloud_id', 'data_asset_type', 'rendered_content')
  const notes = notesOf(suite).filter(one => !/^meta: \{"great_expectations_version":"[^"]*"\}$/.test(one))
  const unread = suite.unread()
  return {
    name: typeof name === 'string' ? name : '',
    from: file,
    rules: list.map(one => stated(one as Json)),
    remarks: [
      ...notes,
      ...(unread.length > 0 ? [`Of the suite itself nothing was made of ${unread.join(', ')}.`] : []),
    ],
  }
}
