import { deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Trained, trainedProject } from '../../../../test/support/trained-project.ts'
import { createToken } from '../../auth/tokens.ts'
import { trainedServer, type TrainedServer } from '../../../../test/support/trained-server.ts'

// The Open Inference Protocol as its clients speak it, before a model that was really trained.

let trained: Trained
let server: TrainedServer
beforeAll(async () => {
  trained = await trainedProject()
  server = await trainedServer(trained, 'late-api', {}, { canary: { steps: ['50%'], minRequests: 100 } })
})
afterAll(async () => {
  await server.close()
  await trained.close()
})

const infer = '/v2/models/late-api/infer'
const kms = [12, 3.5, 40]
const zones = ['north', 'süd', '']

interface Tensor {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
  readonly bytes: Buffer
}

const bytesOf = (values: readonly string[]): Buffer =>
  Buffer.concat(
    values.flatMap(value => {
      const text = Buffer.from(value)
      const length = Buffer.alloc(4)
      length.writeUInt32LE(text.length)
      return [length, text]
    }),
  )
const doubles = (values: readonly number[]): Buffer => Buffer.from(Float64Array.from(values).buffer)
const times = (): Buffer => Buffer.from(BigInt64Array.from(kms, () => BigInt(trained.clock.now())).buffer)
const tensors = (): Tensor[] => [
  { name: 'km', datatype: 'FP64', shape: [3], bytes: doubles(kms) },
  { name: 'zone', datatype: 'BYTES', shape: [3, 1], bytes: bytesOf(zones) },
  { name: 'at', datatype: 'INT64', shape: [3], bytes: times() },
]

/** A request with binary tensors, as clients send it: no content type, the length of the JSON in a header. */
async function send(
  given: readonly Tensor[],
  over: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
  pack: (body: Buffer) => Buffer = body => body,
) {
  const inputs = given.map(({ bytes, ...tensor }) => ({ ...tensor, parameters: { binary_data_size: bytes.length } }))
  const json = Buffer.from(JSON.stringify({ inputs, ...over }))
  const body = pack(Buffer.concat([json, ...given.map(one => one.bytes)]))
  const answer = await fetch(server.url + infer, {
    method: 'POST',
    headers: { 'inference-header-content-length': String(json.length), ...headers },
    body: new Uint8Array(body),
  })
  const bytes = Buffer.from(await answer.arrayBuffer())
  const length = Number(answer.headers.get('inference-header-content-length') ?? bytes.length)
  const head = JSON.parse(bytes.subarray(0, length).toString()) as {
    readonly error?: string
    readonly id?: string
    readonly outputs?: readonly {
      readonly name: string
      readonly data?: readonly unknown[]
      readonly parameters?: { readonly binary_data_size: number }
    }[]
  }
  return { status: answer.status, type: answer.headers.get('content-type'), head, binary: bytes.subarray(length) }
}

const expected = async (): Promise<readonly number[]> =>
  (
    await server.live.predict(kms.map((km, i) => ({ row: { km, zone: zones[i] as string, at: trained.clock.now() } })))
  ).map(one => one.score)

