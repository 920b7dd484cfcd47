/** What `millrace demo --json` prints: version 1. Every figure is computed in the run that prints it. */
export interface DemoResult {
  readonly version: 1
  readonly seconds: number
  readonly peakRssMb: number
  readonly rows: { readonly read: number; readonly accepted: number; readonly quarantined: number }
  readonly checks: { readonly evaluated: number; readonly failed: number }
  readonly damagedBatch: { readonly injected: number; readonly caught: number; readonly refused: boolean }
  /** Same model and test rows (16 to 31 March): without window features, with features that ignore when a delay was known, and with features that respect it. Online values come from the online store, row by row. */
  readonly auc: {
    readonly staticOnly: number
    readonly leakyOffline: number
    readonly leakyOnline: number
    readonly knownTimeOffline: number
    readonly knownTimeOnline: number
  }
  readonly featuresVerified: { readonly compared: number; readonly mismatches: number }
  readonly onnx: { readonly rows: number; readonly maxAbsDiff: number; readonly labelFlips: number }
  readonly reproduced: boolean
  /** Why the challenger in another unit was refused as long as that was not declared. */
  readonly unitCheck: string
  readonly rollouts: readonly {
    readonly challenger: string
    readonly what: string
    /** AUC of it and of the stable version on the same held-out rows, before any traffic. */
    readonly sameRows: { readonly rows: number; readonly challenger: number; readonly champion: number } | null
    readonly verdict: string
    readonly requests: number
    readonly labels: number
    readonly evidence: string
  }[]
  /** What was changed on purpose, for the monitor to find. */
  readonly change: { readonly at: string; readonly what: string }
  /** Windows (days) that had drifted from the baseline of the version that was stable then, and by what. */
  readonly drift: readonly {
    readonly window: string
    /** Worst first, in words: `the model's score: share of 0.28 to 0.99 23.8 % → 35.4 % over 5 windows`. */
    readonly reason: string
    readonly columns: readonly {
      readonly column: string
      /** In units of the smallest change that matters. */
      readonly times: number
      readonly text: string
    }[]
  }[]
  /** Days that were judged. */
  readonly windows: number
  readonly alerts: number
  readonly retrains: readonly {
    readonly trigger: string
    readonly at: string
    /** Why it started. */
    readonly because: string
    readonly verdict: string
    readonly reason: string
  }[]
  readonly models: readonly { readonly version: number; readonly digest: string; readonly auc: number }[]
  readonly served: {
    readonly predictions: number
    readonly auc: number
    readonly byMonth: Readonly<Record<string, number>>
  }
  readonly decisions: number
}
