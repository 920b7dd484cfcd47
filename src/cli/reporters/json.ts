import { formatTime } from '../../internal/time.ts'
import type { Report } from '../../define/report.ts'
import { comparisonJson } from './comparison.ts'
import { relativePath, type RenderOptions } from './subject.ts'

/** The reports as they are, times readable and places relative: `{version: 1, reports: […]}`. */
export function render(reports: readonly Report[], options: RenderOptions = {}): string {
  const value = {
    version: 1,
    reports: reports.map(report => ({
      ...report,
      ...comparisonJson(options.comparisons?.get(report.id)),
      at: formatTime(report.at),
      checks: report.checks.map(({ location, ...check }) => {
        const file = location && relativePath(location.file, options.root)
        return { ...check, ...(location && file !== undefined ? { location: { ...location, file } } : {}) }
      }),
    })),
  }
  return `${JSON.stringify(value, null, 2)}\n`
}
