/** One case of a port's contract suite; run it with any test framework: `runContract(test, cases)`. */
export interface ContractCase {
  readonly name: string
  /** Throws an `AssertionError` where the adapter breaks the contract. */
  readonly run: () => Promise<void>
  /** Why this adapter cannot be held to this case; it is then shown as skipped, with these words. */
  readonly skip?: string
}

/** Why an adapter is not held to cases of a suite, by the case's name. */
export type Skips = Readonly<Record<string, string>>

/** The cases with their reasons to be skipped. Throws where a reason is empty or names no case: a suite never shrinks unseen. */
export function withSkips(cases: readonly ContractCase[], skips: Skips = {}): readonly ContractCase[] {
  for (const [name, reason] of Object.entries(skips)) {
    if (!cases.some(one => one.name === name)) throw new TypeError(`no case of this contract is called '${name}'`)
    if (reason.trim() === '') throw new TypeError(`the case '${name}' is skipped without a reason`)
  }
  return cases.map(one => (Object.hasOwn(skips, one.name) ? { ...one, skip: skips[one.name] as string } : one))
}

/** `test` of Vitest, node:test, Jest or Mocha. */
export interface TestFunction {
  (name: string, run: () => Promise<void>): unknown
  readonly skip: (name: string, run: () => Promise<void>) => unknown
}

/** Registers every case with the test framework; a skipped one carries its reason in its name. */
export function runContract(test: TestFunction, cases: readonly ContractCase[]): void {
  for (const { name, run, skip } of cases)
    if (skip === undefined) test(name, run)
    else test.skip(`${name} (skipped: ${skip})`, run)
}
