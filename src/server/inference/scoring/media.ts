import { fail } from '../../../errors/index.ts'
import type { Prediction } from '../../../stages/serve/types.ts'

/** What a body calls itself: its media type, and the parameters of it. */
export interface Media {
  readonly type: 'json' | 'csv' | 'lines'
  readonly header?: string
}

const types: Readonly<Record<string, Media['type']>> = {
  'application/json': 'json',
  'text/csv': 'csv',
  'application/jsonlines': 'lines',
  'application/x-ndjson': 'lines',
}

const parts = (text: string): string[] => text.split(';').map(part => part.trim())

/** Throws `mediaTypeUnsupported`: of another type, another character set, or with a parameter that is not known. */
export function mediaOf(contentType: string | undefined): Media {
  const unsupported = (): never => {
    throw fail('mediaTypeUnsupported', { type: contentType ?? 'none' })
  }
  const [name = '', ...parameters] = parts(contentType ?? '')
  const type = types[name.toLowerCase()]
  if (!type) return unsupported()
  let header: string | undefined
  for (const parameter of parameters) {
    const [key = '', value = ''] = parameter.toLowerCase().split('=')
    const given = value.replaceAll('"', '')
    if (key === 'charset' && given === 'utf-8') continue
    if (key !== 'header' || type !== 'csv' || (given !== 'present' && given !== 'absent')) return unsupported()
    header = given
  }
  return header === undefined ? { type } : { type, header }
}

const quoted = (value: unknown): string => {
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const writers: Readonly<Record<Media['type'], (predictions: readonly Prediction[]) => string>> = {
  json: predictions => JSON.stringify({ predictions }),
  lines: predictions => predictions.map(one => `${JSON.stringify(one)}\n`).join(''),
  csv: predictions =>
    predictions.map(({ score, label }) => `${label === undefined ? score : `${score},${quoted(label)}`}\n`).join(''),
}

/**
 * The answer as `Accept` asks for it: JSON unless it says otherwise; JSON lines; CSV with the score, and the label behind it
 * where there is one. Throws `notAcceptable`.
 */
export function answerAs(
  accept: string | undefined,
  predictions: readonly Prediction[],
): { readonly type: string; readonly text: string } {
  const asked = (accept ?? '').split(',').map(one => parts(one)[0]?.toLowerCase() ?? '')
  for (const name of asked) {
    if (name === '' || name === '*/*' || name === 'application/*')
      return { type: 'application/json', text: writers.json(predictions) }
    const type = name === 'text/*' ? 'csv' : types[name]
    if (type) return { type: name === 'text/*' ? 'text/csv' : name, text: writers[type](predictions) }
  }
  throw fail('notAcceptable', { type: accept ?? '' })
}
