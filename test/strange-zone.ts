/**
 * Where tests run: hours from UTC, by an odd number of minutes, with clocks that are moved in the year. Where something goes by
 * the clocks of the machine although UTC was meant, a test notices.
 */
export const strangeZone = 'Pacific/Chatham'
