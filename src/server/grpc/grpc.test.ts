import { createRequire } from 'node:module'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { trainedProject, type Trained } from '../../../test/support/trained-project.ts'
import { trainedServer, type TrainedServer } from '../../../test/support/trained-server.ts'
import { createToken } from '../auth/tokens.ts'

// The inference protocol over gRPC with the library's own client, from the published definition: every procedure, datatype
// and status. The answers over HTTP, of the same deployment, are the oracle.

const require = createRequire(import.meta.url)
const grpc = require('@grpc/grpc-js') as typeof import('@grpc/grpc-js')
const { loadSync } = require('@grpc/proto-loader') as typeof import('@grpc/proto-loader')
const { inference } = grpc.loadPackageDefinition(
  loadSync('protocols/open-inference.proto', { keepCase: true, longs: String, enums: String, defaults: true }),
) as never as { inference: { GRPCInferenceService: import('@grpc/grpc-js').ServiceClientConstructor } }

let trained: Trained
let server: TrainedServer
let client: InstanceType<import('@grpc/grpc-js').ServiceClientConstructor>
const clientOf = (of: TrainedServer) =>
  new inference.GRPCInferenceService(of.grpc as string, grpc.credentials.createInsecure())

interface Tensor {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly string[]
  readonly contents: Readonly<Record<string, readonly unknown[]>>
}
interface Answer {
  readonly outputs: readonly Tensor[]
  readonly raw_output_contents: readonly Buffer[]
  readonly [key: string]: unknown
}
interface Failure {
  readonly code: number
  readonly details: string
  readonly metadata: import('@grpc/grpc-js').Metadata
}

const call = (name: string, request: object = {}, token?: string, of = client): Promise<Answer> => {
  const metadata = new grpc.Metadata()
  if (token) metadata.set('authorization', `Bearer ${token}`)
  return new Promise((done, fail) =>
    (of[name] as (...all: unknown[]) => void).call(of, request, metadata, (error: Error | null, answer: Answer) =>
      error ? fail(error) : done(answer),
    ),
  )
}
const refusal = (name: string, request: object = {}, token?: string, of = client): Promise<Failure> =>
  call(name, request, token, of).then(
    () => {
      throw new Error(`${name} was answered`)
    },
    (error: Failure) => error,
  )

const km = [12, 3.5, 40]
const zone = ['north', 'south', 'nörd'].map(text => Buffer.from(text))
const at = Date.UTC(2026, 1, 11) * 1000
const typed = (over: Readonly<Record<string, object>> = {}) =>
  Object.entries({
    km: { datatype: 'FP64', contents: { fp64_contents: km } },
    zone: { datatype: 'BYTES', contents: { bytes_contents: zone } },
    at: { datatype: 'INT64', contents: { int64_contents: km.map(() => String(at)) } },
    ...over,
  }).map(([name, one]) => ({ name, shape: [3], ...one }))
const scoresOf = ({ outputs, raw_output_contents: raw }: Answer): readonly unknown[] => {
  const i = outputs.findIndex(one => one.name === 'score')
  const bytes = raw[i]
  return bytes
    ? Array.from({ length: bytes.length / 8 }, (_, n) => bytes.readDoubleLE(8 * n))
    : (outputs[i]?.contents.fp64_contents ?? [])
}
async function overHttp(): Promise<readonly unknown[]> {
  const rows = km.map((one, i) => ({ km: one, zone: (zone[i] as Buffer).toString(), at }))
  const { body } = await server.ask('POST', '/v1/deployments/late-api/predict', { rows })
  return (body.predictions as { score: number }[]).map(one => one.score)
}

beforeAll(async () => {
  trained = await trainedProject()
  server = await trainedServer(trained, 'late-api', { grpcPort: 0 })
  client = clientOf(server)
}, 60_000)
afterAll(async () => {
  client?.close()
  await server?.close()
  await trained?.close()
})

