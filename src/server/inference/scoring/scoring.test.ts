import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { trainedProject, type Trained } from '../../../../test/support/trained-project.ts'
import { trainedServer, type TrainedServer } from '../../../../test/support/trained-server.ts'
import { cellsOf } from './csv.ts'

// The scoring protocols of MLflow, SageMaker and Vertex AI in every form of body and answer; what the plain route answers for
// the same rows is the oracle.

let trained: Trained
let server: TrainedServer
const micros = Date.UTC(2026, 1, 11, 10) * 1000
const rows = [
  { km: 12, zone: 'north', at: micros },
  { km: 3.5, zone: 'a "b", c', at: micros + 3_600_000_000 },
  { km: 40, zone: 'süd\nwest', at: micros + 123_000 },
]
let wanted: readonly { readonly score: number; readonly label: boolean }[]
const times = rows.map(({ at }) => new Date(at / 1000).toISOString())
const named = rows.map((row, i) => ({ ...row, at: times[i] }))
const inMs = rows.map(({ at, ...row }) => ({ ...row, at: at / 1000 }))
let order: readonly string[]

beforeAll(async () => {
  trained = await trainedProject()
  process.env.AIP_HEALTH_ROUTE = '/vertex/health'
  process.env.AIP_PREDICT_ROUTE = '/vertex/models/1:predict'
  process.env.AIP_DEPLOYED_MODEL_ID = '4711'
  server = await trainedServer(trained, 'late-api')
  order = ((await server.ask('GET', '/v2/models/late-api')).body.inputs as { name: string }[]).map(one => one.name)
  const { body } = await server.ask('POST', '/v1/deployments/late-api/predict', { rows })
  wanted = body.predictions as typeof wanted
}, 60_000)
afterAll(async () => {
  for (const name of ['AIP_HEALTH_ROUTE', 'AIP_PREDICT_ROUTE', 'AIP_DEPLOYED_MODEL_ID']) delete process.env[name]
  await server?.close()
  await trained?.close()
})

const byOrder = (row: object): unknown[] => order.map(name => (row as Record<string, unknown>)[name])
const quoted = (value: unknown): string =>
  /[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value)
const csv = (list: readonly object[], header = true): string =>
  [...(header ? [order] : []), ...list.map(byOrder)].map(cells => cells.map(quoted).join(',')).join('\n')
const post = (body: unknown, headers: Record<string, string> = {}, query = '') =>
  server.ask('POST', `/invocations${query}`, body, headers)
const scores = (body: Readonly<Record<string, unknown>>): unknown =>
  (body.predictions as { score: number }[] | undefined)?.map(one => one.score) ?? body
const own = (): readonly number[] => wanted.map(one => one.score)

describe('rows come', () => {
  it.each([
    ['as CSV with names', () => csv(named), { 'content-type': 'text/csv' }],
    [
      'as CSV with names, in UTF-8 by its mark, with the ends of lines of Windows',
      () =>
        `\uFEFF${csv(named)
          .replaceAll('T1', ' 1')
          .replace(/\n(?=\d|"?[A-Za-z0-9.]+,)/g, '\r\n')}\r\n`,
      { 'content-type': 'text/csv; charset=UTF-8' },
    ],
    ['as CSV in the order of the columns', () => csv(named, false), { 'content-type': 'text/csv' }],
    ['as CSV that says it has no names', () => csv(named, false), { 'content-type': 'text/csv; header=absent' }],
    ['as CSV that says it has names', () => csv(named), { 'content-type': 'text/csv; header=present' }],
    [
      'as JSON lines by name',
      () => named.map(row => JSON.stringify(row)).join('\n'),
      { 'content-type': 'application/jsonlines' },
    ],
    [
      'as JSON lines in the order of the columns',
      () => `${named.map(row => JSON.stringify(byOrder(row))).join('\n')}\n`,
      { 'content-type': 'application/x-ndjson' },
    ],
    [
      'as JSON lines with features',
      () => named.map(row => JSON.stringify({ features: byOrder(row) })).join('\n'),
      { 'content-type': 'application/jsonlines' },
    ],
    ['as a list of lists', () => named.map(byOrder), {}],
    ['as instances by name', () => ({ instances: named }), {}],
    ['as instances in the order of the columns', () => ({ instances: named.map(byOrder) }), {}],
    ['as instances with features', () => ({ instances: named.map(row => ({ features: byOrder(row) })) }), {}],
    [
      'as a split of a data frame',
      () => ({ dataframe_split: { index: [0, 1, 2], columns: order, data: named.map(byOrder) } }),
      {},
    ],
  ] as const)('%s', async (_, body, headers) => {
    const answer = await post(body(), headers)
    expect(answer.status, answer.text).toBe(200)
    expect(scores(answer.body)).toEqual(own())
  })
})

