import type { Model } from '../../define/model.ts'
import type { StepContext } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { ArtifactRef } from '../../ports/metadata-store.ts'
import type { StageServices } from '../services.ts'
import { personalInputs } from '../evaluate/personal.ts'
import { datasetsOf } from './step-parts.ts'

export type Save = StepContext['save']

/** How a step saves what a key protects: sealed under it, by the same digest as in clear; in clear where there is no key. */
export function saveUnder(
  { artifacts }: Pick<StageServices, 'artifacts'>,
  context: StepContext,
  key: string | undefined,
): Save {
  if (key === undefined) return (type, content, meta) => context.save(type, content, meta)
  return async (type, content, meta): Promise<ArtifactRef> => {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    const stored = await artifacts.seal(bytes, key)
    return { type, ...stored, meta: { ...(meta as Record<string, Json> | undefined), encrypted: key } }
  }
}

/** A key as part of a step's parameters: what was made in clear is not taken for what is to be sealed. */
export const sealedBy = (key: string | undefined): { readonly encryptWith?: string } =>
  key === undefined ? {} : { encryptWith: key }

/** Under which keys it is kept what is made of a model; nothing where it is kept in clear. */
export interface ModelKeys {
  /** Of what answers: the ONNX file, its card and its scaler. */
  readonly model?: string
  /** Of what has rows that it learned from or was held to, or figures of their values. */
  readonly rows?: string
}

/** Rows are protected as their frame is. What answers is so where the model says it, or where it knows texts of people by heart. */
export function keysOf(model: Model): ModelKeys {
  const rows = frameKey(model)
  const key = model.encryptWith ?? (personalInputs(model).length > 0 ? rows : undefined)
  return { ...(key === undefined ? {} : { model: key }), ...(rows === undefined ? {} : { rows }) }
}

/** The same as part of a step's parameters: what was made in clear is not taken for what is to be sealed. */
export function keysToldOf(model: Model): { readonly keys?: ModelKeys } {
  const keys = keysOf(model)
  return keys.rows === undefined ? {} : { keys }
}

/** The key of a model's training frame: its own, or that of the first of its datasets that has one. */
export function frameKey(model: Model): string | undefined {
  return model.encryptWith ?? datasetsOf(model).find(dataset => dataset.encryptWith !== undefined)?.encryptWith
}
