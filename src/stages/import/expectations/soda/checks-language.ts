import { fail } from '../../../../errors/index.ts'
import type { Json } from '../../../../internal/canonical-json.ts'
import type { Found } from '../carry.ts'
import { table, type Call } from '../code.ts'
import { isRecord, LeftOut, shown } from '../given.ts'
import { leave, type Carrier, type Rule, type RuleInFile } from '../rule.ts'
import { declareType } from '../type-names.ts'
import { failedRows, freshness, metrics, unread, type Check } from './metrics.ts'
import { atMostNone, levelsOf } from './threshold.ts'

/** What says how a check is called and which samples are kept. */
const aside = ['name', 'attributes', 'identity', 'samples limit', 'samples columns', 'collect failed rows', 'title']

const quoted = (name: string): string => name.trim().replace(/^(["'`])(.*)\1$/s, '$2')

function filters(rule: Rule): readonly string[] {
  const filter = rule.given.text('filter')
  return filter === undefined ? [] : [filter]
}

const units: Readonly<Record<string, number>> = { d: 86_400, h: 3600, m: 60, s: 1 }

/** `1d6h30m` in seconds. */
function seconds(text: string): number {
  if (!/^(?:\d+[dhms])+$/.test(text.trim())) throw new LeftOut(`${shown(text)} is no age`)
  return [...text.matchAll(/(\d+)([dhms])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (units[unit as string] as number),
    0,
  )
}

function fresh(rule: Rule, name: string, inline: string): readonly Call[] {
  const found: ['fail' | 'warn', number][] = []
  const [, age] = /^\s*<=?\s*(\S+)\s*$/.exec(inline) ?? []
  if (age !== undefined) found.push(['fail', seconds(age)])
  for (const level of ['fail', 'warn'] as const) {
    const text = rule.given.text(level)
    const [, most] = /^\s*when\s+>=?\s*(\S+)\s*$/.exec(text ?? '') ?? []
    if (text !== undefined && most === undefined) throw new LeftOut(`its threshold ${shown(text)} is not read`)
    if (most !== undefined) found.push([level, seconds(most)])
  }
  if (found.length === 0) throw new LeftOut(`its threshold ${shown(inline.trim())} is not read`)
  return freshness(rule, name, found, { filters: filters(rule) })
}

function metric(name: string, argument: string | undefined, inline: string): Carrier {
  return rule => {
    const found = Object.hasOwn(metrics, name) ? metrics[name] : undefined
    if (name === 'freshness') return fresh(rule, quoted(argument ?? ''), inline)
    if (!found) return unread(rule)
    const args = (argument ?? '')
      .split(',')
      .map(quoted)
      .filter(one => one !== '')
    const level = name === 'percentile' ? Number(args.pop()) : undefined
    const check: Check = {
      columns: args,
      levels: () => levelsOf(rule.given, inline),
      filters: filters(rule),
      ...(level === undefined ? {} : { level }),
    }
    return found(rule, check)
  }
}

/** `values in (a, b) must exist in other (x, y)`. */
function reference(text: string): Carrier | undefined {
  const parts = /^values\s+in\s+\(([^)]*)\)\s+must\s+(not\s+)?exist\s+in\s+(.+?)\s+\(([^)]*)\)\s*$/i.exec(text)
  if (!parts) return undefined
  const [, own = '', not, other = '', theirs = ''] = parts
  return rule => {
    if (not) throw new LeftOut('that values do not occur in another dataset has no counterpart')
    const [names, fields] = [own, theirs].map(list => list.split(',').map(quoted)) as [string[], string[]]
    if (names.length !== fields.length) throw new LeftOut('it has not as many columns there as here')
    return rule.refers(names, quoted(other), fields)
  }
}

/** Columns that must be there or not, and their types, at two levels. */
function schema(rule: Rule): readonly Call[] {
  const calls: Call[] = []
  let declared = false
  for (const level of ['fail', 'warn'] as const) {
    const part = rule.given.part(level)
    const options = level === 'warn' ? { severity: 'warning' } : {}
    for (const name of part?.texts('when required column missing') ?? [])
      calls.push(table('columnExists', [name], options))
    const types = part?.part('when wrong column type')
    for (const name of types?.names ?? []) {
      declareType(rule, name, [types?.take(name) ?? null])
      declared = true
    }
    if (types && level === 'warn') rule.differs('a wrong type fails, where it was a warning')
  }
  if (calls.length === 0 && !declared) return [unread(rule)].flat()
  return calls
}

function failed(rule: Rule): Call {
  const condition = rule.given.text('fail condition')
  if (condition === undefined)
    throw new LeftOut(
      rule.given.take('fail query') === undefined
        ? 'it has no condition'
        : 'its query is written for another engine; write it with expect.sql',
    )
  const levels = () =>
    rule.given.names.some(name => name === 'warn' || name === 'fail') ? levelsOf(rule.given, '') : { fail: atMostNone }
  return failedRows(rule, condition, { columns: [], levels, filters: filters(rule) })
}

function carrierOf(text: string): Carrier {
  if (text === 'schema') return schema
  if (text === 'failed rows') return failed
  const refers = reference(text)
  if (refers) return refers
  const using = /^freshness\s+using\s+(\S+)\s*(.*)$/.exec(text)
  if (using) return metric('freshness', using[1], using[2] ?? '')
  const [, name, argument, inline = ''] =
    /^([a-z_]+)(?:\s*\(((?:"[^"]*"|[^()"])*)\))?\s*((?:[<>=!]|between|not\s+between).*)?$/s.exec(text.trim()) ?? []
  return name === undefined ? unread : metric(name, argument, inline)
}

