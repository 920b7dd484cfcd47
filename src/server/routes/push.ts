import { z } from '@hono/zod-openapi'
import type { Dataset } from '../../define/dataset.ts'
import { maxVectorLength } from '../../define/vector.ts'
import { fail } from '../../errors/index.ts'
import { parseTime } from '../../internal/time.ts'
import type { RequestColumn } from '../../stages/serve/types.ts'
import { liveRoute } from '../route.ts'
import { nameSchema } from '../schemas.ts'
import type { ServerServices } from '../services.ts'

/** Throws `recordUnknown`. */
export function datasetOf({ workspace }: Pick<ServerServices, 'workspace'>, name = ''): Dataset {
  const found = workspace.project.datasets.get(name)
  if (!found) throw fail('recordUnknown', { kind: 'dataset', name, where: 'GET /v1/datasets' })
  return found
}

/** Columns as a row of a push has them: what is known later may be null at first. */
export function pushedColumns({ columns, knownAt }: Dataset): RequestColumn[] {
  return Object.entries(columns).map(([name, spec]) => ({
    name,
    type: spec.type,
    nullable: spec.nullable || knownAt[name] !== undefined,
    ...(spec.zone === undefined ? {} : { zone: spec.zone }),
    ...(spec.length === undefined ? {} : { length: spec.length }),
  }))
}

const cell = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.number()).max(maxVectorLength)])
const rowsOf = (most: number) => z.array(z.record(nameSchema, cell)).max(most)
const maxRows = 100_000

const PushBody = z
  .strictObject({
    rows: rowsOf(maxRows).optional(),
    deletes: rowsOf(maxRows).optional(),
    knownAt: z.string().optional(),
  })
  .refine(({ rows = [], deletes = [] }) => rows.length + deletes.length > 0, 'has neither rows nor deletes')

const Verdicts = z.array(
  z.object({ row: z.number(), broken: z.array(z.object({ check: z.string(), says: z.string() })) }),
)

const PushAnswer = z
  .object({
    accepted: z.number(),
    repeated: z.number(),
    rejected: Verdicts,
    warned: Verdicts,
    unknown: z.number(),
    logged: z.boolean(),
  })
  .openapi('Pushed')

const routeName = 'POST /v1/datasets/{name}:push'

/** Longest id of a request. */
const maxIdLetters = 200

export const pushRoute = liveRoute({
  method: 'POST',
  path: '/v1/datasets/{name}:push',
  permission: 'write',
  tag: 'data',
  summary:
    'Takes rows, later versions of rows, and deletions by key into the log of a dataset: judged row by row, served at once, and in the next training set. Answered when they are durable; with an `Idempotency-Key` a request that is sent again counts once',
  body: PushBody,
  answer: PushAnswer,
  async handler({ params, body, request }, { serving, workspace }) {
    const dataset = datasetOf({ workspace }, params.name)
    const { rows = [], deletes = [] } = body
    const wrong = (place: string, reason: string): Error =>
      fail('inputInvalid', { place: `body${place}`, reason, route: routeName })
    const known = body.knownAt === undefined ? undefined : parseTime(body.knownAt)
    if (body.knownAt !== undefined && known === undefined)
      throw wrong('.knownAt', `"${body.knownAt}" is not a time such as 2026-03-31T00:00:00Z`)
    const id = request.headers.get('idempotency-key') ?? undefined
    if (id !== undefined && (id === '' || id.length > maxIdLetters))
      throw fail('inputInvalid', {
        place: 'header Idempotency-Key',
        reason: `has ${id.length} letters; it may have 1 to ${maxIdLetters}`,
        route: routeName,
      })
    const { typedRows } = await import('../inference/rows.ts')
    const columns = pushedColumns(dataset)
    const keys = columns.flatMap(one => (dataset.key.includes(one.name) ? [{ ...one, nullable: false }] : []))
    if (deletes.length > 0 && keys.length === 0) throw fail('datasetWithoutKey', { dataset: dataset.name })
    return serving.push(dataset, {
      rows: typedRows(rows, columns),
      gone: typedRows(deletes, keys),
      ...(known === undefined ? {} : { known }),
      ...(id === undefined ? {} : { id }),
    })
  },
})
