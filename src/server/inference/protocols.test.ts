import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Trained, trainedProject } from '../../../test/support/trained-project.ts'
import { trainedServer, type TrainedServer } from '../../../test/support/trained-server.ts'

// What the protocols of others take and refuse, in front of a model that was really trained.

let trained: Trained
let server: TrainedServer
beforeAll(async () => {
  trained = await trainedProject()
  server = await trainedServer(trained, 'late-api')
})
afterAll(async () => {
  await server.close()
  await trained.close()
})

const row = (km = 12, zone = 'north') => ({ at: trained.clock.now(), zone, km })

describe('the open inference protocol', () => {
  const url = '/v2/models/late-api/infer'
  const tensor = (name: string, datatype: string, data: unknown, shape: unknown = [1]) => ({
    name,
    datatype,
    data,
    shape,
  })
  const inputs = () => [
    tensor('km', 'FP32', [3]),
    tensor('zone', 'BYTES', ['north']),
    tensor('at', 'BYTES', ['2026-01-20T00:00:00Z']),
  ]
  const replaced = (name: string, by: object) => inputs().map(one => (one.name === name ? { ...one, ...by } : one))

  it('says what there is', async () => {
    expect((await server.ask('GET', '/v2/models/late-api')).body).toEqual({
      name: 'late-api',
      versions: [String(trained.versions.good)],
      platform: 'millrace_onnx',
      inputs: [
        { name: 'km', datatype: 'FP64', shape: [-1] },
        { name: 'at', datatype: 'INT64', shape: [-1] },
        { name: 'zone', datatype: 'BYTES', shape: [-1] },
      ],
      outputs: [
        { name: 'score', datatype: 'FP64', shape: [-1] },
        { name: 'label', datatype: 'BOOL', shape: [-1] },
        { name: 'prediction_id', datatype: 'BYTES', shape: [-1] },
        { name: 'arm', datatype: 'BYTES', shape: [-1] },
        { name: 'version', datatype: 'INT32', shape: [-1] },
      ],
    })
    expect((await server.ask('GET', '/v2/')).body).toMatchObject({
      name: 'millrace',
      extensions: ['binary_tensor_data', 'model_configuration', 'model_repository', 'statistics'],
    })
    expect((await server.ask('GET', '/v2/models/none')).body).toMatchObject({
      code: 'MR5020',
      error: expect.any(String),
    })
  })

  it('takes nested and flat tensors, and gives the outputs that were asked for', async () => {
    const two = [
      tensor('km', 'INT8', [[3], [4]], [2, 1]),
      tensor('zone', 'BYTES', ['north', 'south'], [2, 1]),
      tensor('at', 'INT64', [0, 1], [2]),
    ]
    const { status, body } = await server.ask('POST', url, {
      inputs: two,
      outputs: [{ name: 'version' }],
      parameters: {},
    })
    expect([status, body]).toEqual([
      200,
      {
        model_name: 'late-api',
        model_version: String(trained.versions.good),
        outputs: [
          { name: 'version', shape: [2], datatype: 'INT32', data: [trained.versions.good, trained.versions.good] },
        ],
      },
    ])
    expect((await server.ask('POST', url, { inputs: inputs() })).status).toBe(200)
  })

  it.each([
    ['inputs that are no list', () => ({ inputs: {} }), 'body.inputs'],
    ['no inputs', () => ({ inputs: [] }), 'body.inputs'],
    ['what is not known', () => ({ inputs: inputs(), x: 1 }), 'body.x'],
    ['a number as id', () => ({ inputs: inputs(), id: 1 }), 'body.id'],
    ['a tensor that is none', () => ({ inputs: [null] }), 'body.inputs[0]'],
    ['a column twice', () => ({ inputs: [...inputs(), tensor('km', 'FP32', [3])] }), 'body.inputs[3]'],
    ['a member that is not known', () => ({ inputs: replaced('km', { strides: 1 }) }), 'body.inputs[0].strides'],
    ['text for a number', () => ({ inputs: replaced('km', { datatype: 'BYTES' }) }), 'body.inputs[0].datatype'],
    ['a number for text', () => ({ inputs: replaced('zone', { datatype: 'FP32' }) }), 'body.inputs[1].datatype'],
    ['a truth for a number', () => ({ inputs: replaced('km', { datatype: 'BOOL' }) }), 'body.inputs[0].datatype'],
    ['a shape of two columns', () => ({ inputs: replaced('km', { shape: [1, 2] }) }), 'body.inputs[0].shape'],
    ['a shape of three', () => ({ inputs: replaced('km', { shape: [1, 1, 1] }) }), 'body.inputs[0].shape'],
    ['a negative shape', () => ({ inputs: replaced('km', { shape: [-1] }) }), 'body.inputs[0].shape'],
    ['no shape', () => ({ inputs: replaced('km', { shape: [] }) }), 'body.inputs[0].shape'],
    ['data that is no list', () => ({ inputs: replaced('km', { data: 3 }) }), 'body.inputs[0].data'],
    ['more data than its shape', () => ({ inputs: replaced('km', { data: [3, 4] }) }), 'body.inputs[0].data'],
    ['columns of unequal length', () => ({ inputs: replaced('km', { data: [3, 4], shape: [2] }) }), 'body.inputs'],
    ['no rows', () => ({ inputs: inputs().map(one => ({ ...one, data: [], shape: [0] })) }), 'body.inputs'],
    ['outputs that are no list', () => ({ inputs: inputs(), outputs: {} }), 'body.outputs'],
    [
      'an output that there is not',
      () => ({ inputs: inputs(), outputs: [{ name: 'score' }, { name: 'x' }] }),
      'body.outputs[1]',
    ],
    ['an output without a name', () => ({ inputs: inputs(), outputs: [null] }), 'body.outputs[0]'],
  ])('refuses %s', async (_, body, place) => {
    const { status, body: said, headers } = await server.ask('POST', url, body())
    expect([status, (said.details as { place: string }).place]).toEqual([400, place])
    expect(headers.get('content-type')).toBe('application/json')
    expect(said.error).toBe(said.title)
  })

  it('refuses columns that there are not, and values that are none, by name', async () => {
    const one = async (given: unknown[]) => (await server.ask('POST', url, { inputs: given })).body.details
    expect(await one([...inputs(), tensor('colour', 'BYTES', ['red'])])).toMatchObject({ column: 'colour', row: '*' })
    expect(await one(inputs().slice(1))).toMatchObject({ column: 'km', row: 0, reason: 'is missing' })
    expect(await one(replaced('km', { data: [null] }))).toMatchObject({ column: 'km', row: 0 })
  })
})

