/** Our own change of the world, and said so: something that no winter had, for the monitor to find. */
export const change = {
  from: '2001-05-14',
  what: 'flights of less than 400 miles are no longer served (our own change)',
  /** Flights that are still there. */
  stays: "(date < DATE '2001-05-14' OR distance >= 400)",
} as const
