/** Names of the columns in which moments stand, beside the key columns. */
export const asked = { ordinal: 'millrace_ordinal', at: 'millrace_at' } as const