/** Settings of a check that looks at some rows only: its own filter, and that of its partition. */
function filtered(
  settings: { readonly [key: string]: Json | undefined },
  where: string | undefined,
): { readonly [key: string]: Json | undefined } {
  if (where === undefined) return settings
  const own = settings['filter']
  return { ...settings, filter: typeof own === 'string' ? `(${own}) and (${where})` : where }
}

function check(value: Json, where?: string): RuleInFile {
  const [[text, settings], ...more] = (
    isRecord(value) ? Object.entries(value) : [[typeof value === 'string' ? value : shown(value), {}]]
  ) as [[string, Json], ...[string, Json][]]
  const name = isRecord(settings) ? settings['name'] : undefined
  return {
    source: text ?? 'an empty check',
    given: value,
    settings: filtered(isRecord(settings) ? settings : settings === null ? {} : { [text]: settings }, where),
    notes: typeof name === 'string' ? [name] : [],
    carry(rule) {
      if (text === undefined || more.length > 0) throw new LeftOut(`${shown(value)} is no check`)
      rule.given.ignore(...aside)
      return carrierOf(text.trim())(rule)
    },
  }
}

/** A part of a file that is no list of checks of one dataset: each check in it is left out by name. */
function other(key: string, value: Json): readonly RuleInFile[] {
  const inner = isRecord(value) ? (Object.entries(value).find(([name]) => name === 'checks')?.[1] ?? null) : null
  const why = key.startsWith('for each')
    ? 'checks for several datasets at once are not unfolded; repeat them for each'
    : 'it is no list of checks of a dataset'
  const one = { source: key, given: { [key]: value }, settings: {}, carry: leave(why) }
  return Array.isArray(inner) ? inner.map(each => ({ ...check(each as Json), carry: leave(`${key}: ${why}`) })) : [one]
}

/** The conditions of partitions, `filter orders [daily]: { where: … }`, by their key. */
function partitionsOf(value: { readonly [key: string]: Json | undefined }): ReadonlyMap<string, string> {
  const found = Object.entries(value).flatMap(([key, part]) => {
    const where = isRecord(part ?? null) ? (part as { readonly [key: string]: Json })['where'] : undefined
    const [, dataset, partition] = /^filter\s+(.+?)\s+\[(.+)\]$/s.exec(key) ?? []
    return dataset !== undefined && typeof where === 'string'
      ? [[`filter ${dataset} [${partition}]`, where] as const]
      : []
  })
  return new Map(found)
}

/** Reads a file of checks in SodaCL (version 3). */
export function readChecks(file: string, value: { readonly [key: string]: Json | undefined }): readonly Found[] {
  const founds = new Map<string, RuleInFile[]>()
  const rest: RuleInFile[] = []
  const partitions = partitionsOf(value)
  for (const [key, list = null] of Object.entries(value)) {
    const [, dataset, partition] = /^checks\s+for\s+(.+?)(?:\s+\[(.+)\])?\s*$/s.exec(key) ?? []
    if (dataset === undefined) {
      if (!partitions.has(key)) rest.push(...other(key, list))
    } else {
      if (list !== null && !Array.isArray(list))
        throw fail('importOther', { file, wanted: 'a file of Soda', found: `${shown(key)} holds ${shown(list)}` })
      const where = partitions.get(`filter ${dataset} [${partition}]`)
      const checks = ((list ?? []) as readonly Json[]).map(one => check(one, where))
      const why = leave(`it looks at the partition ${shown(partition)} only, whose filter is not in the file`)
      founds.set(quoted(dataset), [
        ...(founds.get(quoted(dataset)) ?? []),
        ...(partition === undefined || where !== undefined ? checks : checks.map(one => ({ ...one, carry: why }))),
      ])
    }
  }
  const made = [...founds].map(([name, rules]) => ({ name, from: file, rules, remarks: [] }))
  const [first, ...others] = made
  return first
    ? [{ ...first, rules: [...first.rules, ...rest] }, ...others]
    : [{ name: 'soda', from: file, rules: rest, remarks: [] }]
}

export function isChecks(value: Json): value is { readonly [key: string]: Json | undefined } {
  return isRecord(value) && Object.keys(value).some(key => /^(?:checks for|for each dataset|filter) /.test(key))
}