test('says of itself and of its models what HTTP says', async () => {
  expect(await call('ServerLive')).toEqual({ live: true })
  expect(await call('ServerReady')).toEqual({ ready: true })
  expect(await call('ModelReady', { name: 'late-api' })).toEqual({ ready: true })
  expect(await call('ServerMetadata')).toEqual((await server.ask('GET', '/v2')).body)
  const texts = (_: string, value: unknown): unknown => (typeof value === 'number' ? String(value) : value)
  const withTexts = (value: unknown): unknown => JSON.parse(JSON.stringify(value, texts))
  const metadata = (await server.ask('GET', '/v2/models/late-api')).body
  expect(await call('ModelMetadata', { name: 'late-api', version: '1' })).toEqual(withTexts(metadata))
  const { config } = await call('ModelConfig', { name: 'late-api' })
  expect(withTexts(config)).toEqual(withTexts((await server.ask('GET', '/v2/models/late-api/config')).body))
  expect((await call('RepositoryIndex', { ready: true })).models).toEqual(
    (await fetch(`${server.url}/v2/repository/index`, { method: 'POST' }).then(answer => answer.json())) as unknown,
  )
  expect(await call('RepositoryModelLoad', { model_name: 'late-api' })).toEqual({})
})

test('answers typed and raw contents as HTTP does, to the last bit, each in its own form', async () => {
  const own = await overHttp()
  const answer = await call('ModelInfer', { model_name: 'late-api', id: 'mine', inputs: typed() })
  expect(scoresOf(answer)).toEqual(own)
  expect(answer).toMatchObject({ model_name: 'late-api', model_version: '1', id: 'mine', raw_output_contents: [] })
  expect(answer.outputs.map(one => one.name)).toEqual(['score', 'label', 'prediction_id', 'arm', 'version'])
  expect(answer.outputs.find(one => one.name === 'arm')?.contents.bytes_contents?.map(String)).toEqual(
    km.map(() => 'stable'),
  )
  const raw = [
    Buffer.alloc(24),
    Buffer.concat(zone.map(text => Buffer.concat([Buffer.from([text.length, 0, 0, 0]), text]))),
    Buffer.alloc(24),
  ]
  km.forEach((one, i) => raw[0]?.writeDoubleLE(one, 8 * i))
  km.forEach((_, i) => raw[2]?.writeBigInt64LE(BigInt(at), 8 * i))
  const inputs = typed().map(({ name, shape, datatype }) => ({ name, shape, datatype }))
  const wanted = { outputs: [{ name: 'score' }] }
  const answered = await call('ModelInfer', { model_name: 'late-api', inputs, raw_input_contents: raw, ...wanted })
  expect(scoresOf(answered)).toEqual(own)
  expect(answered.raw_output_contents).toHaveLength(1)
  const statistics = (await call('ModelStatistics', { name: 'late-api' })).model_stats as { inference_count: string }[]
  expect(Number(statistics[0]?.inference_count)).toBe(9)
})

test.each([
  ['FP32', 'fp32_contents', km],
  ['INT32', 'int_contents', [12, 3, 40]],
  ['INT16', 'int_contents', [12, 3, 40]],
  ['INT8', 'int_contents', [12, 3, 40]],
  ['INT64', 'int64_contents', [12, 3, 40]],
  ['UINT8', 'uint_contents', [12, 3, 40]],
  ['UINT16', 'uint_contents', [12, 3, 40]],
  ['UINT32', 'uint_contents', [12, 3, 40]],
  ['UINT64', 'uint64_contents', [12, 3, 40]],
] as const)('a column of numbers comes as %s too', async (datatype, name, values) => {
  const inputs = typed({ km: { datatype, contents: { [name]: values } } })
  const expected = typed({ km: { datatype: 'FP64', contents: { fp64_contents: values } } })
  const found = scoresOf(await call('ModelInfer', { model_name: 'late-api', inputs }))
  expect(found).toEqual(scoresOf(await call('ModelInfer', { model_name: 'late-api', inputs: expected })))
  expect(found).toHaveLength(3)
})

