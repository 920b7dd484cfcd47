import { relative } from 'node:path'
import { z } from '@hono/zod-openapi'
import { maxExplained } from '../../app/explain-version.ts'
import { keepExpected } from '../../app/import-model.ts'
import { triggers } from '../../app/train.ts'
import { compileDefinition } from '../../define/project.ts'
import { fail, isMillraceError } from '../../errors/index.ts'
import { type Digest, isDigest } from '../../internal/digest.ts'
import { pathInside } from '../../internal/inside.ts'
import { parseTime } from '../../internal/time.ts'
import type { ArtifactStore } from '../../ports/artifact-store.ts'
import type { MetadataStore, ModelVersion as ModelVersionRecord } from '../../ports/metadata-store.ts'
import { drawFigures, type Picture } from '../../stages/evaluate/figures/draw.ts'
import { readPart } from '../../stages/register/version-parts.ts'
import { sameArtifacts } from '../../stages/version/same-artifact.ts'
import { explanationShape } from '../inference/explain.ts'
import { reportsOfRun } from '../../app/reports-of-run.ts'
import { jobAnswer, startJob } from '../job-answer.ts'
import { liveRoute, parseInput, route, type LiveRoute, type RecordRoute } from '../route.ts'
import { Edge, ModelVersion, nameSchema, Report } from '../schemas.ts'
import type { RecordServices } from '../services.ts'
import { withUpload } from '../upload.ts'

async function modelView(name: string, definition: unknown, store: MetadataStore): Promise<unknown> {
  const versions = [...sameArtifacts(await store.listModelVersions(name))].map(([one, sameAs]) => ({ ...one, sameAs }))
  return { name, definition, versions, aliases: await store.aliases(name) }
}

/** What the version was drawn by when it was tested; nothing where it carries none, or none that can be read. */
async function drawn(
  artifacts: ArtifactStore,
  record: ModelVersionRecord,
): Promise<{ pictures: readonly Picture[]; champion: string | null }> {
  try {
    const figures = await readPart({ artifacts: artifacts as never }, record, 'figures')
    return { pictures: drawFigures(figures), champion: figures.champion }
  } catch (error) {
    if (!isMillraceError(error)) throw error
    return { pictures: [], champion: null }
  }
}

/** Throws `recordUnknown`. */
function requireDeclared({ workspace }: RecordServices, name: string): void {
  if (!workspace.project.models.has(name))
    throw fail('recordUnknown', { kind: 'declared model', name, where: 'GET /v1/models' })
}

const feeds = z.record(nameSchema, z.union([nameSchema, z.array(nameSchema).min(1)]))

const ImportQuery = z.strictObject({
  file: nameSchema.optional(),
  output: nameSchema.optional(),
  expected: z.string().refine(isDigest, 'is no digest such as sha256:…').optional(),
  expectedFile: nameSchema.optional(),
  inputs: z
    .string()
    // what stands in an address must fit into 16 kB of headers
    .max(12_000)
    .transform((text, context) => {
      try {
        return feeds.parse(JSON.parse(text))
      } catch {
        context.addIssue({ code: 'custom', message: 'is no JSON such as {"x":["bill","mass"]}' })
        return z.NEVER
      }
    })
    .optional(),
})

const ExpectedQuery = z.strictObject({ file: nameSchema.optional() })

const TrainAnswer = z
  .object({
    model: z.string(),
    run: z.string(),
    status: z.string(),
    steps: z.array(z.object({ step: z.string(), status: z.string(), reason: z.string().nullable() })),
    version: z.number().nullable(),
    metrics: z.record(z.string(), z.number()).nullable(),
    chosen: z.object({ parameters: z.record(z.string(), z.unknown()), trials: z.number() }).nullable(),
    error: z.unknown().nullable(),
    uncommitted: z.unknown().nullable(),
  })
  .openapi('Training')

const VersionExplained = z
  .object({
    name: z.string(),
    importance: z.array(z.object({ input: z.string(), share: z.number() })),
    importanceIs: z.string(),
    lossWithout: z.array(z.object({ input: z.string(), rise: z.number() })).nullable(),
    ...explanationShape,
  })
  .openapi('ExplainedVersion')

/** Throws `recordUnknown`. */
async function versionFound(
  store: MetadataStore,
  { name = '', version = '' }: Readonly<Record<string, string>>,
): Promise<ModelVersionRecord> {
  const found = /^\d{1,9}$/.test(version) ? await store.getModelVersion(name, Number(version)) : undefined
  if (!found)
    throw fail('recordUnknown', { kind: 'model version', name: `${name}@${version}`, where: 'GET /v1/models' })
  return found
}