describe('times', () => {
  it('are text with a zone, or without one by the clocks of their column, as a data frame writes them', async () => {
    const naive = named.map((row, i) => ({ ...row, at: (times[i] as string).replace('Z', '') }))
    expect(scores((await post({ dataframe_records: naive })).body)).toEqual(own())
    const spaced = named.map((row, i) => ({
      ...row,
      at: (times[i] as string).replace('T', ' ').replace('.123Z', '.123000+00:00'),
    }))
    expect(scores((await post({ dataframe_records: spaced })).body)).toEqual(own())
  })

  it('that are numbers are of the unit that the request says, in any of three places, and never guessed', async () => {
    for (const list of [inMs, rows]) {
      const refused = await post({ dataframe_records: list })
      expect([refused.status, refused.body.code]).toEqual([400, 'MR4105'])
      expect(refused.text).toMatch(/may be of any unit/)
    }
    expect((await post(csv(inMs), { 'content-type': 'text/csv' })).status).toBe(400)
    expect(scores((await post({ dataframe_records: inMs, params: { times: 'ms' } })).body)).toEqual(own())
    expect(scores((await post({ dataframe_records: inMs }, {}, '?times=ms')).body)).toEqual(own())
    const attributes = { 'x-amzn-sagemaker-custom-attributes': 'times=ms' }
    expect(scores((await post(csv(inMs), { 'content-type': 'text/csv', ...attributes })).body)).toEqual(own())
    expect(scores((await post({ dataframe_records: rows, params: { times: 'us' } })).body)).toEqual(own())
    const seconds = inMs.map(({ at, ...row }) => ({ ...row, at: at / 1000 }))
    expect(scores((await post({ instances: seconds, parameters: { times: 's' } })).body)).toEqual(own())
    // the same number in another unit is another time, as on the plain route
    const early = await server.ask('POST', '/v1/deployments/late-api/predict', { rows: inMs })
    expect(scores((await post({ dataframe_records: inMs, params: { times: 'us' } })).body)).toEqual(scores(early.body))
  })
})

test('columns that the model does not read are refused, or left out where the request says so', async () => {
  const more = named.map(row => ({ ...row, colour: 'red' }))
  const refused = await post({ dataframe_records: more })
  expect([refused.status, refused.body.details]).toMatchObject([400, { column: 'colour', row: 0 }])
  expect(scores((await post({ dataframe_records: more, params: { extra: 'ignore' } })).body)).toEqual(own())
  const text = csv(named)
    .split(/\n(?=1|3.5|40|km|zone|at|north|20|"a|"s)/)
    .map((line, i) => `${line},${i === 0 ? 'colour' : 'red'}`)
    .join('\n')
  expect((await post(text, { 'content-type': 'text/csv' })).status).toBe(400)
  const answer = await post(text, { 'content-type': 'text/csv' }, '?extra=ignore')
  expect(answer.status, answer.text).toBe(200)
  expect(scores(answer.body)).toEqual(own())
})

test('answers come as they are asked for', async () => {
  const ask = (accept: string) => post({ instances: named }, { accept })
  for (const accept of ['application/json', '*/*', 'application/*', 'image/png, */*;q=0.1'])
    expect(scores((await ask(accept)).body), accept).toEqual(own())
  const text = await ask('text/csv')
  expect([text.headers.get('content-type'), text.text]).toEqual([
    'text/csv',
    wanted.map(({ score, label }) => `${score},${label}\n`).join(''),
  ])
  const lines = await ask('application/jsonlines')
  expect(lines.headers.get('content-type')).toBe('application/jsonlines')
  expect(
    lines.text
      .trim()
      .split('\n')
      .map(line => (JSON.parse(line) as { score: number }).score),
  ).toEqual(own())
  expect(await ask('image/png')).toMatchObject({ status: 406, body: { code: 'MR5046' } })
})