test('streams give one answer a request in their order, and go on after a refusal', async () => {
  const own = await overHttp()
  const stream = (
    client.ModelStreamInfer as () => import('@grpc/grpc-js').ClientDuplexStream<
      object,
      { error_message: string; infer_response: Answer }
    >
  ).call(client)
  const answers: { error_message: string; infer_response: Answer }[] = []
  stream.on('data', one => answers.push(one))
  for (const id of ['a', 'b', 'c'])
    stream.write({ model_name: id === 'b' ? 'nothing' : 'late-api', id, inputs: typed() })
  stream.end()
  await new Promise(done => stream.on('end', done))
  expect(answers.map(one => one.infer_response.id)).toEqual(['a', 'b', 'c'])
  expect(answers.map(one => one.error_message !== '')).toEqual([false, true, false])
  expect(answers[1]?.error_message).toContain("There is no deployment 'nothing'")
  expect(scoresOf(answers[2]?.infer_response as Answer)).toEqual(own)
})

test.each([
  ['no such model', 'ModelInfer', { model_name: 'nothing', inputs: [] }, 'NOT_FOUND', 'MR5020', /no deployment/],
  ['no such version', 'ModelMetadata', { name: 'late-api', version: '99' }, 'NOT_FOUND', 'MR5020', /99/],
  ['no inputs', 'ModelInfer', { model_name: 'late-api' }, 'INVALID_ARGUMENT', 'MR5015', /inputs/],
  [
    'a column that is missing',
    'ModelInfer',
    { model_name: 'late-api', inputs: typed().slice(1) },
    'INVALID_ARGUMENT',
    'MR4105',
    /km/,
  ],
  [
    'another datatype',
    'ModelInfer',
    { model_name: 'late-api', inputs: typed({ zone: { datatype: 'FP64', contents: { fp64_contents: km } } }) },
    'INVALID_ARGUMENT',
    'MR5015',
    /BYTES/,
  ],
  [
    'contents of another type',
    'ModelInfer',
    { model_name: 'late-api', inputs: typed({ km: { datatype: 'FP64', contents: { fp32_contents: km } } }) },
    'INVALID_ARGUMENT',
    'MR5015',
    /fp64_contents/,
  ],
  [
    'FP16 that is not raw',
    'ModelInfer',
    { model_name: 'late-api', inputs: typed({ km: { datatype: 'FP16' } }) },
    'INVALID_ARGUMENT',
    'MR5015',
    /raw_input_contents/,
  ],
  [
    'a text that is none',
    'ModelInfer',
    {
      model_name: 'late-api',
      inputs: typed({
        zone: { datatype: 'BYTES', contents: { bytes_contents: [Buffer.from([255]), ...zone.slice(1)] } },
      }),
    },
    'INVALID_ARGUMENT',
    'MR5015',
    /UTF-8/,
  ],
  [
    'raw and typed contents',
    'ModelInfer',
    { model_name: 'late-api', inputs: typed(), raw_input_contents: km.map(() => Buffer.alloc(24)) },
    'INVALID_ARGUMENT',
    'MR5015',
    /beside raw/,
  ],
  [
    'too few raw contents',
    'ModelInfer',
    { model_name: 'late-api', inputs: typed(), raw_input_contents: [Buffer.alloc(24)] },
    'INVALID_ARGUMENT',
    'MR5015',
    /1 tensors, inputs 3/,
  ],
  [
    'shared memory',
    'ModelInfer',
    {
      model_name: 'late-api',
      inputs: typed({ km: { datatype: 'FP64', parameters: { shared_memory_region: { string_param: 'x' } } } }),
    },
    'INVALID_ARGUMENT',
    'MR5015',
    /parameters/,
  ],
  [
    'a number that is none',
    'ModelInfer',
    {
      model_name: 'late-api',
      inputs: typed({ km: { datatype: 'FP64', contents: { fp64_contents: [1, Number.NaN, 2] } } }),
    },
    'INVALID_ARGUMENT',
    'MR4105',
    /km/,
  ],
  ['unloading', 'RepositoryModelUnload', { model_name: 'late-api' }, 'INVALID_ARGUMENT', 'MR5015', /undeploy/],
] as const)(
  'refuses %s with a status of gRPC and the code of the catalogue',
  async (_, name, request, status, code, words) => {
    const { code: given, details, metadata } = await refusal(name, request)
    expect(grpc.status[given]).toBe(status)
    expect(metadata.get('millrace-code')).toEqual([code])
    expect(details).toMatch(words)
  },
)