const ModelView = z
  .object({
    name: z.string(),
    definition: z.unknown(),
    /** `sameAs`: the first version that is the same file, if it is another one. */
    versions: z.array(ModelVersion.extend({ sameAs: z.number().nullable() })),
    aliases: z.record(z.string(), z.number()),
  })
  .openapi('Model')

export const modelRoutes = [
  route({
    method: 'GET',
    path: '/v1/models',
    permission: 'read',
    tag: 'models',
    summary: 'Models with their versions, newest first, and aliases; models no longer declared included',
    answer: z.object({ models: z.array(ModelView) }),
    async handler(_, { workspace: { project, store } }) {
      const stored = (await store.listModelVersions()).map(one => one.model)
      const names = new Set([...project.models.keys(), ...stored])
      const views = [...names].map(name => {
        const declared = project.models.get(name)
        return modelView(name, declared ? compileDefinition(declared) : null, store)
      })
      return { models: await Promise.all(views) }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/models/{name}/versions/{version}',
    permission: 'read',
    tag: 'models',
    summary: 'One version with its test, scaler and export reports and what it was made from',
    answer: z.object({
      version: ModelVersion,
      aliases: z.array(z.string()),
      reports: z.array(Report),
      /** Curves, distributions and slices of the tested model, drawn: `svg` is markup, the rest plain text. */
      pictures: z.array(z.object({ title: z.string(), note: z.string(), svg: z.string() })),
      champion: z.string().nullable(),
      madeFrom: z.array(Edge),
      usedBy: z.array(Edge),
    }),
    async handler({ params }, { workspace: { store, artifacts } }) {
      const found = await versionFound(store, params)
      const proofs = new Set(['model', 'scaler', 'export'])
      const made = (await reportsOfRun(store, found.runId)).filter(report => proofs.has(report.kind))
      // what loading it for serving found belongs to no run
      const served = await store.listReports({ kind: 'scaler', subject: `${found.model}@${found.version}`, limit: 1 })
      const reports = [...made, ...served.filter(one => made.every(({ id }) => id !== one.id))]
      const aliases = Object.entries(await store.aliases(found.model))
      const node = `model:${found.model}@${found.version}`
      return {
        version: found,
        aliases: aliases.filter(([, at]) => at === found.version).map(([alias]) => alias),
        reports,
        ...(await drawn(artifacts, found)),
        madeFrom: await store.edgesTo([node, found.digest]),
        usedBy: await store.edgesFrom([node]),
      }
    },
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/models/{name}/versions/{version}:test',
    permission: 'operate',
    tag: 'models',
    summary:
      'Runs tests of a version and gives their report: the declared ones, or those of the body, such as `{ "tests": [{ "metric": ["auc", { "min": 0.7 }] }] }`',
    body: z.strictObject({
      tests: z.array(z.record(z.string(), z.unknown())).min(1).max(200).optional(),
      seed: z.number().int().min(0).max(4_294_967_295).optional(),
    }),
    answer: Report,
    async handler({ params, body, actor }, { workspace: { store }, jobs }) {
      const found = await versionFound(store, params)
      const input = { version: `${found.model}@${found.version}`, ...body }
      return (await jobs.start('test', input, { actor })).answer
    },
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/models/{name}/versions/{version}:explain',
    permission: 'operate',
    tag: 'models',
    summary:
      'What matters to a version, and why it scores rows as it does: those of the body, by the names of its inputs, or held-out ones',
    body: z.strictObject({
      rows: z.array(z.record(z.string(), z.unknown())).min(1).max(maxExplained).optional(),
      heldOut: z.int().min(1).max(maxExplained).optional(),
    }),
    answer: VersionExplained,
    async handler({ params, body, actor }, { workspace: { store }, jobs }) {
      const found = await versionFound(store, params)
      const input = { version: `${found.model}@${found.version}`, ...body }
      return (await jobs.start('explain', input, { actor })).answer
    },
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/models/{name}/versions/{version}:reproduce',
    permission: 'operate',
    tag: 'models',
    summary: 'Rebuilds a version from its commit and its snapshots, as a job; its answer compares the digests',
    body: z.strictObject({}),
    ...jobAnswer,
    async handler({ params, request, actor }, services) {
      const found = await versionFound(services.workspace.store, params)
      return startJob(services, { request, actor }, 'reproduce', { version: `${found.model}@${found.version}` })
    },
  }),
  liveRoute({
    method: 'POST',
    path: '/v1/models/{name}/versions/{version}:score',
    permission: 'operate',
    tag: 'models',
    summary:
      'Scores Parquet and CSV files below the project folder into a Parquet file, or a folder of such, as a job; the same body again goes on where an earlier job was cut off',
    body: z.strictObject({
      files: z.array(nameSchema).min(1).max(10_000),
      out: nameSchema,
      keep: z.array(nameSchema).max(1000).optional(),
      at: z.string().optional(),
    }),
    ...jobAnswer,
    async handler({ params, body, request, actor }, services) {
      const { workspace } = services
      const found = await versionFound(workspace.store, params)
      const at = body.at === undefined ? undefined : parseTime(body.at)
      const refuse = (place: string, reason: string): Error =>
        fail('inputInvalid', { place, reason, route: 'POST /v1/models/{name}/versions/{version}:score' })
      if (body.at !== undefined && at === undefined)
        throw refuse('body.at', 'expected a time such as 2001-04-01T12:00:00Z')
      const below = async (name: string, place: string): Promise<string> => {
        const path = await pathInside(workspace.root, name)
        if (path !== undefined && (await pathInside(workspace.folder, relative(workspace.folder, path))) === undefined)
          return path
        throw refuse(place, 'expected a path below the project folder, and not in .millrace')
      }
      return startJob(services, { request, actor }, 'score', {
        version: `${found.model}@${found.version}`,
        files: await Promise.all(body.files.map((name, i) => below(name, `body.files[${i}]`))),
        out: await below(body.out, 'body.out'),
        shown: body.out,
        keep: body.keep,
        at,
      })
    },
  }),
  {
    method: 'POST',
    path: '/v1/models/{name}:expected',
    permission: 'operate',
    tag: 'models',
    summary:
      'Takes rows with the answers that a file is to give, the body (JSON lines, CSV or Parquet, as `?file=` ends), and gives what `:import` names them by',
    query: ExpectedQuery,
    takesFile: true,
    answer: z.object({ expected: z.string(), expectedFile: z.string() }),
    async respond({ request, url, params: { name = '' }, services }) {
      requireDeclared(services, name)
      const query = Object.fromEntries(url.searchParams)
      const { file } = parseInput(ExpectedQuery, query, 'query', 'POST :expected')
      return withUpload(request, services.workspace.folder, async path => {
        const kept = await keepExpected(services.workspace, path, file ?? `${name}.expected.jsonl`)
        return Response.json({ expected: kept.digest, expectedFile: kept.name })
      })
    },
  } satisfies RecordRoute,
  {
    method: 'POST',
    path: '/v1/models/{name}:import',
    permission: 'operate',
    tag: 'models',
    summary:
      'Takes an ONNX file, the body, as the next version of a model if it holds. `?file=` says how it is called, `?output=` which output has the scores, `?inputs=` (JSON) which inputs of the model those of the graph are, `?expected=` (with `?expectedFile=`) the rows that `:expected` took',
    query: ImportQuery,
    takesFile: true,
    answer: TrainAnswer,
    live: true,
    async respond({ request, url, params: { name = '' }, services, actor }) {
      requireDeclared(services, name)
      const { file, output, inputs, expected, expectedFile } = parseInput(
        ImportQuery,
        Object.fromEntries(url.searchParams),
        'query',
        'POST :import',
      )
      return withUpload(
        request,
        services.workspace.folder,
        async path => {
          const rows =
            expected === undefined
              ? undefined
              : { digest: expected as Digest, name: expectedFile ?? `${name}.expected.jsonl` }
          const input = { file: path, name: file ?? `${name}.onnx`, model: name, output, inputs, expected: rows }
          return Response.json(await (await services.jobs.start('import', input, { actor })).answer)
        },
        'onnx',
      )
    },
  } satisfies LiveRoute,
  liveRoute({
    method: 'POST',
    path: '/v1/models/{name}:train',
    permission: 'operate',
    tag: 'models',
    summary:
      'Runs the pipeline of a model up to its registration, as a job; its answer names the version, or why there is none',
    body: z.strictObject({
      trigger: z.enum(triggers).optional(),
      because: z.string().max(80).optional(),
    }),
    ...jobAnswer,
    async handler({ params: { name = '' }, body, request, actor }, services) {
      requireDeclared(services, name)
      return startJob(services, { request, actor }, 'train', { model: name, ...body })
    },
  }),
]