describe('tensors', () => {
  it('are taken and given in binary as in JSON, to the last bit', async () => {
    const scores = await expected()
    const json = await send(tensors())
    expect([json.status, json.type]).toEqual([200, 'application/json'])
    expect(json.head.outputs?.find(one => one.name === 'score')?.data).toEqual(scores)
    const binary = await send(tensors(), { id: 'i', parameters: { binary_data_output: true } })
    expect([binary.status, binary.type, binary.head.id]).toEqual([200, 'application/octet-stream', 'i'])
    const sizes = binary.head.outputs?.map(one => one.parameters?.binary_data_size ?? 0) ?? []
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(binary.binary.length)
    expect(binary.head.outputs?.every(one => one.data === undefined)).toBe(true)
    const [score, label, , arm, version] = (binary.head.outputs ?? []).map((_, i) => {
      const from = sizes.slice(0, i).reduce((a, b) => a + b, 0)
      return binary.binary.subarray(from, from + (sizes[i] as number))
    }) as Buffer[]
    expect(Array.from({ length: 3 }, (_, i) => score?.readDoubleLE(8 * i))).toEqual(scores)
    expect([...(label as Buffer)].every(one => one === 0 || one === 1)).toBe(true)
    expect(arm).toEqual(bytesOf(['stable', 'stable', 'stable']))
    expect(version?.readInt32LE(8)).toBe(trained.versions.good)
  })

  it('are asked for by name, each in its own way', async () => {
    const outputs = [{ name: 'score', parameters: { binary_data: true } }, { name: 'arm' }]
    const mixed = await send(tensors(), { outputs })
    expect(mixed.head.outputs).toMatchObject([
      { name: 'score', parameters: { binary_data_size: 24 } },
      { name: 'arm', data: ['stable', 'stable', 'stable'] },
    ])
    expect(Array.from({ length: 3 }, (_, i) => mixed.binary.readDoubleLE(8 * i))).toEqual(await expected())
    // null is as good as left out
    expect((await send(tensors(), { outputs: null, parameters: null, id: null })).head.outputs).toHaveLength(5)
  })

  it.each([
    ['FP32', (value: number) => Buffer.from(Float32Array.of(value).buffer), 12.5],
    ['FP16', () => Buffer.from([0x40, 0x4a]), 12.5],
    ['INT8', (value: number) => Buffer.from(Int8Array.of(value).buffer), 12],
    ['UINT8', (value: number) => Buffer.from(Uint8Array.of(value).buffer), 200],
    ['INT16', (value: number) => Buffer.from(Int16Array.of(value).buffer), -300],
    ['UINT16', (value: number) => Buffer.from(Uint16Array.of(value).buffer), 60_000],
    ['INT32', (value: number) => Buffer.from(Int32Array.of(value).buffer), -70_000],
    ['UINT32', (value: number) => Buffer.from(Uint32Array.of(value).buffer), 3_000_000_000],
    ['INT64', (value: number) => Buffer.from(BigInt64Array.of(BigInt(value)).buffer), -5_000_000_000],
    ['UINT64', (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer), 5_000_000_000],
  ] as const)('of %s are numbers', async (datatype, encode, km) => {
    const at = Buffer.from(BigInt64Array.of(BigInt(trained.clock.now())).buffer)
    const found = await send([
      { name: 'km', datatype, shape: [1], bytes: encode(km) },
      { name: 'zone', datatype: 'BYTES', shape: [1], bytes: bytesOf(['north']) },
      { name: 'at', datatype: 'INT64', shape: [1], bytes: at },
    ])
    const [wanted] = await server.live.predict([{ row: { km, zone: 'north', at: trained.clock.now() } }])
    expect(found.head.outputs?.[0]?.data, found.head.error).toEqual([wanted?.score])
  })

  it('come compressed, and no more of them than of others', async () => {
    const scores = await expected()
    for (const [encoding, pack] of [
      ['gzip', gzipSync],
      ['deflate', deflateSync],
    ] as const)
      expect((await send(tensors(), {}, { 'content-encoding': encoding }, pack)).head.outputs?.[0]?.data).toEqual(
        scores,
      )
    const bomb = await fetch(server.url + infer, {
      method: 'POST',
      headers: { 'content-encoding': 'gzip' },
      body: new Uint8Array(gzipSync(Buffer.alloc(20 * 1024 * 1024, 32))),
    })
    expect([bomb.status, await bomb.json()]).toMatchObject([413, { error: expect.any(String) as string }])
    expect(await send(tensors(), {}, { 'content-encoding': 'gzip' })).toMatchObject({ status: 400 })
    expect(await send(tensors(), {}, { 'content-encoding': 'br' })).toMatchObject({ status: 415 })
  })

  it('that are not what they say are refused by their place', async () => {
    const [km, zone, at] = tensors() as [Tensor, Tensor, Tensor]
    const refused = async (given: readonly Tensor[], over = {}, headers = {}) => {
      const { status, head } = await send(given, over, headers)
      expect([status, typeof head.error]).toEqual([400, 'string'])
      return head.error
    }
    expect(await refused([{ ...km, bytes: km.bytes.subarray(0, 20) }, zone, at])).toMatch(
      /3 values of FP64 are 24 bytes, got 20/,
    )
    expect(await refused([km, { ...zone, bytes: zone.bytes.subarray(0, 10) }, at])).toMatch(/cut off/)
    expect(
      await refused([km, { ...zone, bytes: Buffer.from([1, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]) }, at]),
    ).toMatch(/no UTF-8/)
    expect(await refused([km, zone, { ...at, bytes: Buffer.concat([at.bytes, Buffer.alloc(1)]) }])).toMatch(/got 25/)
    expect(await refused([{ ...km, datatype: 'BF16' }, zone, at])).toMatch(/takes FP64, got BF16/)
    expect(await refused([{ ...km, shape: [2 ** 53] }, zone, at])).toBeTruthy()
    expect(await refused([{ ...km, shape: [3, 2] }, zone, at])).toMatch(/expected \[n\] or \[n, 1\]/)
    expect(await refused([km, zone], {})).toMatch(/at/)
    expect(await refused([km, km, zone, at])).toMatch(/twice/)
    expect(await refused(tensors(), {}, { 'inference-header-content-length': '999999' })).toMatch(/999999/)
    expect(await refused(tensors(), { outputs: [{ name: 'nothing' }] })).toMatch(/no output/)
    expect(await refused(tensors(), { parameters: { binary_data_output: 1 } })).toMatch(/true or false/)
    expect(await refused([{ ...km, datatype: 'FP64', shape: [3] }, zone, at], { inputs: 3 })).toMatch(/list of tensors/)
    // what no tensor claims is not taken for granted
    const json = Buffer.from(
      JSON.stringify({
        inputs: [
          { name: 'km', shape: [1], datatype: 'FP64', data: [3] },
          { name: 'zone', shape: [1], datatype: 'BYTES', data: ['north'] },
          { name: 'at', shape: [1], datatype: 'INT64', data: [trained.clock.now()] },
        ],
      }),
    )
    const left = await fetch(server.url + infer, {
      method: 'POST',
      headers: { 'inference-header-content-length': String(json.length) },
      body: new Uint8Array(Buffer.concat([json, Buffer.alloc(3)])),
    })
    expect([left.status, await left.json()]).toMatchObject([
      400,
      { error: expect.stringContaining('3 bytes') as string },
    ])
  })

  it('that are NaN have no value, which this column has to have', async () => {
    const [km, zone, at] = tensors() as [Tensor, Tensor, Tensor]
    const { status, head } = await send([{ ...km, bytes: doubles([Number.NaN, 1, 2]) }, zone, at])
    const [column] = server.live.columns.filter(one => one.name === 'km')
    expect([status, column?.nullable]).toEqual(column?.nullable ? [200, true] : [400, false])
    if (!column?.nullable) expect(head.error).toMatch(/is null and may not be/)
  })
})

