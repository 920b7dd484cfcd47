/** Takes one line of the log, as fields. */
export type Log = (line: Readonly<Record<string, unknown>>) => void
