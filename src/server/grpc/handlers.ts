import type { ServerDuplexStream, ServerUnaryCall } from '@grpc/grpc-js'
import {
  configurationOf,
  extensions,
  inferred,
  isReady,
  metadataOf,
  modelOf,
  refuseUnload,
  repositoryIndex,
  requireLoaded,
  statisticsOf,
} from '../inference/oip/model.ts'
import type { DataServices } from '../inference/services.ts'
import type { Permission } from '../route.ts'
import { bodyOf, responseOf, type InferRequest } from './messages.ts'

export type Call = ServerUnaryCall<unknown, unknown> | ServerDuplexStream<unknown, unknown>

/** Holds a caller to a permission, as the guard of HTTP does. */
export type Require = (permission: Permission) => Promise<void>

/** A procedure of the protocol: what its caller must be allowed to do, and its answer. */
export interface Procedure {
  readonly permission: Permission
  answer(services: DataServices, request: never, require: Require): unknown
}

interface OfModel {
  readonly name: string
  readonly version: string
}
interface OfRepository {
  readonly model_name: string
  readonly ready: boolean
}

/** No version is the empty text here. */
const versionIn = (version: string): string | undefined => (version === '' ? undefined : version)
const modelIn = (services: DataServices, { name, version }: OfModel) => modelOf(services, name, versionIn(version))

export const infer: Procedure = {
  permission: 'predict',
  async answer(services, request: InferRequest, require) {
    const answer = await inferred(services, {
      model: request.model_name,
      version: versionIn(request.model_version),
      ...bodyOf(request),
      requireOperator: () => require('operate'),
    })
    return responseOf(answer, request.raw_input_contents.length > 0)
  },
}

/** By their names in the protocol; `ModelStreamInfer` asks for `infer` again and again. */
export const procedures: Readonly<Record<string, Procedure>> = {
  ServerLive: { permission: 'public', answer: () => ({ live: true }) },
  ServerReady: { permission: 'public', answer: ({ health }) => ({ ready: health.ready }) },
  ModelReady: {
    permission: 'public',
    answer(services, { name, version }: OfModel) {
      return { ready: isReady(services, modelOf(services, name, versionIn(version))) }
    },
  },
  ServerMetadata: {
    permission: 'read',
    answer: ({ version }) => ({ name: 'millrace', version, extensions }),
  },
  ModelMetadata: {
    permission: 'read',
    answer: (services, request: OfModel) => metadataOf(modelIn(services, request)),
  },
  ModelInfer: infer,
  ModelConfig: {
    permission: 'read',
    answer: (services, request: OfModel) => ({ config: configurationOf(modelIn(services, request)) }),
  },
  ModelStatistics: {
    permission: 'read',
    answer: (services, request: OfModel) =>
      statisticsOf(services, request.name === '' ? undefined : modelIn(services, request)),
  },
  RepositoryIndex: {
    permission: 'read',
    answer: (services, { ready }: OfRepository) => ({ models: repositoryIndex(services, ready) }),
  },
  RepositoryModelLoad: {
    permission: 'operate',
    answer(services, { model_name: name }: OfRepository) {
      requireLoaded(services, name)
      return {}
    },
  },
  RepositoryModelUnload: {
    permission: 'operate',
    answer: (services, { model_name: name }: OfRepository) => refuseUnload(services, name),
  },
}