describe("MLflow's scoring protocol", () => {
  it.each([
    ['both forms', { dataframe_records: [], dataframe_split: {} }, 'send exactly one of'],
    ['none', {}, 'send exactly one of'],
    ['another form', { rows: [] }, "'rows' is not known"],
    ['instances that are no rows', { instances: [1, 2] }, 'instances[0] is neither an object by name nor a list'],
    ['instances of too few values', { instances: [[1, 2]] }, 'instances[0] has 2 values; in the order of the columns'],
    ['instances by column', { instances: {} }, 'must be a list of rows'],
    ['inputs without names', { inputs: [[1], [2]] }, 'by their names'],
    ['inputs of two lengths', { inputs: { km: [1, 2], zone: ['north'] } }, 'has 1 values, another column 2'],
    ['records that are no list', { dataframe_records: {} }, 'must be a list of rows'],
    ['a split without data', { dataframe_split: { columns: [] } }, 'needs columns and data'],
    [
      'a split with more',
      { dataframe_split: { columns: [], data: [], dtypes: [] } },
      'dataframe_split.dtypes is not known',
    ],
    ['a column twice', { dataframe_split: { columns: ['a', 'a'], data: [] } }, 'names a column twice'],
    [
      'a short row',
      { dataframe_split: { columns: ['a', 'b'], data: [[1, 2], [1]] } },
      'dataframe_split.data[1] must have 2 values',
    ],
    ['a row that is none', { dataframe_split: { columns: ['a'], data: [1] } }, 'data[0] must have 1 values'],
    ['no rows', { dataframe_records: [] }, 'there are no rows'],
  ])('refuses %s', async (_, body, reason) => {
    const answer = await server.ask('POST', '/invocations', body)
    expect([answer.status, answer.body.code]).toEqual([400, 'MR5025'])
    expect((answer.body.details as { reason: string }).reason).toContain(reason)
  })

  it('takes rows and columns in every form of it', async () => {
    // a time that is a number has no unit here
    const one = { ...row(), at: new Date(Number(row().at) / 1000).toISOString() }
    const columns = Object.fromEntries(Object.entries(one).map(([name, value]) => [name, [value, value]]))
    const nested = Object.fromEntries(Object.entries(one).map(([name, value]) => [name, [[value], [value]]]))
    const scores = async (body: unknown) => {
      const answer = await server.ask('POST', '/invocations', body)
      return (answer.body.predictions as { score: number }[] | undefined)?.map(found => found.score) ?? answer.text
    }
    const [score] = (await scores({ dataframe_records: [one] })) as number[]
    expect(await scores({ instances: [one, one], params: {} })).toEqual([score, score])
    expect(await scores({ inputs: [one] })).toEqual([score])
    expect(await scores({ inputs: columns })).toEqual([score, score])
    expect(await scores({ inputs: nested })).toEqual([score, score])
    expect(await scores({ inputs: one })).toEqual([score])
    expect((await server.ask('GET', '/version')).text).toMatch(/^\d+\.\d+\.\d+/)
  })

  it('names the deployment where there are several', async () => {
    expect((await server.ask('POST', '/invocations?deployment=none', { dataframe_records: [row()] })).status).toBe(404)
    const body = { dataframe_records: [row()], params: { times: 'us' } }
    expect((await server.ask('POST', '/invocations?deployment=late-api', body)).status).toBe(200)
    expect(await server.ask('GET', '/ping')).toMatchObject({ status: 200, text: '\n' })
  })
})

