/** A version of a view that is not what the project declares says who reads it. */
export const nameOf = (view: string, records: string, readers: readonly string[]): string =>
  readers.includes('declared') ? view : `${records}, read by ${readers.join(', ')}`
