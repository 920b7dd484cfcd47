/**
 * The project's result schema for a check, restated because this folder may not look up to `define/`; a type test
 * holds the two together.
 */
export interface OnnxCheck {
  readonly id: string
  readonly kind: string
  readonly target: { readonly model?: string }
  readonly severity: 'critical' | 'warning'
  readonly status: 'pass' | 'warn' | 'fail'
  readonly observed: Readonly<Record<string, string | number | boolean | null>>
  readonly evaluated: number
  readonly bad: number
  readonly threshold: string
  readonly message: string
  readonly sample?: readonly Readonly<Record<string, string | number | boolean | null>>[]
}

/** What a rule found: how many things it looked at, and one sentence for each that broke it. */
export interface Findings {
  readonly evaluated: number
  readonly problems: readonly string[]
  readonly observed?: OnnxCheck['observed']
}

const greatestSample = 20

export function checkOf(
  id: string,
  threshold: string,
  severity: OnnxCheck['severity'],
  { evaluated, problems, observed = {} }: Findings,
): OnnxCheck {
  const [first] = problems
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
  return {
    id: `onnx.${id}`,
    kind: 'onnx',
    target: {},
    severity,
    status: first === undefined ? 'pass' : severity === 'critical' ? 'fail' : 'warn',
    observed,
    evaluated,
    bad: problems.length,
    threshold,
    message: first === undefined ? threshold : first + more,
    ...(first === undefined ? {} : { sample: problems.slice(0, greatestSample).map(problem => ({ problem })) }),
  }
}