describe('explanations on request', () => {
  const url = '/v1/deployments/late-api/explain'
  interface Answers {
    readonly version: number
    readonly method: string
    readonly explanations: readonly {
      readonly score: number
      readonly label: boolean
      readonly answers: readonly {
        readonly unit: string
        readonly expected: number
        readonly answer: number
        readonly contributions: readonly { input: string; value: number; contribution: number }[]
      }[]
    }[]
  }

  it('say what each input adds to the score that the same row is predicted, features included', async () => {
    const rows = [row(38), row(2), row(20, 'south')]
    const before = server.live.status().requests.stable
    const { status, body } = await server.ask('POST', url, { rows })
    const { version, method, explanations } = body as unknown as Answers
    expect([status, version, method]).toEqual([200, trained.versions.good, 'tree-paths'])
    expect(server.live.status().requests.stable).toBe(before)
    const predicted = await server.ask('POST', '/v1/deployments/late-api/predict', { rows })
    const scores = (predicted.body.predictions as { score: number; label: boolean }[]).map(one => [
      one.score,
      one.label,
    ])
    expect(explanations.map(one => [one.score, one.label])).toEqual(scores)
    for (const { score, answers } of explanations) {
      const [{ unit, expected, answer, contributions } = answers[0] as never] = answers
      expect(unit).toBe('log odds')
      expect(contributions.reduce((sum, one) => sum + one.contribution, expected)).toBeCloseTo(answer, 9)
      expect(1 / (1 + Math.exp(-answer))).toBeCloseTo(score, 5)
      expect(contributions.map(one => one.input).sort()).toEqual(['hour', 'km', 'km_6h', 'rides_6h'])
    }
    // Long rides are late: that is what the table was made by
    const km = (at: number) => explanations[at]?.answers[0]?.contributions.find(one => one.input === 'km')
    expect(km(0)?.value).toBe(38)
    expect(km(0)?.contribution).toBeGreaterThan(0.5)
    expect(km(1)?.contribution).toBeLessThan(-0.5)
  })

  it.each<[string, () => unknown, RegExp]>([
    ['more rows than are explained at once', () => ({ rows: Array.from({ length: 101 }, () => row()) }), /at most 100/],
    ['no rows', () => ({ rows: [] }), /at least one row/],
    ['ids, which only predictions have', () => ({ rows: [row()], ids: ['a'] }), /body.ids/],
    ['a column that is missing', () => ({ rows: [{ km: 1 }] }), /zone|at/],
  ])('refuse %s', async (_, body, words) => {
    const answer = await server.ask('POST', url, body())
    expect([answer.status, answer.text]).toEqual([400, expect.stringMatching(words)])
  })
  it('of a name that is not served there are none', async () => {
    expect((await server.ask('POST', '/v1/deployments/none/explain', { rows: [row()] })).status).toBe(404)
  })
  it('refuse what would wait too long, and answer the rest', async () => {
    const rows = Array.from({ length: 100 }, () => row())
    // How many are through before the last is read differs from machine to machine
    const all = await Promise.all(Array.from({ length: 16 }, () => server.ask('POST', url, { rows })))
    const answered = all.filter(one => one.status === 200).length
    expect(all.filter(one => one.status === 429).length).toBe(16 - answered)
    expect(answered).toBeGreaterThanOrEqual(4)
    expect(answered).toBeLessThan(16)
    expect((await server.ask('POST', url, { rows: [row()] })).status).toBe(200)
  })
})
