/** One case of a port's contract suite; run it with any test framework: `test(name, run)`. */
export interface ContractCase {
  readonly name: string
  /** Throws an `AssertionError` where the adapter breaks the contract. */
  readonly run: () => Promise<void>
}
