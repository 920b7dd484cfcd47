/** Who knows figures of what runs beside Millrace: error rates, revenue, saturation. */
export interface QuerySource {
  /**
   * The number that a query gives now; null where it gives none. Throws `queryUnanswered` with the reason where it cannot be
   * asked, is refused, or gives what is no number, or several, and once `signal` is given up.
   */
  ask(query: string, signal?: AbortSignal): Promise<number | null>
}