test.each([
  ['another type', 'a', { 'content-type': 'text/plain' }, 415, 'MR5016', /text\/plain/],
  ['another character set', 'a', { 'content-type': 'text/csv; charset=latin1' }, 415, 'MR5016', /latin1/],
  ['a parameter that is not known', 'a', { 'content-type': 'text/csv; delimiter=x' }, 415, 'MR5016', /delimiter/],
  [
    'a quote that is open',
    'km,zone,at\n1,"a',
    { 'content-type': 'text/csv' },
    400,
    'MR5025',
    /line 2 is no CSV: a quote is not closed/,
  ],
  [
    'too few cells',
    '1,2',
    { 'content-type': 'text/csv' },
    400,
    'MR5025',
    /row 0 has 2 values; in the order of the columns/,
  ],
  [
    'a cell of another type',
    () => csv(named.map(row => ({ ...row, km: 'far' }))),
    { 'content-type': 'text/csv' },
    400,
    'MR4105',
    /row 0, column 'km'/i,
  ],
  [
    'an empty cell',
    () => csv(named.map(row => ({ ...row, km: '' }))),
    { 'content-type': 'text/csv' },
    400,
    'MR4105',
    /km/,
  ],
  ['a column twice', 'km,zone,at,km\n', { 'content-type': 'text/csv' }, 400, 'MR5025', /twice/],
  ['names and no rows', 'km,zone,at\n', { 'content-type': 'text/csv' }, 400, 'MR5025', /no rows/],
  [
    'a line that is no JSON',
    '{"km":1}\nx',
    { 'content-type': 'application/jsonlines' },
    400,
    'MR5013',
    /not valid JSON/,
  ],
  ['a line that is no row', '3', { 'content-type': 'application/jsonlines' }, 400, 'MR5025', /line 1 is neither/],
  ['parameters that are not known', { instances: [], params: { temperature: 1 } }, {}, 400, 'MR5015', /temperature/],
  ['a unit that is none', { instances: [], params: { times: 'ns' } }, {}, 400, 'MR5015', /s, ms, us/],
  ['parameters that are no object', { instances: [], parameters: 3 }, {}, 400, 'MR5015', /object/],
  ['parameters twice', { instances: [], params: {}, parameters: {} }, {}, 400, 'MR5025', /one of them/],
  [
    'attributes that are not known',
    { instances: [] },
    { 'x-amzn-sagemaker-custom-attributes': 'trace=1' },
    400,
    'MR5015',
    /trace/,
  ],
] as const)('refuses %s', async (_, body, headers, status, code, words) => {
  const answer = await post(typeof body === 'function' ? body() : body, headers)
  expect([answer.status, answer.body.code], answer.text).toEqual([status, code])
  expect(answer.text).toMatch(words)
})

test('serves under the paths that Vertex AI gives', async () => {
  expect((await server.ask('GET', '/vertex/health')).status).toBe(200)
  const path = '/vertex/models/1:predict'
  const { status, body } = await server.ask('POST', path, { instances: inMs, parameters: { times: 'ms' } })
  expect(status).toBe(200)
  expect(scores(body)).toEqual(own())
  expect(body).toMatchObject({ deployedModelId: '4711', model: 'late', modelVersionId: '1' })
  expect(await server.ask('POST', path, { dataframe_records: named })).toMatchObject({
    status: 400,
    body: { code: 'MR5025' },
  })
  expect((await server.ask('POST', path, csv(named), { 'content-type': 'text/csv' })).status).toBe(415)
})

test.each([
  [
    'a,b\n1,2',
    [
      ['a', 'b'],
      ['1', '2'],
    ],
  ],
  [
    'a,"b ""c"" , d"\r\n,\n',
    [
      ['a', 'b "c" , d'],
      [null, null],
    ],
  ],
  ['"",x', [['', 'x']]],
  ['\n\na\n\n', [['a']]],
  ['"a\nb",c', [['a\nb', 'c']]],
  ['a,', [['a', null]]],
  ['', []],
  ['a"b', { line: 1, reason: 'a quote stands within a cell without quotes' }],
  ['a\n"b"c', { line: 2, reason: 'something stands behind a closing quote' }],
])('reads %j as RFC 4180 has it', (text, found) => {
  expect(cellsOf(text)).toEqual(found)
})
