import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { chiSquareSf, noncentralChiSquareSf } from './chi-square.ts'
import { lgamma, logBeta } from './gamma.ts'
import { incompleteBeta, inverseIncompleteBeta } from './incomplete-beta.ts'
import { gammaP, gammaQ } from './incomplete-gamma.ts'
import { erf, erfc, normalCdf, normalQuantile } from './normal.ts'
import { studentSf } from './student.ts'
import { clopperPearson, fisherSf, fisherUpperQuantile, wilson } from './proportion.ts'

const fixture = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/statistics/special.json', import.meta.url), 'utf8'),
) as Record<string, number[][]>

const functions: Record<string, (...x: number[]) => number> = {
  lgamma: lgamma as (...x: number[]) => number,
  logBeta: logBeta as (...x: number[]) => number,
  gammaP: gammaP as (...x: number[]) => number,
  gammaQ: gammaQ as (...x: number[]) => number,
  erf: erf as (...x: number[]) => number,
  erfc: erfc as (...x: number[]) => number,
  normalCdf: normalCdf as (...x: number[]) => number,
  normalQuantile: normalQuantile as (...x: number[]) => number,
  chiSquareSf: chiSquareSf as (...x: number[]) => number,
  noncentralChiSquareSf: noncentralChiSquareSf as (...x: number[]) => number,
  incompleteBeta: incompleteBeta as (...x: number[]) => number,
  inverseIncompleteBeta: inverseIncompleteBeta as (...x: number[]) => number,
  studentSf: studentSf as (...x: number[]) => number,
  fisherSf: fisherSf as (...x: number[]) => number,
  fisherUpperQuantile: fisherUpperQuantile as (...x: number[]) => number,
}

/** Relative difference; numbers below 1e-290 have too few digits left to compare so. */
function difference(actual: number, wanted: number): number {
  if (Math.abs(wanted) < 1e-290) return Math.abs(actual - wanted) < 1e-290 ? 0 : 1
  return Math.abs(actual - wanted) / Math.abs(wanted)
}

describe('special functions equal SciPy to 1e-9 relative', () => {
  for (const [name, call] of Object.entries(functions)) {
    it(name, () => {
      const far = (fixture[name] ?? [])
        .map(row => ({ row, actual: call(...row.slice(0, -1)), wanted: row.at(-1) as number }))
        .filter(({ actual, wanted }) => !(difference(actual, wanted) <= (Math.abs(wanted) < 1e-20 ? 1e-6 : 1e-9)))
      expect(far).toEqual([])
      expect(fixture[name]?.length).toBeGreaterThan(5)
    })
  }

  for (const [name, call] of Object.entries({ clopperPearson, wilson })) {
    it(name, () => {
      for (const [k, n, confidence, lower, upper] of fixture[name] as [number, number, number, number, number][]) {
        const interval = call(k, n, confidence)
        // Wilson's lower end at k = 0 is an exact zero here and rounding noise there
        if (lower > 1e-15) expect(difference(interval.lower, lower)).toBeLessThan(1e-9)
        else expect(interval.lower).toBeLessThan(1e-15)
        expect(difference(interval.upper, upper)).toBeLessThan(1e-9)
      }
    })
  }
})