test('refuses what is too large, and what it does not speak', async () => {
  const large = typed({ zone: { datatype: 'BYTES', contents: { bytes_contents: [Buffer.alloc(17 * 1024 * 1024)] } } })
  expect(await refusal('ModelInfer', { model_name: 'late-api', inputs: large })).toMatchObject({
    code: grpc.status.RESOURCE_EXHAUSTED,
  })
  const other = new grpc.Client(server.grpc as string, grpc.credentials.createInsecure())
  const same = (value: Buffer): Buffer => value
  const unknown = await new Promise<Failure>(done =>
    other.makeUnaryRequest('/inference.GRPCInferenceService/TraceSetting', same, same, Buffer.alloc(0), error =>
      done(error as never),
    ),
  )
  other.close()
  expect(unknown.code).toBe(grpc.status.UNIMPLEMENTED)
})

test('asks for tokens as HTTP does: in the metadata, by their scopes', async () => {
  const guarded = await trainedServer(trained, 'guarded-api', { grpcPort: 0, auth: true })
  const own = clientOf(guarded)
  try {
    const { store, clock } = trained.workspace
    const token = async (name: string, scopes: readonly ('read' | 'predict')[]): Promise<string> =>
      (await createToken({ store, clock }, { name, scopes } as never)).token
    const infer = { model_name: 'guarded-api', inputs: typed() }
    expect(await call('ServerReady', {}, undefined, own)).toEqual({ ready: true })
    expect((await refusal('ModelInfer', infer, undefined, own)).code).toBe(grpc.status.UNAUTHENTICATED)
    expect((await refusal('ModelInfer', infer, 'wrong', own)).code).toBe(grpc.status.UNAUTHENTICATED)
    expect((await refusal('ModelInfer', infer, await token('reader', ['read']), own)).code).toBe(
      grpc.status.PERMISSION_DENIED,
    )
    expect(scoresOf(await call('ModelInfer', infer, await token('caller', ['predict']), own))).toHaveLength(3)
    const stream = (own.ModelStreamInfer as () => import('@grpc/grpc-js').ClientDuplexStream<object, object>).call(own)
    stream.resume()
    const refused = await new Promise<Failure>(done => stream.on('error', error => done(error as never)))
    expect(refused.code).toBe(grpc.status.UNAUTHENTICATED)
  } finally {
    own.close()
    await guarded.close()
  }
})

test('ends what runs before it closes, and takes nothing more', async () => {
  const closing = await trainedServer(trained, 'closing-api', { grpcPort: 0 })
  const own = clientOf(closing)
  try {
    const digest = (await trained.workspace.store.getModelVersion('late', trained.versions.good))?.digest as string
    closing.faults.set(digest, answer => new Promise(done => setTimeout(done, 300)).then(answer))
    const running = call('ModelInfer', { model_name: 'closing-api', inputs: typed() }, undefined, own)
    await new Promise(done => setTimeout(done, 100))
    const closed = closing.close()
    expect(scoresOf(await running)).toHaveLength(3)
    await closed
    expect((await refusal('ServerLive', {}, undefined, own)).code).toBe(grpc.status.UNAVAILABLE)
  } finally {
    own.close()
  }
})
