/** What `GET /v1/features` and `GET /v1/features/plan` say that is shown. */
export interface Spread {
  readonly values: number
  readonly nulls: number
  readonly quartiles?: readonly number[]
  readonly frequent?: readonly { readonly value: string; readonly count: number }[]
}
export interface ComparedFeature {
  readonly feature: string
  readonly mismatches: number
  readonly online: Spread
  readonly offline: Spread
}
export interface Feature {
  readonly name: string
  readonly aggregation: string
  readonly type: string
  readonly window: number | null
  readonly align: { readonly every: number; readonly zone?: string; readonly toDate?: true } | null
  readonly columns: readonly string[]
  readonly readers: readonly string[]
}
export interface View {
  readonly name: string
  readonly roleOf: string | null
  readonly entity: {
    readonly name: string
    readonly keys: readonly string[]
    readonly types: Readonly<Record<string, string>>
  }
  readonly source: string
  readonly online: boolean
  readonly ttl: number | null
  readonly knownTime: string
  readonly features: readonly Feature[]
  readonly models: readonly string[]
  readonly served: readonly { readonly deployment: string; readonly arm: string; readonly version: string }[]
  readonly materialisation: { readonly at: number; readonly rows?: number; readonly entities?: number } | null
  readonly freshness: { readonly newest: number | null; readonly promise: number; readonly isBroken: boolean } | null
  readonly verification: {
    readonly at: number
    readonly compared: number
    readonly mismatches: number
    readonly features: readonly ComparedFeature[]
    readonly examples: readonly {
      readonly key: string
      readonly at: number
      readonly feature: string
      readonly online: unknown
      readonly offline: unknown
    }[]
  } | null
  readonly reads: {
    readonly statuses: readonly Statuses[]
    readonly verification: {
      readonly at: number
      readonly reads: number
      readonly mismatches: number
      readonly reasons: Readonly<Record<string, number>>
    } | null
  } | null
}
/** How often what was read had each status, by the hour. */
export interface Statuses {
  readonly hour: number
  readonly counts: Readonly<Record<string, number>>
}
export interface FeaturesPlan {
  readonly digest: string
  readonly environment: string
  readonly applied: number | null
  readonly breaking: boolean
  readonly changes: readonly {
    readonly view: string
    readonly change: string
    readonly why: string
    readonly features: readonly {
      readonly feature: string
      readonly change: string
      readonly before: string | null
      readonly after: string | null
      readonly breaking: boolean
      readonly readers: readonly string[]
    }[]
    readonly backfill: {
      readonly rows: number | null
      readonly entities: number | null
      readonly seconds: number | null
    } | null
  }[]
}