describe('models', () => {
  const good = (): string => String(trained.versions.good)
  const ask = async (method: string, path: string) => {
    const { status, body } = await server.ask(method, path)
    return { status, body: body as Record<string, unknown> }
  }

  it('are asked by version while it is loaded', async () => {
    expect((await ask('GET', '/v2/models/late-api')).body).toMatchObject({ versions: [good()] })
    expect((await ask('GET', `/v2/models/late-api/versions/${good()}`)).status).toBe(200)
    expect((await ask('GET', `/v2/models/late-api/versions/${good()}/ready`)).body).toMatchObject({ ready: true })
    expect(await ask('GET', '/v2/models/late-api/versions/99/ready')).toMatchObject({
      status: 404,
      body: { error: expect.stringContaining('late-api/99') as string },
    })
    const body = {
      inputs: [
        { name: 'km', shape: [1], datatype: 'FP64', data: [3] },
        { name: 'zone', shape: [1], datatype: 'BYTES', data: ['north'] },
        { name: 'at', shape: [1], datatype: 'INT64', data: [trained.clock.now()] },
      ],
    }
    const answer = await server.ask('POST', `/v2/models/late-api/versions/${good()}/infer`, body)
    expect(answer.body).toMatchObject({ model_version: good() })
    expect((await server.ask('POST', '/v2/models/late-api/versions/99/infer', body)).status).toBe(404)
  })

  it('that are tried answer to who may operate them, and to nobody else by their number', async () => {
    const own = await trainedServer(
      trained,
      'tried-api',
      { auth: true },
      { canary: { steps: ['50%'], minRequests: 100 } },
    )
    try {
      await own.live.rollOut(trained.versions.other, 'ada')
      const tokenOf = async (scopes: readonly ('predict' | 'operate' | 'read')[]): Promise<string> =>
        (await createToken(trained.workspace, { name: `oip-${scopes.join('-')}`, scopes, expiresIn: '1h' })).token
      const [caller, operator] = [await tokenOf(['predict']), await tokenOf(['predict', 'operate', 'read'])]
      const inputs = [
        { name: 'km', shape: [1], datatype: 'FP64', data: [3] },
        { name: 'zone', shape: [1], datatype: 'BYTES', data: ['north'] },
        { name: 'at', shape: [1], datatype: 'INT64', data: [trained.clock.now()] },
      ]
      const asked = (token: string, version: number) =>
        own.ask(
          'POST',
          `/v2/models/tried-api/versions/${version}/infer`,
          { inputs },
          { authorization: `Bearer ${token}` },
        )
      const { good, other } = trained.versions
      expect(await asked(operator, other)).toMatchObject({ status: 200, body: { model_version: String(other) } })
      expect(await asked(caller, good)).toMatchObject({ status: 200, body: { model_version: String(good) } })
      expect((await asked(caller, other)).status).toBe(403)
      const { body } = await own.ask('GET', '/v2/models/tried-api', undefined, { authorization: `Bearer ${operator}` })
      expect(body.versions).toEqual([String(other), String(good)])
      // once it is taken back it is not there any more
      await own.live.command('abort', 'ada')
      expect((await asked(operator, other)).status).toBe(404)
    } finally {
      await own.close()
    }
  })

  it('are listed, described and counted; what is not there is said in the form of the protocol', async () => {
    expect((await ask('GET', '/v2')).body.extensions).toContain('binary_tensor_data')
    expect((await ask('POST', '/v2/repository/index')).body).toMatchObject([
      { name: 'late-api', version: good(), state: 'READY', reason: '' },
    ])
    expect((await ask('GET', '/v2/models/late-api/config')).body).toMatchObject({
      name: 'late-api',
      input: expect.arrayContaining([expect.objectContaining({ name: 'zone', data_type: 'TYPE_STRING' })]) as unknown,
    })
    const counts = async () =>
      (
        (await ask('GET', '/v2/models/stats')).body.model_stats as {
          inference_count: number
          inference_stats: { success: { count: number; ns: number }; fail: { count: number } }
        }[]
      )[0]
    const before = await counts()
    await send(tensors())
    const after = await counts()
    expect(Number(after?.inference_count) - Number(before?.inference_count)).toBe(3)
    expect(Number(after?.inference_stats.success.count) - Number(before?.inference_stats.success.count)).toBe(1)
    expect((await ask('POST', '/v2/repository/models/late-api/load')).status).toBe(200)
    expect((await ask('POST', '/v2/repository/models/late-api/unload')).body.error).toMatch(/:undeploy/)
    for (const path of ['/v2/models/nothing', '/v2/nothing', '/v2/models/late-api/nothing'])
      expect(await ask('GET', path)).toMatchObject({ status: 404, body: { error: expect.any(String) as string } })
  })
})
