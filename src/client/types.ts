import type { Deployment } from '../define/deployment.ts'
import type { RequestOf } from '../define/model.ts'
import type { DefinitionsOf, Project } from '../define/project.ts'

/** A project of which nothing is known: every name and every column. */
export type AnyProject = Project<Readonly<Record<string, Deployment>>>

/** The deployments of a project by the names under which they are served. */
type DeploymentsOf<P> = {
  [K in keyof DefinitionsOf<P> as DefinitionsOf<P>[K] extends { readonly name: infer N; readonly canary: object }
    ? N & string
    : never]: DefinitionsOf<P>[K]
}

export type DeploymentName<P> = keyof DeploymentsOf<P> & string

type ModelOf<P, N extends DeploymentName<P>> = DeploymentsOf<P>[N] extends { readonly model: infer M } ? M : never

/** What may be null may be left out. */
type WithOptional<R> = { readonly [K in keyof R as null extends R[K] ? never : K]: R[K] } & {
  readonly [K in keyof R as null extends R[K] ? K : never]?: R[K]
}

/** A row to predict for: the columns that the model reads, and the keys of its features, which the server looks up. */
export type RowFor<P, N extends DeploymentName<P>> = WithOptional<NonNullable<RequestOf<ModelOf<P, N>>>>

interface AnswerId {
  /** Under it the label comes back. */
  readonly id: string
  /** Probability of the positive class, or of the likeliest one, or the predicted value. */
  readonly score: number
  readonly arm: 'stable' | 'canary'
  readonly version: number
  /** The canary failed and stable answered instead. */
  readonly fallback?: boolean
  /** Feature views whose records do not reach back to the moment: their features had no value. */
  readonly uncovered?: readonly string[]
}

type AnsweredOf<T> = T extends 'binary'
  ? AnswerId & { readonly label: boolean }
  : T extends 'multiclass'
    ? AnswerId & { readonly label: string; readonly scores: Readonly<Record<string, number>> }
    : AnswerId

/** The answer for a row, by the task of the model. */
export type PredictionOf<P, N extends DeploymentName<P>> =
  ModelOf<P, N> extends { readonly task: infer T } ? AnsweredOf<T> : never

type TruthOf<T> = T extends 'binary' ? boolean | 0 | 1 : T extends 'multiclass' ? string : number

/** What came true of an earlier prediction. */
export interface LabelFor<P, N extends DeploymentName<P>> {
  readonly id: string
  readonly label: ModelOf<P, N> extends { readonly task: infer T } ? TruthOf<T> : never
  /** When it became known (default now). */
  readonly at?: Date | string
}
