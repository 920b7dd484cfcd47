import type { CheckResult } from '../../define/report.ts'
import type { CalibrationTest } from '../../define/model-test/index.ts'
import { measure, type Judged } from '../../math/metrics/catalogue.ts'

export function calibrationTest(test: CalibrationTest, model: string, judged: Judged): CheckResult {
  const ece = measure('ece', judged)
  const holds = ece <= test.maxEce
  return {
    id: test.id,
    kind: 'calibration',
    target: { model },
    severity: test.severity,
    status: holds ? 'pass' : 'fail',
    observed: { ece },
    evaluated: judged.labels.length,
    bad: holds ? 0 : 1,
    threshold: `expected calibration error ≤ ${test.maxEce}`,
    message: `predicted and observed shares differ by ${ece.toPrecision(4)} on average over 15 bins`,
  }
}
