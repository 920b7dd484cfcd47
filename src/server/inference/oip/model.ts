import { fail } from '../../../errors/index.ts'
import type { PredictRequest, ServedDeployment } from '../../../stages/serve/types.ts'
import { score, servedOf } from '../predict.ts'
import type { DataServices } from '../services.ts'
import { datatypeOf } from './datatypes.ts'
import { inputRows, known, parametersOf, refuse } from './inputs.ts'
import { outputsOf, tensorsOf, wantedOutputs, type AnswerTensor } from './outputs.ts'

// What the protocol says, whichever way it is spoken: over HTTP (routes.ts) or gRPC (`server/grpc`).

/** Extensions of the protocol that are spoken. */
export const extensions = ['binary_tensor_data', 'model_configuration', 'model_repository', 'statistics']
export const platform = 'millrace_onnx'

/** Versions that are loaded, with the arm that serves each: the stable one, and the challenger of a rollout under way. */
function versionsOf(deployment: ServedDeployment): ReadonlyMap<string, 'stable' | 'canary'> {
  const { stable, rollout } = deployment.status()
  const { config, phase } = (rollout ?? {}) as {
    readonly config?: { readonly challenger?: unknown }
    readonly phase?: unknown
  }
  const ended = phase === 'done' || phase === 'rolled-back'
  const challenger = ended ? undefined : /@(\d+)$/.exec(String(config?.challenger ?? ''))?.[1]
  return new Map([
    ...(challenger === undefined ? [] : [[challenger, 'canary'] as const]),
    ...(stable ? [[String(stable.version), 'stable'] as const] : []),
  ])
}

/** The arm of a version that is asked for; undefined where none is, and the rollout decides. Throws `recordUnknown`. */
export function armOf(deployment: ServedDeployment, version: string | undefined): PredictRequest['arm'] {
  if (version === undefined) return undefined
  const arm = versionsOf(deployment).get(version)
  if (!arm)
    throw fail('recordUnknown', {
      kind: 'loaded version',
      name: `${deployment.name}/${version}`,
      where: `GET /v2/models/${deployment.name}`,
    })
  return arm
}

/** A deployment as a model, of which that version is loaded. Throws `recordUnknown`. */
export function modelOf(services: DataServices, name: string, version: string | undefined): ServedDeployment {
  const deployment = servedOf({ services }, name)
  armOf(deployment, version)
  return deployment
}

export interface InferRequest {
  readonly model: string
  readonly version: string | undefined
  /** The request as its JSON is, and the bytes of tensors that say `binary_data_size`. */
  readonly body: Record<string, unknown>
  readonly binary: Uint8Array
  /** Refuses who may not say which arm answers. */
  readonly requireOperator: () => Promise<void>
}

export interface InferAnswer {
  readonly head: { readonly model_name: string; readonly model_version?: string; readonly id?: string }
  readonly tensors: readonly AnswerTensor[]
}

/** Predictions of a request. Throws `inputInvalid`, `requestInvalid` and what scoring throws. */
export async function inferred(services: DataServices, asked: InferRequest): Promise<InferAnswer> {
  const { body } = asked
  const deployment = servedOf({ services }, asked.model)
  const arm = armOf(deployment, asked.version)
  if (arm === 'canary') await asked.requireOperator()
  known(body, ['id', 'parameters', 'inputs', 'outputs'], 'body')
  const id = body.id ?? undefined
  if (id !== undefined && typeof id !== 'string') return refuse('body.id', 'expected a text')
  const wanted = wantedOutputs(body.outputs, parametersOf(body.parameters, 'body.parameters'), outputsOf(deployment))
  const rows = inputRows(body.inputs, deployment.columns, asked.binary)
  const requests = rows.map(row => (arm === undefined ? { row } : { row, arm }))
  const predictions = await score({ services }, deployment, requests)
  const version = predictions[0]?.version
  return {
    head: {
      model_name: deployment.name,
      ...(predictions.every(one => one.version === version) ? { model_version: String(version) } : {}),
      ...(id === undefined ? {} : { id }),
    },
    tensors: tensorsOf(wanted, predictions),
  }
}

export function metadataOf(deployment: ServedDeployment) {
  const tensor = (name: string, datatype: string, width?: number) => ({
    name,
    datatype,
    shape: width === undefined ? [-1] : [-1, width],
  })
  return {
    name: deployment.name,
    versions: [...versionsOf(deployment).keys()],
    platform,
    inputs: deployment.columns.map(column => tensor(column.name, datatypeOf[column.type])),
    outputs: outputsOf(deployment).map(output => tensor(output.name, output.datatype, output.width)),
  }
}

export const isReady = ({ health }: DataServices, deployment: ServedDeployment): boolean =>
  health.open && deployment.health().ready

/** As clients of the model configuration read it; a tensor of a column has no dimensions beside its rows. */
export function configurationOf(deployment: ServedDeployment) {
  const typeOf = (datatype: string): string => (datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`)
  return {
    name: deployment.name,
    platform,
    max_batch_size: 0,
    input: deployment.columns.map(({ name, type, nullable }) => ({
      name,
      data_type: typeOf(datatypeOf[type]),
      dims: [-1],
      optional: nullable,
    })),
    output: outputsOf(deployment).map(({ name, datatype, width }) => ({
      name,
      data_type: typeOf(datatype),
      dims: width === undefined ? [-1] : [-1, width],
    })),
  }
}

/** Of one deployment, or of all. */
export async function statisticsOf({ serving, metrics }: DataServices, only?: ServedDeployment) {
  const duration = ({ count, milliseconds }: { readonly count: number; readonly milliseconds: number }) => ({
    count,
    ns: Math.round(milliseconds * 1e6),
  })
  return {
    model_stats: await Promise.all(
      (only ? [only] : serving.list()).map(async deployment => {
        const { rows, success, fail: failed } = await metrics.allStatistics(deployment.name)
        return {
          name: deployment.name,
          version: String(deployment.status().stable?.version ?? ''),
          inference_count: rows,
          execution_count: success.count,
          inference_stats: { success: duration(success), fail: duration(failed) },
        }
      }),
    ),
  }
}

/** Deployments as models; `ready`: only those that answer. */
export function repositoryIndex({ serving }: DataServices, onlyReady = false) {
  return serving.list().flatMap(deployment => {
    const { ready, reasons } = deployment.health()
    if (onlyReady && !ready) return []
    const state = { state: ready ? 'READY' : 'UNAVAILABLE', reason: reasons.join('; ') }
    const versions = [...versionsOf(deployment).keys()]
    return versions.length === 0
      ? [{ name: deployment.name, ...state }]
      : versions.map(version => ({ name: deployment.name, version, ...state }))
  })
}

/** What is served is decided by deployments and rollouts: what is loaded stays so, and nothing else can be. */
export function requireLoaded(services: DataServices, name: string): void {
  const deployment = servedOf({ services }, name)
  if (!deployment.health().ready) throw fail('nothingDeployed', { deployment: deployment.name })
}

export function refuseUnload(services: DataServices, model: string): never {
  const { name } = servedOf({ services }, model)
  throw fail('inputInvalid', {
    place: 'the path',
    reason: `'${name}' is served because it is deployed: POST /v1/deployments/${name}:undeploy ends it`,
    route: 'POST /v2/repository/models/{model}/unload',
  })
}
