import { fileURLToPath } from 'node:url'
import * as grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { afterEach, describe, expect, it } from 'vitest'
import { openSpark } from './engine.ts'

const protocol = fileURLToPath(new URL('../../../../protocols/spark-connect.proto', import.meta.url))

const never = async () => {
  throw new Error('nothing is written here')
}

let server: grpc.Server | undefined
afterEach(() => {
  server?.forceShutdown()
  server = undefined
})

type Answer = (call: { readonly request: unknown; emit(event: 'error', error: unknown): void }) => void

/** A server that speaks the protocol and does with each plan what a test says. */
async function listening(answer: Answer): Promise<string> {
  const { spark } = grpc.loadPackageDefinition(loadSync(protocol, { keepCase: true })) as unknown as {
    spark: { connect: { SparkConnectService: { service: grpc.ServiceDefinition } } }
  }
  const started = new grpc.Server()
  server = started
  const empty = (_: unknown, done: grpc.sendUnaryData<object>) => done(null, {})
  started.addService(spark.connect.SparkConnectService.service, {
    ExecutePlan: answer as never,
    Config: empty,
    Interrupt: empty,
    ReleaseSession: empty,
  })
  const port = await new Promise<number>((done, refuse) =>
    started.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, at) =>
      error ? refuse(error) : done(at),
    ),
  )
  return `sc://127.0.0.1:${port}`
}

const refusing = (code: grpc.status, details: string) =>
  listening(call => call.emit('error', { code, details, message: details }))

describe('a Spark Connect server', () => {
  it('that refuses its user says so by name', async () => {
    const engine = await openSpark({ url: await refusing(grpc.status.UNAUTHENTICATED, 'no such token'), local: never })
    await expect(engine.rows('SELECT 1')).rejects.toMatchObject({ code: 'MR2079', message: /no such token/ })
    await engine.close()
  })

  it('that goes away in the middle of a statement says so by name', async () => {
    const url = await listening(() => server?.forceShutdown())
    const engine = await openSpark({ url, local: never })
    await expect(engine.rows('SELECT 1')).rejects.toMatchObject({ code: 'MR2078' })
    await engine.close()
  })

  it('that takes longer than a statement may is given up', async () => {
    const engine = await openSpark({ url: await listening(() => undefined), maxStatementMicros: 300_000, local: never })
    await expect(engine.rows('SELECT 1')).rejects.toMatchObject({ code: 'MR2003', message: /timeout of/ })
    await engine.close()
  })

  it('that refuses a statement is quoted with the first line of what it says', async () => {
    const url = await refusing(grpc.status.INTERNAL, 'no column x\n\tat org.apache.spark')
    const engine = await openSpark({ url, local: never })
    await expect(engine.rows('SELECT x')).rejects.toMatchObject({ code: 'MR2003', message: /no column x$/ })
    await engine.close()
  })

  it('is asked for nothing that it does not take', async () => {
    const engine = await openSpark({ url: 'sc://127.0.0.1:9', local: never })
    await expect(engine.scan({ kind: 'csv', path: 'a.csv' }, '/')).rejects.toMatchObject({ code: 'MR2077' })
    await expect(engine.scan({ kind: 'parquet', path: 'day=1/a.parquet' }, '/')).rejects.toMatchObject({
      code: 'MR2077',
      message: /folders that name a column/,
    })
    await expect(engine.scan({ kind: 'parquet', path: 'a?.parquet' }, '/')).rejects.toMatchObject({ code: 'MR2077' })
    await engine.close()
    await expect(engine.rows('SELECT 1')).rejects.toMatchObject({ code: 'MR2004' })
  })
})
