import type { ExpectationColumns } from '../../src/define/expectation/index.ts'
import { t, type Expectation } from '../../src/index.ts'

export const columns = {
  date: t.timestamp('UTC'),
  delay: t.int(),
  distance: t.int(),
  origin: t.text(),
  destination: t.text(),
}

type Checks = (c: ExpectationColumns<typeof columns>) => readonly Expectation[]

/** A set of checks on the flights; a type only. */
export const set = (checks: Checks): Checks => checks
